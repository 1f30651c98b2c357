"""The meta-training set and the meta-test set: explicit, with a manifest and a hash, and without a cohort in common."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from medmeta.synthesis import Cohort, RandomCohort


@dataclass(frozen=True)
class TaskSet:
    """Procedural cohorts of a range of seeds: each seed is an anatomy of its own, with its structures and volumes.

    Attributes:
        name: on the command line.
        first: the first cohort seed.
        count: how many seeds there are.
        random_cohort: the generator.
    """

    name: str
    first: int
    count: int
    random_cohort: RandomCohort = field(default_factory=RandomCohort, compare=False)

    @property
    def seeds(self) -> range:
        """The cohort seeds."""
        return range(self.first, self.first + self.count)

    def cohorts(self, start: int = 0) -> Iterator[Cohort]:
        """The cohorts in the order of their seeds, from number `start` on."""
        for seed in self.seeds[start:]:
            yield self.random_cohort(seed)

    def manifest(self) -> dict[str, Any]:
        """What the set consists of, JSON-able."""
        generator = self.random_cohort
        return {
            "name": self.name,
            "generator": f"{type(generator).__module__}.{type(generator).__name__}",
            "settings": {
                "subjects": generator.subjects,
                "size": list(generator.size),
                "slices": list(generator.slices),
                "thickness": [list(pair) for pair in generator.thickness],
                "ingredients": sorted(generator.ingredients),
            },
            "first_seed": self.first,
            "seeds": self.count,
        }

    @property
    def sha256(self) -> str:
        """Hash of the manifest, hexadecimal."""
        return hashlib.sha256(json.dumps(self.manifest(), sort_keys=True).encode()).hexdigest()

    def disjoint(self, other: TaskSet) -> bool:
        """True where no seed, and so no structure and no volume, is in both."""
        return self.seeds.stop <= other.seeds.start or other.seeds.stop <= self.seeds.start


META_TEST = TaskSet("meta-test", 500_000, 100_000)
"""What learners are judged on; seeds below it are for trying things out."""

META_TRAINING = TaskSet("meta-training", 1_000_000, 10**9)
"""What learners are meta-trained on."""

TASK_SETS = {tasks.name: tasks for tasks in (META_TEST, META_TRAINING)}
"""Name -> set."""
