"""What each ingredient of the procedural cohorts is for: short meta-trainings with one left out, on real volumes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from medmeta.evaluation.benchmark import Dataset, Settings, same_volume_jobs
from medmeta.evaluation.benchmark.methods import NothingLeft, run_job
from medmeta.synthesis import RandomCohort
from medmeta.synthesis.ingredients import INGREDIENTS
from medmeta.training.run import MetaTraining
from medmeta.training.task_sets import META_TRAINING
from medmeta.training.trainer import Schedule

ALL, NONE = "all", "none"
"""Nothing left out; everything left out."""

LEARNER = "siamese"


def ingredients_of(variant: str) -> tuple[str, ...]:
    """The ingredients that a variant trains on: `ALL`, `NONE`, or the one that is left out.

    Raises:
        ValueError: none of these.
    """
    if variant == ALL:
        return tuple(INGREDIENTS)
    if variant == NONE:
        return ()
    if variant not in INGREDIENTS:
        raise ValueError(f"{variant!r} is no ingredient: choose from {', '.join((ALL, NONE, *INGREDIENTS))}")
    return tuple(name for name in INGREDIENTS if name != variant)


def meta_train(
    variant: str,
    start: Path | None,
    out: Path,
    *,
    steps: int,
    seed: int,
    log: Callable[[str], None],
    device: str = "cpu",
) -> Path:
    """Meta-trains the Siamese network on cohorts of a variant; a checkpoint that is there is kept.

    Args:
        variant: see `ingredients_of`.
        start: weights to start from, which should not know the ingredients; None for random ones.
        out: where the checkpoint goes.
        steps: of the outer loop.
        seed: of the cohorts.
        log: told how it goes.
        device: "cpu" or "cuda".
    """
    if out.is_file():
        return out
    tasks = replace(META_TRAINING, random_cohort=RandomCohort(ingredients=ingredients_of(variant)))
    # A short run's average must forget the weights that it started from.
    schedule = Schedule(minutes=0, learning_rate=1e-3, warm_up=max(1, min(50, steps // 4)), averaging=0.97, steps=steps)
    MetaTraining(
        LEARNER, out, 0, tasks, start, without_prior=0.3, workers=0, device=device, seed=seed, schedule=schedule,
        command=f"ablation of {variant}",
    ).run(log)  # fmt: skip
    return out


def measure(checkpoint: Path, datasets: Iterable[Dataset], data: Path, *, k: int, cases: str) -> list[dict[str, Any]]:
    """Dice of the Siamese network with these weights in annotated volumes, without random walks behind it.

    Returns:
        "row", "case", "structure" and "dice", one for each structure of each case that has more than k slices.
    """
    settings = Settings(data, device="cpu", checkpoint=str(checkpoint), changed={"walk": None})
    found = []
    for job in same_volume_jobs(datasets, methods=(LEARNER,), k=(k,), cases=cases):
        try:
            record = run_job(job, settings)[0]
        except NothingLeft:
            continue
        found.append({"row": job.row, "case": job.case, "structure": job.structure.name, "dice": record["dice"]})
    return found
