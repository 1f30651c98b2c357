import numpy as np
import pytest
import torch

from medmeta.adaptation.dice_model import DiceModel
from medmeta.adaptation.expectation import ExpectedDice, expected_overlap


def sums(both, sizes, shared=None, together=None):
    """(1, Z, 4), as `expected_overlap` gives them; the other opinion is the decision itself, if none is given."""
    return np.stack([both, sizes, shared or both, together or sizes], axis=-1)[None].astype(np.float32)


def test_sure_probabilities_let_expect_a_perfect_dice():
    logits = torch.full((1, 2, 8, 8), -30.0)
    logits[0, :, 2:6, 2:6] = 30.0
    expected = ExpectedDice.of(expected_overlap(logits))
    assert expected.cases[0] == pytest.approx(1, abs=2e-3)
    assert expected.slices == pytest.approx(np.ones((1, 2)), abs=2e-3)


def test_the_expected_dice_is_near_the_mean_dice_of_what_the_probabilities_say():
    torch.manual_seed(0)
    logits = 6 * torch.randn(1, 1, 64, 64)
    given = logits > 0
    dices = []
    for _ in range(50):
        truth = torch.rand(logits.shape) < torch.sigmoid(logits)
        dices.append(float(2 * (truth & given).sum() / (truth.sum() + given.sum())))
    assert ExpectedDice.of(expected_overlap(logits)).cases[0] == pytest.approx(np.mean(dices), abs=0.015)


def test_a_pixel_belongs_to_the_most_probable_segment_alone():
    logits = torch.stack([torch.full((1, 4, 4), 1.0), torch.full((1, 4, 4), 2.0)])
    both = expected_overlap(logits)[..., 0]
    assert both[0, 0] == 0
    assert both[1, 0] == pytest.approx(16 * float(torch.sigmoid(torch.tensor(2.0))))


def test_annotated_slices_do_not_count_and_turned_volumes_are_numbered_their_own_way():
    overlap = sums((9, 4, 2, 0), (20, 10, 10, 0))
    expected = ExpectedDice.of(overlap, annotated=(0,), flipped=True)
    assert expected.cases[0] == pytest.approx(2 * 6 / 20)
    assert np.isnan(expected.slices[0, [0, 3]]).all()
    assert expected.slices[0, [1, 2]] == pytest.approx([0.4, 0.8])


def test_nothing_expected_is_none():
    assert ExpectedDice.of(np.zeros((1, 3, 4))).cases == (None,)


def test_a_large_faint_background_does_not_count():
    logits = torch.full((1, 1, 256, 256), -3.0)
    logits[..., :8, :8] = 5.0
    assert ExpectedDice.of(expected_overlap(logits)).cases[0] > 0.95


def test_another_opinion_is_held_against_the_decision():
    logits = torch.full((1, 1, 4, 4), -5.0)
    logits[..., :2, :] = 5.0
    opinion = torch.zeros(1, 1, 4, 4, dtype=torch.bool)
    opinion[..., 1:, :] = True
    assert expected_overlap(logits, opinion)[0, 0, 2:].tolist() == [4, 20]
    assert expected_overlap(logits)[0, 0, 2:].tolist() == [8, 16]


def test_less_is_expected_where_opinions_differ_and_of_what_is_drawn_once():
    model = DiceModel(agreement=0.5, single=1)
    one = sums((9, 9), (20, 20), (9, 5), (20, 20))
    expected = ExpectedDice.of(np.concatenate([one, one]), model=model, single=[False, True])
    assert (expected.slices[:, 0] > expected.slices[:, 1]).all()
    assert (expected.slices[0] > expected.slices[1]).all()
    assert expected.cases[0] > expected.cases[1]
