"""Meta-test of the image-level Siamese network: pairs of volumes that meta-training never drew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import torch

from medmeta.learners.image_siamese import ImageSiamese
from medmeta.training.meta import tasks_of
from medmeta.training.task_sets import META_TEST, TaskSet
from medmeta.training.volume_pairs import KINDS, SAME, VolumePairs


@dataclass(frozen=True)
class PairScore:
    """Distances of one kind of volume.

    Attributes:
        kind: see `KINDS`.
        same: True where it belongs to the task.
        distances: one for each pair.
        in_range: how many of them the threshold counts as of the task.
    """

    kind: str
    same: bool
    distances: tuple[float, ...]
    in_range: int


@torch.no_grad()
def pair_test(learner: ImageSiamese, episodes: int, seed: int = 0, tasks: TaskSet = META_TEST) -> list[PairScore]:
    """Judges a learner on pairs of volumes.

    Args:
        learner: in evaluation mode.
        episodes: each gives one pair or two of every kind.
        seed: moves within `tasks`.
        tasks: where the cohorts come from.

    Returns:
        A score for each kind.
    """
    pairs = VolumePairs(tasks.first + seed, tasks.count, tasks=2, sizes=(64,), random_cohort=tasks.random_cohort)
    found: dict[str, list[float]] = {kind: [] for kind in KINDS}
    batches = islice(pairs, (episodes + 1) // 2)
    for episode in (one for batch in batches for one in tasks_of(batch.to("cpu"))):
        signatures = learner.adapt([episode.support])["signatures"]
        distances = learner.distances(learner.signatures(episode.query.inputs[0]), signatures)
        for kind, distance in zip(KINDS, distances.tolist(), strict=True):
            found[kind].append(distance)
    threshold = float(learner.threshold)
    same = set(KINDS[:SAME])
    return [PairScore(k, k in same, tuple(d), sum(x <= threshold for x in d)) for k, d in found.items()]


def area_under_curve(scores: Sequence[PairScore]) -> float:
    """Probability that a volume of the task is nearer than one that is not: the area under the ROC curve."""
    near, far = (torch.tensor([d for s in scores if s.same is same for d in s.distances]) for same in (True, False))
    below = (near[:, None] < far[None]).double() + 0.5 * (near[:, None] == far[None]).double()
    return float(below.mean())


def pair_table(scores: Sequence[PairScore]) -> str:
    """Scores as a Markdown table, the area under the curve below it."""
    lines = ["| volume | pairs | mean distance | judged in range |", "| --- | --- | --- | --- |"]
    for score in scores:
        mean, share = sum(score.distances) / len(score.distances), score.in_range / len(score.distances)
        lines.append(f"| {score.kind} | {len(score.distances)} | {mean:.2f} | {share:.0%} |")
    return "\n".join([*lines, "", f"Area under the ROC curve: {area_under_curve(scores):.3f}"])
