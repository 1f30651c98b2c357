"""One case, from its file to its outputs and its row in the ledger."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from medmeta.adaptation import AdaptedTask, Prediction, Predictor
from medmeta.adaptation.frame import SliceFrame
from medmeta.adaptation.memory import within_memory
from medmeta.cohorts.cases import input_hash, stamp
from medmeta.cohorts.ledger import DONE, FAILED
from medmeta.cohorts.reason import reason_of
from medmeta.cohorts.recipe import DICOM, Recipe
from medmeta.cohorts.thumbnail import thumbnail, write_thumbnail
from medmeta.devices import resolve_device, usual_batch
from medmeta.disk import is_full
from medmeta.errors import Cancelled, CheckpointError, CohortError
from medmeta.learners.checkpoint import file_hash
from medmeta.progress import ProgressCallback
from medmeta.volumes import Volume, read_volume, write_label_map, write_volume
from medmeta.volumes.dicom_seg import write_dicom_seg

_predicting = Lock()
"""Workers may have several threads, but a network has one state at a time, and a GPU has room for one case."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Loaded:
    """A case in memory.

    Attributes:
        path: what it was read from.
        stamp: of that, from before it was read.
        sha256: likewise.
        volume: the case.
    """

    path: Path
    stamp: str
    sha256: str
    volume: Volume


def load(path: Path) -> Loaded:
    """Reads a case.

    Raises:
        VolumeError: it cannot be read.
    """
    return Loaded(path, stamp(path), input_hash(path), read_volume(path))


@lru_cache(maxsize=2)
def predictor(task: str, task_sha256: str, device: str, checkpoint: str | None) -> Predictor:
    """The task's predictor, kept from case to case.

    Raises:
        CheckpointError: the task or its weights are missing here, or others than the run was begun with.
        DeviceError: the device is not there.
    """
    adapted = AdaptedTask.load(task)
    if file_hash(Path(task)) != task_sha256:
        raise CheckpointError(f"Task {task} is another one than the run was begun with: start the command again.")
    return Predictor(adapted, device, checkpoint)


def predictor_of(recipe: Recipe) -> Predictor:
    """See `predictor`."""
    return predictor(recipe.task, recipe.task_sha256, recipe.device, recipe.checkpoint)


def predict_loaded(
    recipe: Recipe, name: str, loaded: Loaded, progress: ProgressCallback | None = None
) -> dict[str, Any]:
    """Predicts a case and writes its outputs, each of them whole or not at all.

    Returns:
        Its row in the ledger.

    Raises:
        CohortError: the outputs' disk is full, which every other case would find as well.
        MedMetaError: it cannot be predicted or written.
    """
    try:
        return _predict_loaded(recipe, name, loaded, progress)
    except Exception as error:
        if is_full(error):
            raise CohortError(
                f"{recipe.out_dir} has no room left: make some; the same command goes on where it stopped."
            ) from error
        raise


def _predict_loaded(recipe: Recipe, name: str, loaded: Loaded, progress: ProgressCallback | None) -> dict[str, Any]:
    start = time.monotonic()
    volume = loaded.volume
    task, prediction = _predicted(recipe, volume, progress)
    segments, labels, sure = task.segments, recipe.label_map(name), recipe.confidence_map(name)
    if recipe.ending == DICOM:
        write_dicom_seg(prediction.labels, segments, loaded.path, labels)
    else:
        write_label_map(prediction.labels, labels, segments)
    if sure is not None:
        write_volume(prediction.confidence, sure)
    axis = SliceFrame.like(task.direction, volume.geometry.spacing, volume.geometry.direction).axes[0]
    write_thumbnail(thumbnail(volume, prediction.labels.array, segments, axis), recipe.thumbnail(name))
    return {
        "case": name,
        "status": DONE,
        "input_sha256": loaded.sha256,
        "output": labels.name,
        "output_sha256": file_hash(labels),
        "confidence_sha256": None if sure is None else file_hash(sure),
        "stamps": [loaded.stamp, *map(stamp, recipe.outputs(name))],
        "seconds": round(time.monotonic() - start, 3),
        **_measures(task, prediction),
    }


def _predicted(recipe: Recipe, volume: Volume, progress: ProgressCallback | None) -> tuple[AdaptedTask, Prediction]:
    """The task and its prediction of a volume, in less of a GPU's memory where there is too little."""

    def run(device: str, batch: int) -> tuple[AdaptedTask, Prediction]:
        ready = predictor_of(replace(recipe, device=device))
        return ready.task, ready(volume, clean_up=recipe.clean_up, batch=batch, progress=progress)

    with _predicting:
        return within_memory(run, recipe.device, usual_batch(resolve_device(recipe.device)), _log.info)


def failed(recipe: Recipe, name: str, path: Path, error: Exception, sha256: str | None = None) -> dict[str, Any]:
    """The row of a case that cannot be predicted; takes away outputs that it may have from another input."""
    for output in (*recipe.outputs(name), recipe.thumbnail(name)):
        with suppress(OSError):
            output.unlink()
    places = (path, *recipe.outputs(name), recipe.task, *([recipe.checkpoint] if recipe.checkpoint else []))
    return {"case": name, "status": FAILED, "input_sha256": sha256, "error": reason_of(error, map(Path, places))}


def predict_case(sent: Mapping[str, Any], name: str, path: str) -> dict[str, Any]:
    """Reads and predicts a case anywhere: only strings and numbers come in and go out.

    Args:
        sent: the recipe, as `Recipe.sent` gives it.
        name: the case's.
        path: the case's, the same on every machine.

    Returns:
        Its row in the ledger; a failure of any kind is one, too.

    Raises:
        Cancelled, CohortError: as `predict_loaded`; no other case could be predicted either.
    """
    recipe = Recipe(**sent)
    try:
        return predict_loaded(recipe, name, load(Path(path)))
    except (Cancelled, CohortError):
        raise
    except Exception as error:
        return failed(recipe, name, Path(path), error)


def _measures(task: AdaptedTask, prediction: Prediction) -> dict[str, Any]:
    """Volume (ml), confidence (mean over the voxels that were given to the segment) and expected Dice."""
    labels, confidence = prediction.labels.array, prediction.confidence.array
    ml = float(np.prod(prediction.labels.geometry.spacing)) / 1000
    expected = prediction.expected.cases
    rows = []
    for segment, dice in zip(task.segments, expected, strict=True):
        inside = confidence[labels == segment.value]
        sure = _rounded(inside.mean(dtype=np.float64)) if inside.size else None
        row = {"segment": segment.name, "label": segment.value, "volume_ml": round(inside.size * ml, 4)}
        rows.append({**row, "confidence": sure, "expected_dice": _rounded(dice)})
    inside = confidence[labels != 0]
    known = [row["expected_dice"] for row in rows if row["expected_dice"] is not None]
    return {
        "confidence": _rounded(inside.mean(dtype=np.float64)) if inside.size else None,
        "expected_dice": min(known) if known else None,
        "distance": _rounded(prediction.similarity.distance),
        "threshold": _rounded(prediction.similarity.threshold),
        "in_range": prediction.similarity.in_range,
        "segments": rows,
    }


def _rounded(value: float | None) -> float | None:
    """Four digits; None for what is no number, which JSON does not know."""
    return None if value is None or not math.isfinite(value) else round(float(value), 4)
