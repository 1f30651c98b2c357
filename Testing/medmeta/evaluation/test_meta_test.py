import math

import pytest
import torch

from medmeta.episodes import Episode, Examples
from medmeta.evaluation.contestants import card_methods
from medmeta.evaluation.episode_methods import EpisodeMethod, Interpolation
from medmeta.evaluation.meta_test import Row, Score, mean_and_interval, meta_test, score, speed_table, table

INTERPOLATION, START, ADAPTED, BLENDED = "interpolation", "before the inner loop", "after it", "blended by distance"


@pytest.fixture(scope="module")
def rows():
    return meta_test(card_methods("maml"), ks=(3,), episodes=12)


def test_there_is_a_row_for_the_same_and_for_another_volume(rows):
    same, other = rows
    assert same.same_volume
    assert set(same.scores) == {INTERPOLATION, START, ADAPTED, BLENDED}
    assert set(other.scores) == {START, ADAPTED, BLENDED}
    assert all(len(scores) == 12 for row in rows for scores in row.scores.values())


def test_the_bundled_weights_beat_interpolation_on_cohorts_they_never_saw(rows):
    means = {method: sum(rows[0].dice(method)) / 12 for method in rows[0].scores}
    assert means[BLENDED] > means[INTERPOLATION] + 0.03


def test_the_same_seed_draws_the_same_episodes(rows):
    again = meta_test([Interpolation()], ks=(3,), episodes=12)
    assert again[0].dice(INTERPOLATION) == rows[0].dice(INTERPOLATION)


class Staircase(EpisodeMethod):
    """Finds more of the truth with every step, of which it takes four."""

    name = "staircase"

    def answers(self, episode):
        truth = episode.query.targets.flatten(1)
        for step in range(5):
            shown = (torch.arange(truth.shape[1]) < truth.shape[1] * (step + 1) / 5) * truth
            yield step, lambda shown=shown: shown.view_as(episode.query.targets) - 0.5


def test_a_method_is_nearly_there_when_it_first_has_most_of_its_final_dice():
    targets = torch.ones(2, 1, 10, 10)
    found = score(Staircase(), Episode(Examples((), targets), Examples((), targets)))
    assert found.dice == 1
    assert found.steps == 4  # a step earlier it has 2 * .8 / 1.8 = .89
    assert found.seconds > 0


def test_the_interval_is_that_of_a_normal_mean():
    mean, half = mean_and_interval([0.2, 0.4, 0.6, 0.8])
    assert mean == pytest.approx(0.5)
    assert half == pytest.approx(1.96 * 0.2581989 / 2)
    assert math.isnan(mean_and_interval([0.5])[1])


def test_the_table_has_a_line_a_row_and_no_interpolation_without_a_prior():
    same = Row(3, True, {INTERPOLATION: [Score(0.5, 0, 0.1), Score(0.7, 0, 0.3)]})
    text = table([same, Row(3, False, {ADAPTED: [Score(0.1, 2, 1.0)]})])
    assert text.splitlines()[2].startswith("| same volume | 3 | 0.600 ± 0.196 |")
    assert "| other volume | 3 | - |" in text


def test_the_speed_table_has_medians_over_all_rows():
    rows = [Row(k, True, {ADAPTED: [Score(0.5, k, 2.0 * k)]}) for k in (1, 3, 8)]
    assert "| after it | 3 | 6.00 |" in speed_table(rows)
