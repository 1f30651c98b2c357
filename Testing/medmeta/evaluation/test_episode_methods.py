import pytest
import torch
from torch import nn

from medmeta.episodes import Episode, Examples, SliceStack, Window, image_channels, segment_channels
from medmeta.evaluation.episode_methods import FineTuned, Interpolation, Learned, NearestSlice, has_prior
from medmeta.learners.maml import MAML
from medmeta.priors import ShapePrior

DRAWN = (3, 9)


def episode(prior=True):
    """A bright square that shrinks from slice to slice; drawn on two of them."""
    masks = torch.zeros(12, 32, 32, dtype=torch.bool)
    for z in range(12):
        masks[z, 4 : 28 - z, 4 : 28 - z] = True
    stack = SliceStack.cut(masks.float() * 2 - 1, Window(0, 0, 32, 32, 32, 32), 1.0)
    shape = ShapePrior.from_masks(masks[list(DRAWN)].numpy(), DRAWN) if prior else None

    def examples(positions, left_out=None):
        inputs = image_channels(stack, positions, 5), segment_channels(stack, positions, shape, left_out)
        return Examples(inputs, masks[positions][:, None].float())

    return Episode(examples(list(DRAWN), [(p,) for p in DRAWN]), examples([4, 8, 11]))


def last(method, one):
    return list(method.answers(one))[-1]


def test_the_nearest_slice_is_shown_as_it_is():
    found = last(NearestSlice(), episode())[1]() > 0
    for answer, side in zip(found[:, 0], (28 - 3, 28 - 9, 28 - 9), strict=True):
        expected = torch.zeros(32, 32, dtype=torch.bool)
        expected[4:side, 4:side] = True
        assert torch.equal(answer, expected)


def test_interpolation_lies_between_the_drawn_shapes():
    areas = (last(Interpolation(), episode())[1]() > 0).flatten(1).sum(1).tolist()
    assert (28 - 3 - 4) ** 2 > areas[0] > areas[1] > (28 - 9 - 4) ** 2


def test_there_is_a_prior_only_in_the_annotated_volume():
    assert has_prior(episode())
    assert not has_prior(episode(prior=False))
    assert Interpolation.needs_prior
    assert NearestSlice.needs_prior
    assert not FineTuned.needs_prior


class Brightness(nn.Module):
    """Logit from the middle slice's grey value alone."""

    def __init__(self):
        super().__init__()
        self.slope = nn.Parameter(torch.tensor(-1.0))

    def forward(self, image, segment):
        return self.slope * image[:, 2:3]


def cross_entropy(logits, targets):
    return nn.functional.binary_cross_entropy_with_logits(logits, targets)


def test_fine_tuning_learns_from_the_support_set_and_leaves_the_network_alone():
    network = Brightness()
    answers = list(FineTuned("tuned", network, steps=12, rate=0.3, loss=cross_entropy, report=5).answers(episode()))
    assert [steps for steps, _ in answers] == [0, 5, 10, 12]
    assert float(network.slope.detach()) == -1
    one = episode()
    _, logits = last(FineTuned("tuned", network, steps=12, rate=0.3, loss=cross_entropy), one)
    assert torch.equal(logits() > 0, one.query.targets > 0.5)


@pytest.mark.parametrize("steps", [0, 4])
def test_a_learner_answers_after_every_step(steps):
    learner = MAML(Brightness(), cross_entropy, step_size=1.0, steps=2)
    with torch.no_grad():
        answers = list(Learned("maml", learner, steps=steps).answers(episode()))
        assert [at for at, _ in answers] == list(range(steps + 1))
        assert answers[-1][1]().shape == (3, 1, 32, 32)
