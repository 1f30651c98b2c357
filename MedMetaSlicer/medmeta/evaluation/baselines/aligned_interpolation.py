"""The software's own shape prior, alone: what the network adds to it is the difference."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from medmeta.priors import shape_priors


def aligned_interpolation(
    image: np.ndarray, labels: np.ndarray, *, axis: int, slices: Sequence[int], spacing: Sequence[float]
) -> np.ndarray:
    """Interpolates each segment by `ShapePrior`: shapes moved and stretched to a common place, closing at the ends.

    Segments that look like parts of one structure share its shape, see `shape_priors`.

    Args:
        image: (I, J, K) grey values, for that alone.
        labels: (I, J, K) integers, zero off the annotated slices.
        axis: slice axis.
        slices: the annotated slices.
        spacing: 3 numbers, mm.

    Returns:
        (I, J, K), annotated slices as drawn; where segments overlap, the deepest inside has the voxel.
    """
    result = labels.copy()
    stacked, filled = np.moveaxis(labels, axis, 0), np.moveaxis(result, axis, 0)
    positions = sorted(slices)
    values = [int(v) for v in np.unique(labels) if v > 0]
    if not values:
        return result
    pixel = float(np.sqrt(np.prod([mm for a, mm in enumerate(spacing) if a != axis])))
    pitch = spacing[axis] / pixel
    masks = np.stack([stacked[positions] == value for value in values])
    priors = shape_priors(masks, np.moveaxis(image, axis, 0)[positions], positions, pitch)
    for position in set(range(len(stacked))) - set(positions):
        depths = np.stack([prior.at(position).numpy() for prior in priors])
        filled[position] = np.where(depths.max(0) > 0, np.array(values)[depths.argmax(0)], 0)
    return result
