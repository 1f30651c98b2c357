"""The part of a volume that baselines which see the image work on, so that a large one does not cost minutes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

IN_PLANE = 0.5
"""Margin within the slice, in sizes of what is drawn, on each side; `LEAST` voxels at least."""

LEAST = 8


def surroundings(labels: np.ndarray, *, axis: int, slices: Sequence[int]) -> tuple[slice, ...]:
    """A box round the annotation: it goes on for half a gap beyond the outermost annotated slices, and a margin.

    Args:
        labels: (I, J, K) integers, zero off the annotated slices; something is drawn.
        axis: slice axis.
        slices: the annotated slices.

    Returns:
        Three slices, as an index.
    """
    box = []
    for a, (indices, size) in enumerate(zip(np.nonzero(labels), labels.shape, strict=True)):
        low, high = int(indices.min()), int(indices.max())
        if a == axis:
            ordered = sorted(slices)
            low, high = ordered[0], ordered[-1]
            margin = max(np.diff(ordered), default=2 * LEAST) // 2 + 3
        else:
            margin = max(LEAST, int(IN_PLANE * (high - low + 1)))
        box.append(slice(max(0, low - int(margin)), min(size, high + 1 + int(margin))))
    return tuple(box)


def seeds(labels: np.ndarray, *, axis: int, slices: Sequence[int], background: int) -> np.ndarray:
    """(I, J, K) int16: what is drawn, `background` elsewhere on the annotated slices, 0 (unknown) off them."""
    marked = np.zeros(labels.shape, np.int16)
    where = (slice(None),) * axis + (list(slices),)
    drawn = labels[where]
    marked[where] = np.where(drawn > 0, drawn, background)
    return marked


def normalised(image: np.ndarray) -> np.ndarray:
    """Grey values between their 1st and 99th percentile as float32 0 to 1, others cut off."""
    low, high = np.percentile(image, (1, 99))
    return np.clip((image - low) / max(high - low, 1e-6), 0, 1).astype(np.float32)
