import numpy as np
import pytest

from medmeta.adaptation.dice_model import DiceModel, Signs
from medmeta.evaluation.calibrate_dice import Example, fit, table, told_by, told_without

MADE_BY = DiceModel(constant=0.2, soft=0.6, agreement=0.4, single=0.9)


def examples(count=300, noise=0.02):
    """Of three cohorts, their Dice made by a known model."""
    rng = np.random.default_rng(0)
    found = []
    for number in range(count):
        signs = Signs(*rng.uniform(0.4, 0.95, 2), float(number % 4 == 0))
        dice = float(np.clip(MADE_BY(signs) + noise * rng.normal(), 0, 1))
        found.append(Example(f"cohort {number % 3}", 1 if signs.single else 3, signs, dice))
    return found


def test_the_model_that_made_the_dice_is_found():
    assert fit(examples()).weights() == pytest.approx(MADE_BY.weights(), abs=0.1)


def test_a_sign_that_means_nothing_gets_no_weight():
    rng = np.random.default_rng(1)
    shuffled = [
        Example(e.cohort, e.k, Signs(e.signs.soft, rng.uniform(0.4, 0.95), e.signs.single), e.dice) for e in examples()
    ]
    assert fit(shuffled).agreement < 0.05


def test_a_cohort_is_told_by_what_was_fitted_on_the_others():
    found = examples()
    spoilt = [Example(e.cohort, e.k, e.signs, 0.1) if e.cohort == "cohort 0" else e for e in found]
    own = np.array([e.cohort == "cohort 0" for e in found])
    assert told_without(spoilt)[own] == pytest.approx(told_without(found)[own])


def test_the_table_has_a_row_for_each_cohort_and_number_of_slices():
    lines = table(examples(), [("it", told_by(MADE_BY))]).splitlines()
    assert len(lines) == 2 + 6 + 1
    assert lines[2].startswith("| cohort 0 | 1 | 25 |")
    assert float(lines[-1].split("|")[-2]) > 0.95
