import numpy as np
import pytest

from medmeta.adaptation.dice_model import ANNOTATED, DiceModel, Signs


def signs(soft=0.8, agreement=0.8, single=0.0):
    return Signs(*(np.array(value, dtype=float) for value in (soft, agreement, single)))


def test_without_weights_for_other_signs_probabilities_stand_as_they_are():
    assert DiceModel()(signs(soft=0.7, agreement=0.1)) == pytest.approx(0.7)


def test_the_formula_is_that_of_the_logit():
    model = DiceModel(constant=0.1, soft=0.5, agreement=0.3, single=0.2)
    logit = 0.1 + 0.5 * np.log(4) + 0.3 * np.log(1.5) - 0.2
    found = model(signs(agreement=0.6, single=1))
    assert found == pytest.approx(1 / (1 + np.exp(-logit)))


def test_no_sign_counts_for_the_opposite():
    usual = ANNOTATED(signs())
    assert ANNOTATED(signs(soft=0.9)) > usual < ANNOTATED(signs(agreement=0.9))
    assert ANNOTATED(signs(single=1)) < usual


def test_dices_without_a_logit_are_cut_and_unknown_ones_stay_unknown():
    found = ANNOTATED(signs(soft=[0.0, 1.0, np.nan], agreement=[0, 1, 1], single=[0, 0, 0]))
    assert 0 < found[0] < found[1] < 1
    assert np.isnan(found[2])
