"""Agreement of a predicted and a reference mask: Dice, normalised surface Dice, Hausdorff distance, calibration."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from medmeta.errors import GeometryError


def _checked(prediction: np.ndarray, reference: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    prediction, reference = np.asarray(prediction), np.asarray(reference)
    if prediction.shape != reference.shape:
        raise GeometryError(
            f"Prediction and reference differ in size, {prediction.shape} and {reference.shape}: resample one of them"
        )
    return prediction != 0, reference != 0


def _tensors(*masks: np.ndarray):
    """Masks as MONAI wants them: (1, 1, ...) each."""
    import torch

    return (torch.from_numpy(np.ascontiguousarray(mask))[None, None] for mask in masks)


def dice(prediction: np.ndarray, reference: np.ndarray) -> float:
    """Dice coefficient, 2 |A and B| / (|A| + |B|); 1 where both masks are empty.

    Raises:
        GeometryError: the masks differ in shape.
    """
    predicted, true = _checked(prediction, reference)
    total = np.count_nonzero(predicted) + np.count_nonzero(true)
    return 2 * np.count_nonzero(predicted & true) / total if total else 1.0


def surface_dice(prediction: np.ndarray, reference: np.ndarray, *, spacing: Sequence[float], tolerance: float) -> float:
    """Normalised surface Dice: the share of both surfaces that lies within a tolerance of the other one.

    Args:
        prediction: (I, J, K), nonzero inside.
        reference: (I, J, K), nonzero inside.
        spacing: 3 numbers, mm.
        tolerance: mm.

    Returns:
        0 to 1; 1 where both masks are empty, 0 where one is.

    Raises:
        GeometryError: the masks differ in shape.

    Source: Nikolov et al., "Clinically applicable segmentation of head and neck anatomy for radiotherapy",
    J Med Internet Res 23(7), 2021; computed by MONAI, surface elements counted as voxels.
    """
    from monai.metrics import compute_surface_dice

    predicted, true = _checked(prediction, reference)
    if not (predicted.any() and true.any()):
        return float(predicted.any() == true.any())
    ours, theirs = _tensors(predicted, true)
    score = compute_surface_dice(
        ours, theirs, class_thresholds=[float(tolerance)], include_background=True, spacing=list(map(float, spacing))
    )
    return float(score)


def hausdorff95(prediction: np.ndarray, reference: np.ndarray, *, spacing: Sequence[float]) -> float:
    """95th percentile of the Hausdorff distance, the larger of both directions, mm, computed by MONAI.

    Args:
        prediction: (I, J, K), nonzero inside.
        reference: (I, J, K), nonzero inside.
        spacing: 3 numbers, mm.

    Returns:
        mm; 0 where both masks are empty, infinite where one is.

    Raises:
        GeometryError: the masks differ in shape.
    """
    from monai.metrics import compute_hausdorff_distance

    predicted, true = _checked(prediction, reference)
    if not (predicted.any() and true.any()):
        return 0.0 if predicted.any() == true.any() else float("inf")
    ours, theirs = _tensors(predicted, true)
    distance = compute_hausdorff_distance(
        ours, theirs, include_background=True, percentile=95, spacing=list(map(float, spacing))
    )
    return float(distance)


def calibration_error(confidence: np.ndarray, right: np.ndarray, bins: int = 15) -> float:
    """Expected calibration error: the mean distance between confidence and the share of right decisions.

    Args:
        confidence: (n,) probability of each decision.
        right: (n,) boolean, whether it was right.
        bins: equal parts of [0, 1]; each weighs as many decisions as fall into it.

    Raises:
        GeometryError: the arrays differ in size.

    Source: Guo et al., "On calibration of modern neural networks", ICML 2017, eq. 5.
    """
    confidence, right = np.asarray(confidence, np.float64).ravel(), np.asarray(right, bool).ravel()
    if confidence.shape != right.shape:
        raise GeometryError(f"{confidence.size} confidences and {right.size} decisions: give one for each")
    if not confidence.size:
        return 0.0
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    counts, sure, correct = (np.bincount(place, weights=w, minlength=bins) for w in (None, confidence, right))
    return float(np.abs(sure - correct).sum() / counts.sum())
