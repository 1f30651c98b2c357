"""Runs one job: reads the case, simulates the annotation, calls the method, takes the Dice."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from medmeta.annotations import AnnotatedVolume, SparseAnnotation
from medmeta.evaluation.baselines import BASELINES
from medmeta.evaluation.benchmark.jobs import FINE_TUNED, JOINT, LEARNED, Job
from medmeta.evaluation.metrics import dice
from medmeta.evaluation.protocol import SimulatedAnnotation, dice_off_slices, simulate
from medmeta.volumes import Volume, read_label_map, read_volume


@dataclass(frozen=True)
class Settings:
    """How the methods are run.

    Attributes:
        data: folder of the volumes.
        device: "auto", "cpu" or "cuda".
        seed: of the adaptation.
        checkpoint: weights, a path or the name of shipped ones; None for the default.
        seconds: of training, for the networks that are fine-tuned.
        scratch_seconds: the same for those that are trained from scratch.
    """

    data: Path
    device: str = "auto"
    seed: int = 0
    checkpoint: str | None = None
    seconds: float = 10.0
    scratch_seconds: float = 100.0


@lru_cache(maxsize=4)
def _image(path: Path) -> Volume:
    return read_volume(path)


@lru_cache(maxsize=4)
def _labels(path: Path) -> np.ndarray:
    return read_label_map(path).array


def _case(job: Job, case: str, data: Path) -> tuple[Callable[[], Volume], np.ndarray]:
    """A case's image, read only when asked for, and the reference of the job's structure."""
    reference = job.structure.reference(_labels(job.dataset.label_path(data, case)))
    return (lambda: _image(job.dataset.image_path(data, case))), reference


def _scores(dices: list[float], seconds: float, **more: Any) -> dict[str, Any]:
    return {"dice": float(np.mean(dices)), "dice_by_label": dices, "seconds": round(seconds, 3), **more}


def _adapt(case: AnnotatedVolume, method: str, settings: Settings, other_volumes: bool):
    from medmeta.adaptation import AdaptationSettings, adapt

    return adapt(
        [case],
        learner=LEARNED[method],
        checkpoint=settings.checkpoint,
        device=settings.device,
        seed=settings.seed,
        # What is not measured is not computed: adapting for other volumes changes nothing in this one.
        settings=AdaptationSettings(for_other_volumes=other_volumes),
    )


def _fine_tune(case: AnnotatedVolume, method: str, settings: Settings) -> np.ndarray:
    from medmeta.evaluation.baselines.fine_tuned import JOINT_RATE, SCRATCH_RATE, fine_tune, jointly_trained
    from medmeta.networks import SegmentationNet

    if method == JOINT:
        return fine_tune(case, jointly_trained(), rate=JOINT_RATE, seconds=settings.seconds, seed=settings.seed)
    return fine_tune(case, SegmentationNet(), rate=SCRATCH_RATE, seconds=settings.scratch_seconds, seed=settings.seed)


def run_job(job: Job, settings: Settings) -> list[dict[str, Any]]:
    """Computes a job.

    Args:
        job: what to compute.
        settings: how.

    Returns:
        One record of values for each of `job.keys`: "dice" (mean over the structure's labels), "dice_by_label",
        "seconds", "slices"; for a learner also "quality" and "device".

    Raises:
        MedMetaError: a file is missing or a structure too small for K slices.
    """
    image, reference = _case(job, job.case, settings.data)
    drawn = simulate(reference, axis=job.dataset.axis, k=job.k)
    more: dict[str, Any] = {"slices": list(drawn.slices)}
    start = time.perf_counter()
    if not job.learns:
        predicted = BASELINES[job.method](drawn.labels, axis=drawn.axis, slices=drawn.slices)
        return [_scores(_off_slices(job, predicted, reference, drawn), time.perf_counter() - start, **more)]
    annotation = SparseAnnotation.from_labels(drawn.labels, axis=drawn.axis, slices=drawn.slices)
    case = AnnotatedVolume(image(), annotation)
    start = time.perf_counter()
    if job.method in FINE_TUNED:
        predicted = _fine_tune(case, job.method, settings)
        return [_scores(_off_slices(job, predicted, reference, drawn), time.perf_counter() - start, **more)]
    adaptation = _adapt(case, job.method, settings, bool(job.targets))
    seconds = time.perf_counter() - start
    more |= {"quality": [quality.row() for quality in adaptation.quality], "device": settings.device}
    if not job.targets:
        predicted = adaptation.predictions[0].labels.array
        return [_scores(_off_slices(job, predicted, reference, drawn), seconds, **more)]
    more["adapt_seconds"] = round(seconds, 3)
    return [_other_volume(job, target, adaptation.task, settings, more) for target in job.targets]


def _off_slices(job: Job, predicted: np.ndarray, reference: np.ndarray, drawn: SimulatedAnnotation) -> list[float]:
    return [
        dice_off_slices(predicted, reference, value, axis=drawn.axis, slices=drawn.slices)
        for value in job.structure.values
    ]


def _other_volume(job: Job, target: str, task, settings: Settings, more: dict[str, Any]) -> dict[str, Any]:
    """Predicts a case that is not annotated; Dice over all of its slices, seconds without the adaptation."""
    from medmeta.adaptation import predict

    image, reference = _case(job, target, settings.data)
    volume = image()
    start = time.perf_counter()
    predicted = predict(task, volume, device=settings.device, checkpoint=settings.checkpoint).labels.array
    seconds = time.perf_counter() - start
    return _scores([dice(predicted == value, reference == value) for value in job.structure.values], seconds, **more)
