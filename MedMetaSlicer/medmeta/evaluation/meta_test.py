"""Meta-test: a learner on procedural cohorts that it never saw, beside interpolation and itself without inner steps."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from medmeta.adaptation.guard import blended, interpolation_logits
from medmeta.adaptation.settings import AdaptationSettings
from medmeta.episodes import Episode
from medmeta.learners.base import Learner
from medmeta.training.meta import tasks_of
from medmeta.training.sampler import EpisodeShape, SyntheticBatches
from medmeta.training.seeds import META_TEST_SEEDS
from medmeta.training.trainer import dice

INTERPOLATION, START, ADAPTED, BLENDED = "interpolation", "before the inner loop", "after it", "blended by distance"
METHODS = (INTERPOLATION, START, ADAPTED, BLENDED)


@dataclass(frozen=True)
class Row:
    """Dice on the query slices of one kind of episode.

    Attributes:
        k: annotated slices.
        same_volume: True where the query comes from the annotated volume.
        dice: one list of a number an episode for each method; no interpolation where there is no prior.
    """

    k: int
    same_volume: bool
    dice: dict[str, list[float]]


def mean_and_interval(values: Sequence[float]) -> tuple[float, float]:
    """Mean and half width of its 95% confidence interval (normal approximation)."""
    numbers = torch.tensor(list(values), dtype=torch.float64)
    if len(numbers) < 2:
        return float(numbers.mean()), math.nan
    return float(numbers.mean()), 1.96 * float(numbers.std()) / math.sqrt(len(numbers))


@torch.no_grad()
def meta_test(
    learner: Learner,
    ks: Sequence[int],
    episodes: int,
    seed: int = 0,
    progress: Callable[[Row], None] | None = None,
) -> list[Row]:
    """Judges a learner.

    Args:
        learner: in evaluation mode.
        ks: numbers of annotated slices.
        episodes: how many for each of them, and for each of same and other volume.
        seed: moves within `META_TEST_SEEDS`.
        progress: called with every finished row.

    Returns:
        A row for each k with the query from the same volume, then one for each with the query from another.
    """
    rows = []
    for same_volume in (True, False):
        for k in ks:
            row = Row(k, same_volume, {method: [] for method in (METHODS if same_volume else METHODS[1:3])})
            for episode in _episodes(EpisodeShape(k, 8, 56, same_volume), episodes, seed):
                for method, logits in _answers(learner, episode).items():
                    row.dice[method].append(float(dice(logits[None], episode.query.targets[None])))
            rows.append(row)
            if progress is not None:
                progress(row)
    return rows


def _episodes(shape: EpisodeShape, count: int, seed: int):
    first, seeds = META_TEST_SEEDS
    # Two episodes a cohort: many cohorts say more than many structures of few.
    batches = SyntheticBatches(first + seed, seeds, 2, random_shape=lambda _: shape, episodes_per_cohort=2)
    found = 0
    for batch in batches:
        for episode in tasks_of(batch.to("cpu")):
            if found == count:
                return
            found += 1
            yield episode


def _answers(learner: Learner, episode: Episode) -> dict[str, torch.Tensor]:
    """Query logits (Q, 1, H, W) by method."""
    states = []
    learner.adapt([episode.support], on_step=lambda _, state: states.append(state))
    before, after = (learner.predict(state, episode.query.inputs) for state in (states[0], states[-1]))
    answers = {START: before, ADAPTED: after}
    segment = episode.query.inputs[1]
    if bool((segment[:, 8:10] > 0).any()):
        # Zero lies on the border: outside it.
        answers[INTERPOLATION] = interpolation_logits(segment) - 1e-4
        answers[BLENDED] = blended(after, segment, AdaptationSettings().usual_reach)
    return answers


def table(rows: Sequence[Row]) -> str:
    """Rows as a Markdown table: mean Dice and 95% interval."""
    lines = ["| query | K | " + " | ".join(METHODS) + " |", "| --- | --- |" + " --- |" * len(METHODS)]
    for row in rows:
        cells = []
        for method in METHODS:
            if method in row.dice:
                mean, interval = mean_and_interval(row.dice[method])
                cells.append(f"{mean:.3f} ± {interval:.3f}")
            else:
                cells.append("-")
        lines.append(f"| {'same volume' if row.same_volume else 'other volume'} | {row.k} | {' | '.join(cells)} |")
    return "\n".join(lines)
