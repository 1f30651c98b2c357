"""One case, from its file to its outputs and its row in the ledger."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from medmeta.adaptation import AdaptedTask, Prediction, Predictor
from medmeta.adaptation.frame import SliceFrame
from medmeta.cohorts.cases import input_hash
from medmeta.cohorts.ledger import DONE, FAILED
from medmeta.cohorts.recipe import Recipe
from medmeta.cohorts.thumbnail import thumbnail, write_thumbnail
from medmeta.errors import Cancelled, CheckpointError, MedMetaError
from medmeta.learners.checkpoint import file_hash
from medmeta.progress import ProgressCallback
from medmeta.volumes import Volume, read_volume, write_label_map, write_volume

LONGEST_REASON = 500
"""Characters."""

Loaded = tuple[str, Volume]
"""SHA-256 of what a case was read from, and the case."""


def load(path: Path) -> Loaded:
    """Reads a case.

    Raises:
        VolumeError: it cannot be read.
    """
    return input_hash(path), read_volume(path)


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
        MedMetaError: it cannot be predicted or written.
    """
    start = time.monotonic()
    sha256, volume = loaded
    ready = predictor_of(recipe)
    prediction = ready(volume, clean_up=recipe.clean_up, progress=progress)
    segments, labels, sure = ready.task.segments, recipe.label_map(name), recipe.confidence_map(name)
    write_label_map(prediction.labels, labels, segments)
    if sure is not None:
        write_volume(prediction.confidence, sure)
    axis = SliceFrame.like(ready.task.direction, volume.geometry.spacing, volume.geometry.direction).axes[0]
    write_thumbnail(thumbnail(volume, prediction.labels.array, segments, axis), recipe.thumbnail(name))
    return {
        "case": name,
        "status": DONE,
        "input_sha256": sha256,
        "output": labels.name,
        "output_sha256": file_hash(labels),
        "confidence_sha256": None if sure is None else file_hash(sure),
        "seconds": round(time.monotonic() - start, 3),
        **_measures(ready.task, prediction),
    }


def failed(recipe: Recipe, name: str, error: Exception, sha256: str | None = None) -> dict[str, Any]:
    """The row of a case that cannot be predicted; takes away outputs that it may have from another input."""
    for path in (*recipe.outputs(name), recipe.thumbnail(name)):
        with suppress(OSError):
            path.unlink()
    reason = str(error) if isinstance(error, MedMetaError) else f"unexpected {type(error).__name__}: {error}"
    reason = " ".join(reason.split())[:LONGEST_REASON]
    return {"case": name, "status": FAILED, "input_sha256": sha256, "error": reason}


def predict_case(sent: Mapping[str, Any], name: str, path: str) -> dict[str, Any]:
    """Reads and predicts a case anywhere: only strings and numbers come in and go out.

    Args:
        sent: the recipe, as `Recipe.sent` gives it.
        name: the case's.
        path: the case's, the same on every machine.

    Returns:
        Its row in the ledger; a failure of any kind is one, too.
    """
    recipe = Recipe(**sent)
    try:
        return predict_loaded(recipe, name, load(Path(path)))
    except Cancelled:
        raise
    except Exception as error:
        return failed(recipe, name, error)


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
