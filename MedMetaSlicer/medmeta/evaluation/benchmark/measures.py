"""What is measured of one completed volume, beside Dice: surfaces, calibration, memory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from medmeta.evaluation.metrics import calibration_error, hausdorff95, surface_dice

TOLERANCES = (1.0, 2.0)
"""mm, of the normalised surface Dice."""

MARGIN = 5
"""Voxels round prediction and reference in which calibration is judged: farther off every method is sure and right."""


def box_of(mask: np.ndarray, margin: int) -> tuple[slice, ...]:
    """The bounding box of an (I, J, K) mask that is not empty, and a margin in voxels."""
    found = []
    for indices, size in zip(np.nonzero(mask), mask.shape, strict=True):
        found.append(slice(max(0, int(indices.min()) - margin), min(size, int(indices.max()) + 1 + margin)))
    return tuple(found)


def surfaces(
    predicted: np.ndarray, reference: np.ndarray, values: Sequence[int], spacing: Sequence[float]
) -> dict[str, Any]:
    """Normalised surface Dice at 1 and 2 mm, and the 95% Hausdorff distance in mm, means over the labels.

    The annotated slices, as drawn, count with the others, since a surface goes through them. The Hausdorff distance is
    None where a label was not found at all.

    Args:
        predicted, reference: (I, J, K) integers.
        values: the labels.
        spacing: 3 numbers, mm.
    """
    scores: dict[str, list[float]] = {}
    for value in values:
        found, true = predicted == value, reference == value
        box = box_of(found | true, 2)
        pair = (found[box], true[box])
        for tolerance in TOLERANCES:
            name = f"surface_dice_{tolerance:.0f}mm"
            scores.setdefault(name, []).append(surface_dice(*pair, spacing=spacing, tolerance=tolerance))
        scores.setdefault("hausdorff95_mm", []).append(hausdorff95(*pair, spacing=spacing))
    means = {name: float(np.mean(values)) for name, values in scores.items()}
    return {name: mean if np.isfinite(mean) else None for name, mean in means.items()}


def calibration(
    confidence: np.ndarray, predicted: np.ndarray, reference: np.ndarray, *, axis: int, slices: Sequence[int]
) -> float:
    """Expected calibration error of the labels near prediction and reference, annotated slices left out.

    Args:
        confidence: (I, J, K), the probability of each voxel's predicted label.
        predicted, reference: (I, J, K) integers.
        axis: slice axis.
        slices: the annotated slices.
    """
    judged = np.zeros(reference.shape, bool)
    judged[box_of((predicted > 0) | (reference > 0), MARGIN)] = True
    judged[(slice(None),) * axis + (list(slices),)] = False
    return calibration_error(confidence[judged], predicted[judged] == reference[judged])


class PeakMemory:
    """The process's largest memory since this was made; Linux alone can tell."""

    def __init__(self) -> None:
        try:
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
            self.known = True
        except OSError:
            self.known = False

    @property
    def gigabytes(self) -> float | None:
        """GB, 10^9 bytes; None where it is not known."""
        if not self.known:
            return None
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
        line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
        return round(int(line.split()[1]) * 1024 / 1e9, 3)
