"""Meta-test: methods judged on procedural cohorts that meta-training never drew."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median

import torch

from medmeta.episodes import Episode
from medmeta.evaluation.episode_methods import EpisodeMethod
from medmeta.training.meta import tasks_of
from medmeta.training.sampler import EpisodeShape, SyntheticBatches
from medmeta.training.task_sets import META_TEST, TaskSet
from medmeta.training.trainer import dice

SHARE = 0.95
"""Share of its final Dice at which a method counts as nearly there."""


@dataclass(frozen=True)
class Score:
    """A method on one episode.

    Attributes:
        dice: of its answer, on the query slices.
        steps, seconds: until `SHARE` of that Dice was first reached.
    """

    dice: float
    steps: int
    seconds: float


@dataclass(frozen=True)
class Row:
    """Scores on one kind of episode.

    Attributes:
        k: annotated slices.
        same_volume: True where the query comes from the annotated volume.
        scores: one list of a score an episode for each method that can answer.
    """

    k: int
    same_volume: bool
    scores: dict[str, list[Score]]

    def dice(self, method: str) -> list[float]:
        """A method's Dice, an episode each."""
        return [score.dice for score in self.scores[method]]


def mean_and_interval(values: Sequence[float]) -> tuple[float, float]:
    """Mean and half width of its 95% confidence interval (normal approximation)."""
    numbers = torch.tensor(list(values), dtype=torch.float64)
    if len(numbers) < 2:
        return float(numbers.mean()), math.nan
    return float(numbers.mean()), 1.96 * float(numbers.std()) / math.sqrt(len(numbers))


@torch.no_grad()
def meta_test(
    methods: Sequence[EpisodeMethod],
    ks: Sequence[int],
    episodes: int,
    seed: int = 0,
    progress: Callable[[Row], None] | None = None,
    tasks: TaskSet = META_TEST,
) -> list[Row]:
    """Judges methods on the same episodes.

    Args:
        methods: with names of their own.
        ks: numbers of annotated slices.
        episodes: how many for each of them, and for each of same and other volume.
        seed: moves within `tasks`.
        progress: called with every finished row.
        tasks: where the cohorts come from.

    Returns:
        A row for each k with the query from the same volume, then one for each with the query from another.
    """
    rows = []
    for same_volume in (True, False):
        able = [method for method in methods if same_volume or not method.needs_prior]
        for k in ks:
            row = Row(k, same_volume, {method.name: [] for method in able})
            for episode in _episodes(tasks, EpisodeShape(k, 8, 56, same_volume), episodes, seed):
                for method in able:
                    row.scores[method.name].append(score(method, episode))
            rows.append(row)
            if progress is not None:
                progress(row)
    return rows


def score(method: EpisodeMethod, episode: Episode) -> Score:
    """Follows a method to its answer; the time that judging takes does not count."""
    curve, seconds, start = [], 0.0, time.perf_counter()
    for steps, logits in method.answers(episode):
        seconds += time.perf_counter() - start
        found = float(dice(logits()[None], episode.query.targets[None]))
        curve.append((steps, seconds, found))
        start = time.perf_counter()
    final = curve[-1][2]
    steps, seconds, _ = next(point for point in curve if point[2] >= SHARE * final)
    return Score(final, steps, seconds)


def _episodes(tasks: TaskSet, shape: EpisodeShape, count: int, seed: int) -> Iterator[Episode]:
    # Two episodes a cohort: many cohorts say more than many structures of few.
    batches = SyntheticBatches(
        tasks.first + seed, tasks.count, 2, random_shape=lambda _: shape, episodes_per_cohort=2,
        random_cohort=tasks.random_cohort,
    )  # fmt: skip
    found = 0
    for batch in batches:
        for episode in tasks_of(batch.to("cpu")):
            if found == count:
                return
            found += 1
            yield episode


def table(rows: Sequence[Row]) -> str:
    """Rows as a Markdown table: mean Dice and 95% interval."""
    methods = list(dict.fromkeys(method for row in rows for method in row.scores))
    lines = ["| query | K | " + " | ".join(methods) + " |", "| --- | --- |" + " --- |" * len(methods)]
    for row in rows:
        cells = []
        for method in methods:
            if method in row.scores:
                mean, interval = mean_and_interval(row.dice(method))
                cells.append(f"{mean:.3f} ± {interval:.3f}")
            else:
                cells.append("-")
        lines.append(f"| {'same volume' if row.same_volume else 'other volume'} | {row.k} | {' | '.join(cells)} |")
    return "\n".join(lines)


def speed_table(rows: Sequence[Row]) -> str:
    """Medians over all episodes of the steps and seconds to `SHARE` of a method's own final Dice, as Markdown."""
    methods = list(dict.fromkeys(method for row in rows for method in row.scores))
    lines = [f"| method | steps to {SHARE:.0%} | seconds |", "| --- | --- | --- |"]
    for method in methods:
        scores = [s for row in rows for s in row.scores.get(method, ())]
        steps, seconds = median(s.steps for s in scores), median(s.seconds for s in scores)
        lines.append(f"| {method} | {steps:g} | {seconds:.2f} |")
    return "\n".join(lines)
