"""Runs one job: reads the case, simulates the annotation, calls the method, takes the Dice."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from medmeta.annotations import AnnotatedVolume, SparseAnnotation
from medmeta.errors import MedMetaError
from medmeta.evaluation.baselines import BASELINES, IMAGE_BASELINES
from medmeta.evaluation.benchmark.jobs import FINE_TUNED, JOINT, LEARNED, Job
from medmeta.evaluation.benchmark.measures import PeakMemory, calibration, surfaces
from medmeta.evaluation.metrics import dice
from medmeta.evaluation.protocol import SimulatedAnnotation, dice_off_slices, extent, simulate
from medmeta.volumes import Volume, read_label_map, read_volume


class NothingLeft(MedMetaError):
    """A structure has no more slices than are to be annotated, so there is nothing to measure."""


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
        changed: settings of the adaptation -> other values, see `read_changes`.
    """

    data: Path
    device: str = "auto"
    seed: int = 0
    checkpoint: str | None = None
    seconds: float = 10.0
    scratch_seconds: float = 100.0
    changed: Mapping[str, Any] = field(default_factory=dict)


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


def _adapt(cases: list[AnnotatedVolume], method: str, settings: Settings, other_volumes: bool):
    from medmeta.adaptation import AdaptationSettings, adapt

    return adapt(
        cases,
        learner=LEARNED[method],
        checkpoint=settings.checkpoint,
        device=settings.device,
        seed=settings.seed,
        # What is not measured is not computed: adapting for other volumes changes nothing in this one.
        settings=AdaptationSettings(**{**settings.changed, "for_other_volumes": other_volumes}),
    )


def _fine_tune(case: AnnotatedVolume, method: str, settings: Settings) -> np.ndarray:
    from medmeta.evaluation.baselines.fine_tuned import JOINT_RATE, SCRATCH_RATE, fine_tune, jointly_trained
    from medmeta.networks import SegmentationNet

    if method == JOINT:
        return fine_tune(case, jointly_trained, rate=JOINT_RATE, seconds=settings.seconds, seed=settings.seed)
    return fine_tune(case, SegmentationNet, rate=SCRATCH_RATE, seconds=settings.scratch_seconds, seed=settings.seed)


def run_job(job: Job, settings: Settings) -> list[dict[str, Any]]:
    """Computes a job.

    Args:
        job: what to compute.
        settings: how.

    Returns:
        One record of values for each of `job.keys`: "dice" (mean over the structure's labels), "dice_by_label",
        "seconds", "slices"; in the annotated volume also what `surfaces` gives and "memory_gb"; for a learner also
        "quality", "device" and "calibration_error".

    Raises:
        MedMetaError: a file is missing.
        NothingLeft: the structure has K slices or fewer.
    """
    return _other_volumes(job, settings) if job.targets else [_same_volume(job, settings)]


def _annotated(job: Job, case: str, data: Path) -> tuple[Callable[[], Volume], np.ndarray, SimulatedAnnotation]:
    image, reference = _case(job, case, data)
    count = extent(reference, job.dataset.axis)[1]
    if count <= job.k:
        raise NothingLeft(f"{case} {job.structure.name} spans {count} slices: too few for K={job.k}")
    return image, reference, simulate(reference, axis=job.dataset.axis, k=job.k)


def _as_drawn(image: Callable[[], Volume], drawn: SimulatedAnnotation) -> AnnotatedVolume:
    return AnnotatedVolume(image(), SparseAnnotation.from_labels(drawn.labels, axis=drawn.axis, slices=drawn.slices))


def _same_volume(job: Job, settings: Settings) -> dict[str, Any]:
    image, reference, drawn = _annotated(job, job.case, settings.data)
    spacing = image().geometry.spacing  # read before the clock starts, for all methods alike
    where = {"axis": drawn.axis, "slices": drawn.slices}
    more: dict[str, Any] = {"slices": list(drawn.slices)}
    memory, start = PeakMemory(), time.perf_counter()
    adaptation = None
    if job.method in BASELINES:
        predicted = BASELINES[job.method](drawn.labels, **where)
    elif job.method in IMAGE_BASELINES:
        predicted = IMAGE_BASELINES[job.method](image().array, drawn.labels, **where, spacing=spacing)
    elif job.method in FINE_TUNED:
        predicted = _fine_tune(_as_drawn(image, drawn), job.method, settings)
    else:
        adaptation = _adapt([_as_drawn(image, drawn)], job.method, settings, False)
        predicted = adaptation.predictions[0].labels.array
    more |= {"seconds": round(time.perf_counter() - start, 3), "memory_gb": memory.gigabytes}
    if adaptation is not None:
        confidence = adaptation.predictions[0].confidence.array
        more |= {
            "quality": [quality.row() for quality in adaptation.quality],
            "device": settings.device,
            "calibration_error": calibration(confidence, predicted, reference, **where),
        }
    values = job.structure.values
    dices = [dice_off_slices(predicted, reference, value, **where) for value in values]
    return _dice(dices) | surfaces(predicted, reference, values, spacing) | more


def _dice(dices: list[float]) -> dict[str, Any]:
    return {"dice": float(np.mean(dices)), "dice_by_label": dices}


def _other_volumes(job: Job, settings: Settings) -> list[dict[str, Any]]:
    """Predicts cases that are not annotated; Dice over all of their slices, seconds without the adaptation."""
    from medmeta.adaptation import predict

    cases = []
    for case in (job.case, *job.also):
        image, _, drawn = _annotated(job, case, settings.data)
        cases.append(_as_drawn(image, drawn))
    start = time.perf_counter()
    adaptation = _adapt(cases, job.method, settings, True)
    more = {
        "adapt_seconds": round(time.perf_counter() - start, 3),
        "quality": [quality.row() for quality in adaptation.quality],
        "device": settings.device,
    }
    records = []
    for target in job.targets:
        image, reference = _case(job, target, settings.data)
        volume = image()
        start = time.perf_counter()
        found = predict(adaptation.task, volume, device=settings.device, checkpoint=settings.checkpoint)
        seconds = round(time.perf_counter() - start, 3)
        predicted = found.labels.array
        dices = [dice(predicted == value, reference == value) for value in job.structure.values]
        records.append(_dice(dices) | {"seconds": seconds} | more)
    return records
