import math

import pytest
import torch

from medmeta.adaptation.guard import Guard, blended, interpolation_logits
from medmeta.adaptation.settings import AdaptationSettings
from medmeta.adaptation.support import annotated_stacks
from medmeta.episodes.channels import FAR_SLICES
from medmeta.learners.base import Learner


class Oracle(Learner):
    """Right after two steps, wrong after three; knows the truth from the image, which is the mask."""

    name = "oracle"

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def adapt(self, support, *, steps=None, on_step=None):
        for step in range(steps + 1):
            on_step(step, {"step": torch.tensor(step)})

    def predict(self, state, inputs):
        image = inputs[0][:, 2:3]
        truth = torch.where(image > image.mean(), 20.0, -20.0)
        return truth if int(state["step"]) == 2 else -truth

    def meta_loss(self, episode):
        raise NotImplementedError

    def settings(self):
        return {}


@pytest.fixture
def stacks(scan, annotated):
    volume, labels = scan()
    volume.array[...] = 1000.0 * (labels == 1)
    return annotated_stacks([annotated(volume, labels, values=(1,))], AdaptationSettings().region)[0]


def guard(stacks, **settings):
    return Guard(Oracle(), stacks, AdaptationSettings(**settings), 5, lambda e: [e], lambda: None)


def test_the_number_of_steps_that_does_best_on_held_out_slices_is_taken(stacks):
    choice = guard(stacks, steps=(0, 1, 2, 3), usual_steps=3, reaches=(0.0,), usual_reach=0.0).choose(0)
    assert choice.steps == 2
    assert choice.expected_dice > 0.9


def test_a_network_that_overshoots_gives_way_to_interpolation(stacks):
    choice = guard(stacks, steps=(3,), usual_steps=3, reaches=(0.0, math.inf), usual_reach=0.0).choose(0)
    assert math.isinf(choice.reach)
    assert choice.expected_dice == pytest.approx(choice.interpolation_dice)


def test_every_drawn_slice_is_held_out_up_to_the_number_of_folds(stacks):
    assert [place[1] for place in guard(stacks).held_out_places(0)] == [3, 6, 9]
    assert len(guard(stacks, folds=2).held_out_places(0)) == 2


def segment_channels_at(before, after):
    """Segment channels of a slice so many pixels from its annotated neighbours; None for no neighbour."""
    segment = torch.randn(1, 13, 8, 8)
    for side, distance in enumerate((before, after)):
        segment[:, 6 + side] = 0 if distance is None else distance / FAR_SLICES
        segment[:, 8 + side] = distance is not None
    return segment


def test_no_reach_is_the_network_and_an_endless_one_interpolation():
    segment, logits = segment_channels_at(3, 5), torch.randn(1, 1, 8, 8)
    assert torch.equal(blended(logits, segment, 0.0), logits)
    assert torch.allclose(blended(logits, segment, math.inf), interpolation_logits(segment))


@pytest.mark.parametrize(("before", "after", "distance"), [(3, 5, 3), (12, 4, 4), (None, 6, 6), (2, None, 2)])
def test_both_weigh_the_same_where_the_nearest_annotated_slice_is_as_far_as_the_reach(before, after, distance):
    segment, logits = segment_channels_at(before, after), torch.randn(1, 1, 8, 8)
    half = (logits + interpolation_logits(segment)) / 2
    assert torch.allclose(blended(logits, segment, distance), half, atol=1e-5)


def test_without_a_prior_the_network_stands_alone():
    segment, logits = segment_channels_at(None, None), torch.randn(1, 1, 8, 8)
    for reach in (0.0, 4.0, math.inf):
        assert torch.equal(blended(logits, segment, reach), logits)
