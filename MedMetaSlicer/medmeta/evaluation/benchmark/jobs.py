"""What there is to compute: one job is one annotation, given to one method."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from medmeta.evaluation.benchmark.datasets import Dataset, Structure, select_cases

OURS = "ours"
"""The method as it ships: every learner, and what held-out slices say of them."""

LEARNED = {OURS: "auto", "maml": "maml", "siamese": "siamese", "lstm": "lstm"}
"""Methods that adapt meta-learners -> what they call their learner."""

JOINT, SCRATCH = "joint-fine-tuned", "from-scratch"
FINE_TUNED = (JOINT, SCRATCH)
"""Methods that train a network on the annotated slices for some time."""

Key = tuple

Weights = Mapping[str, str]
"""Method -> hash of the weights that it uses; a method without weights is not in it."""


@dataclass(frozen=True)
class Job:
    """One annotation for one method.

    Attributes:
        dataset: what is measured.
        case: the annotated case.
        structure: what is annotated.
        k: how many slices are.
        method: one of `LEARNED`, of `FINE_TUNED`, or a baseline.
        targets: other cases to predict; none for the annotated case itself.
        also: further cases that are annotated together with it.
    """

    dataset: Dataset
    case: str
    structure: Structure
    k: int
    method: str
    targets: tuple[str, ...] = ()
    also: tuple[str, ...] = ()

    @property
    def learns(self) -> bool:
        """True where the method is a network."""
        return self.method in LEARNED or self.method in FINE_TUNED

    @property
    def row(self) -> str:
        """The name under which the table shows it."""
        if not self.targets:
            return self.dataset.name
        return f"{self.dataset.name}, other volumes" + (f", {1 + len(self.also)} annotated" if self.also else "")

    def keys(self, weights: Weights, seed: int) -> list[Key]:
        """What identifies each record of the job; the seed does not matter to baselines without a network."""
        weights = (weights.get(self.method), seed if self.learns else None)
        targets = self.targets or (self.case,)
        return [(self.row, self.case, t, self.structure.name, self.k, self.method, *weights) for t in targets]


def same_volume_jobs(
    datasets: Iterable[Dataset],
    *,
    methods: Sequence[str],
    k: Sequence[int],
    cases: str = "all",
    structures: int | None = None,
) -> list[Job]:
    """Every structure of every case for every K, baselines first.

    Args:
        datasets: what to measure.
        methods: names.
        k: the K wanted; those that a manifest does not list are left out of its dataset.
        cases: see `select_cases`.
        structures: at most so many of each case.
    """
    ordered = sorted(methods, key=lambda method: (method in LEARNED or method in FINE_TUNED, method == OURS))
    return [
        Job(dataset, case, structure, count, method)
        for dataset in datasets
        for case in select_cases(dataset.cases, cases)
        for structure in dataset.structures_of(case)[:structures]
        for count in dataset.k
        if count in k
        for method in ordered
    ]


def other_volume_jobs(
    dataset: Dataset, *, k: int = 5, annotated: int = 5, together: int = 1, cases: str = "all"
) -> list[Job]:
    """Some cases, spread evenly, are annotated in turn; every other case that has the structure is predicted.

    Args:
        dataset: a cohort.
        k: annotated slices, in each annotated case.
        annotated: how many times.
        together: cases that are annotated at a time, the others being those that follow in the list.
        cases: see `select_cases`.
    """
    chosen = select_cases(dataset.cases, cases)
    jobs = []
    for case in select_cases(chosen, str(annotated)):
        for structure in dataset.structures_of(case):
            having = [c for c in chosen if structure in dataset.structures_of(c)]
            start = having.index(case)
            also = tuple(having[(start + i) % len(having)] for i in range(1, together))
            targets = tuple(c for c in having if c not in (case, *also))
            if targets and len(also) == together - 1:
                jobs.append(Job(dataset, case, structure, k, OURS, targets, also))
    return jobs
