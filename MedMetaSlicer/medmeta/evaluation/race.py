"""How long others take to our Dice: training from scratch, and fine-tuning the jointly trained network."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from medmeta.adaptation import AdaptationSettings, adapt
from medmeta.annotations import AnnotatedVolume, SparseAnnotation
from medmeta.evaluation.baselines.fine_tuned import JOINT_RATE, SCRATCH_RATE, fine_tune, jointly_trained
from medmeta.evaluation.benchmark import read_manifest, select_cases
from medmeta.evaluation.protocol import dice_off_slices, simulate
from medmeta.networks import SegmentationNet
from medmeta.volumes import read_label_map, read_volume

LIMIT = 40.0
"""Times our seconds at which a contestant gives up."""


@dataclass(frozen=True)
class Race:
    """One case.

    Attributes:
        case: its name.
        dice: ours, off the annotated slices.
        ours: our seconds, warm.
        seconds: contestant -> its seconds, training and predicting, of the shortest run that reached our Dice; None
            where none did.
        best: contestant -> its best Dice.
    """

    case: str
    dice: float
    ours: float
    seconds: dict[str, float | None]
    best: dict[str, float]


def run_race(manifest: Path, data: Path, cases: int, k: int, threads: int) -> Iterator[Race]:
    """Races on cases of odd place of a manifest, on the CPU; every contestant gets our prior as input, as ours does.

    Args:
        manifest: of a dataset.
        data: folder of the volumes.
        cases: how many.
        k: annotated slices.
        threads: of torch.
    """
    torch.set_num_threads(threads)
    dataset = read_manifest(manifest)
    warm = False
    for name in select_cases(select_cases(dataset.cases, "odd"), str(cases)):
        volume = read_volume(dataset.image_path(data, name))
        reference = dataset.structures_of(name)[0].reference(read_label_map(dataset.label_path(data, name)).array)
        drawn = simulate(reference, axis=dataset.axis, k=k)
        annotation = SparseAnnotation.from_labels(drawn.labels, axis=drawn.axis, slices=drawn.slices)
        case = AnnotatedVolume(volume, annotation)

        def ours(case: AnnotatedVolume = case) -> np.ndarray:
            settings = AdaptationSettings(for_other_volumes=False)
            return adapt([case], device="cpu", settings=settings).predictions[0].labels.array

        def score(labels: np.ndarray, reference: np.ndarray = reference, drawn=drawn) -> float:
            return dice_off_slices(labels, reference, 1, axis=drawn.axis, slices=drawn.slices)

        if not warm:
            ours()
            warm = True
        labels, seconds = _timed(ours)
        contestants = {
            "scratch": lambda s, case=case: fine_tune(case, SegmentationNet, rate=SCRATCH_RATE, seconds=s),
            "joint": lambda s, case=case: fine_tune(case, jointly_trained, rate=JOINT_RATE, seconds=s),
        }
        wanted = score(labels)
        raced = {n: _race(run, score, wanted, seconds) for n, run in contestants.items()}
        taken, best = ({n: result[i] for n, result in raced.items()} for i in (0, 1))
        yield Race(name, wanted, seconds, taken, best)


def _timed(run: Callable[[], np.ndarray]) -> tuple[np.ndarray, float]:
    start = time.perf_counter()
    return run(), time.perf_counter() - start


def _race(
    run: Callable[[float], np.ndarray], score: Callable[[np.ndarray], float], wanted: float, ours: float
) -> tuple[float | None, float]:
    """Trains anew for twice as long each time: the rate falls to the end of every training, as it should."""
    best, budget = 0.0, ours
    while budget <= LIMIT * ours:
        labels, seconds = _timed(lambda budget=budget: run(budget))
        dice = score(labels)
        best = max(best, dice)
        if dice >= wanted:
            return seconds, best
        budget *= 2
    return None, best
