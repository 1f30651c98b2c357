import math

import pytest
import torch

from medmeta.adaptation.guard import BLEND, blended, choose, interpolation_logits, score
from medmeta.adaptation.settings import AdaptationSettings
from medmeta.adaptation.trials import Trial
from medmeta.episodes.channels import FAR_SLICES

QUERY = 3
"""Held-out slices in the trials below."""


def truth():
    inside = torch.zeros(1, 1, 16, 16, dtype=torch.bool)
    inside[..., 4:12, 4:12] = True
    return inside


def trials(shares, interpolation=0.5):
    """Trials of a learner that finds, after so many steps, so large a share of the rows of the structure."""

    def answer(share):
        found = truth() & (torch.arange(16)[:, None] < 4 + round(8 * share))
        return torch.where(found, 20.0, -20.0)

    channels = torch.zeros(1, 13, 16, 16)
    channels[:, :1] = torch.sign(answer(interpolation)) / 8
    channels[:, 6:8] = 4.0 / FAR_SLICES
    channels[:, 8:10] = 1.0
    return [Trial({steps: answer(share) for steps, share in shares.items()}, channels, truth())] * QUERY


def at_an_end(trial):
    """The same with annotated slices on one side alone."""
    channels = trial.channels.clone()
    channels[:, 9] = 0.0
    return Trial(trial.logits, channels, trial.truth)


def chosen(tried, usual=3, **settings):
    options = {"reaches": (0.0, math.inf), "usual_reach": 0.0, "least_compared": QUERY, **settings}
    return choose(tried, dict.fromkeys(tried, usual), AdaptationSettings(**options))


def test_the_number_of_steps_that_does_best_on_held_out_slices_is_taken():
    choice = chosen({"maml": trials({0: 0.5, 2: 1.0, 3: 0.25})})
    assert choice.steps == {"maml": 2}
    assert choice.held_out_dice == 1.0


def test_the_usual_number_is_kept_where_another_is_hardly_better():
    assert chosen({"maml": trials({2: 1.0, 3: 0.875})}, margin=0.1).steps == {"maml": 3}


def test_a_network_that_overshoots_gives_way_to_interpolation():
    choice = chosen({"maml": trials({3: 0.0}, interpolation=0.75)})
    assert math.isinf(choice.reach)
    assert choice.held_out_dice == pytest.approx(choice.interpolation_dice)


def test_the_learner_that_does_best_is_taken_and_every_score_is_told():
    choice = chosen({"siamese": trials({0: 1.0}), "maml": trials({3: 0.0}, 0.5)}, usual=0)
    assert choice.learner == "siamese"
    assert choice.scores["siamese"] == 1.0 > choice.scores["maml"]
    assert set(choice.scores) == {BLEND, "siamese", "maml"}


def test_the_first_learner_is_taken_where_no_other_is_clearly_better():
    assert chosen({"siamese": trials({0: 0.875}), "maml": trials({0: 1.0})}, usual=0, margin=0.1).learner == "siamese"
    assert chosen({"siamese": trials({0: 0.5}), "maml": trials({0: 1.0})}, usual=0, margin=0.1).learner == "maml"


def test_the_blend_of_all_can_win():
    upper, lower = trials({0: 0.5}), trials({0: 0.5})
    # One object in each list, three times. The halves that the two find are each other's complement.
    lower[0].logits[0] = torch.where(truth(), -lower[0].logits[0], -20.0) * 1.5
    upper[0].logits[0] = torch.where(upper[0].logits[0] > 0, 40.0, upper[0].logits[0])
    choice = chosen({"one": upper, "other": lower}, usual=0)
    assert choice.learner == BLEND
    assert choice.steps == {"one": 0, "other": 0}


def test_learners_are_not_compared_by_too_few_slices_between_others():
    tried = {"siamese": trials({0: 1.0}), "maml": trials({3: 0.0})}
    few = {name: [at_an_end(own[0]), *own[1:]] for name, own in tried.items()}
    assert chosen(tried, usual=0).learner == "siamese"
    few = {"maml": few["maml"], "siamese": few["siamese"]}
    choice = chosen(few, usual=0)
    assert choice.learner == "maml"
    assert choice.scores["siamese"] == 1.0


def test_slices_between_others_are_judged_by_where_there_are_enough():
    between, ends = trials({0: 0.5, 3: 1.0}), [at_an_end(t) for t in trials({0: 1.0, 3: 0.0})]
    choice = chosen({"maml": [*ends, *between]}, usual=0)
    assert choice.steps == {"maml": 3}


def test_a_blend_averages_logits():
    upper, lower = trials({0: 0.5}), trials({0: 0.5})
    for trial in lower:
        trial.logits[0] = torch.where(truth(), -trial.logits[0] + 0.0, -20.0) * 1.5
    # The halves that the two find are each other's complement; the surer one wins there.
    tried = {"one": upper, "other": lower}
    assert score(tried, {"one": 0, "other": 0}, 0.0) == score({"other": lower}, {"other": 0}, 0.0)


def test_without_a_slice_to_hold_out_the_first_learner_is_taken_as_usual():
    choice = chosen({"siamese": [], "maml": []}, usual=5)
    assert choice.steps == {"siamese": 5}
    assert choice.held_out_dice is None
    assert not choice.scores


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
