import math

import pytest

from medmeta.evaluation.meta_test import (
    ADAPTED,
    BLENDED,
    INTERPOLATION,
    START,
    Row,
    mean_and_interval,
    meta_test,
    table,
)
from medmeta.learners.checkpoint import load_checkpoint
from medmeta.learners.weights import find_weights
from medmeta.training.seeds import META_TEST_SEEDS, META_TRAINING_SEEDS


@pytest.fixture(scope="module")
def rows():
    return meta_test(load_checkpoint(find_weights())[0], ks=(3,), episodes=12)


def test_there_is_a_row_for_the_same_and_for_another_volume(rows):
    same, other = rows
    assert same.same_volume
    assert set(same.dice) == {INTERPOLATION, START, ADAPTED, BLENDED}
    assert set(other.dice) == {START, ADAPTED}
    assert all(len(values) == 12 for row in rows for values in row.dice.values())


def test_the_bundled_weights_beat_interpolation_on_cohorts_they_never_saw(rows):
    dice = {method: sum(values) / len(values) for method, values in rows[0].dice.items()}
    assert dice[BLENDED] > dice[INTERPOLATION] + 0.03


def test_the_same_seed_draws_the_same_episodes(rows):
    learner = load_checkpoint(find_weights())[0]
    again = meta_test(learner, ks=(3,), episodes=12)
    assert again[0].dice[INTERPOLATION] == rows[0].dice[INTERPOLATION]


def test_no_cohort_of_the_meta_test_is_one_of_meta_training():
    assert sum(META_TEST_SEEDS) <= META_TRAINING_SEEDS[0]


def test_the_interval_is_that_of_a_normal_mean():
    mean, half = mean_and_interval([0.2, 0.4, 0.6, 0.8])
    assert mean == pytest.approx(0.5)
    assert half == pytest.approx(1.96 * 0.2581989 / 2)
    assert math.isnan(mean_and_interval([0.5])[1])


def test_the_table_has_a_line_a_row_and_no_interpolation_without_a_prior():
    text = table([Row(3, True, {INTERPOLATION: [0.5, 0.7]}), Row(3, False, {ADAPTED: [0.1, 0.3]})])
    assert text.splitlines()[2].startswith("| same volume | 3 | 0.600 ± 0.196 |")
    assert "| other volume | 3 | - |" in text
