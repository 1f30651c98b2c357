"""Nearest annotated slice: every slice looks like the closest one that was drawn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def nearest_slice(labels: np.ndarray, *, axis: int, slices: Sequence[int]) -> np.ndarray:
    """Copies to every slice the nearest annotated one, of two equally near the lower.

    Args:
        labels: (I, J, K) integers, zero off the annotated slices.
        axis: slice axis.
        slices: the annotated slices.

    Returns:
        (I, J, K), filled over the whole volume.
    """
    drawn = np.asarray(sorted(slices))
    distance = np.abs(np.arange(labels.shape[axis])[:, None] - drawn)
    return np.take(labels, drawn[distance.argmin(axis=1)], axis=axis)
