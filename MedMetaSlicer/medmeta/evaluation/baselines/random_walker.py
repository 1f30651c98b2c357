"""Random-walk interpolation in the manner of Biomedisa: scikit-image's random walker from the annotated slices."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from medmeta.evaluation.baselines.surroundings import normalised, seeds, surroundings

BETA = 1000.0
"""How strongly a step across an edge is avoided: a compromise of hippocampi and CT of even place; usual are 130."""

LARGEST = 500_000
"""Voxels; a larger box is taken at every second row and column."""


def random_walker(
    image: np.ndarray, labels: np.ndarray, *, axis: int, slices: Sequence[int], spacing: Sequence[float]
) -> np.ndarray:
    """Labels every voxel by the seed that a random walker from it reaches first.

    Biomedisa itself runs its walks on a GPU or on OpenCL, and this equation is what they sample.

    Args:
        image: (I, J, K) grey values.
        labels: (I, J, K) integers, zero off the annotated slices.
        axis: slice axis.
        slices: the annotated slices.
        spacing: 3 numbers, mm.

    Returns:
        (I, J, K), annotated slices as drawn.

    Source: Grady, "Random walks for image segmentation", IEEE TPAMI 28(11), 2006; Loesel et al., "Introducing Biomedisa
    as an open-source online platform for biomedical image segmentation", Nature Communications 11, 2020.
    """
    from skimage.segmentation import random_walker as walk

    if not labels.any():
        return labels.copy()
    background = int(labels.max()) + 1
    box = surroundings(labels, axis=axis, slices=slices)
    marked = seeds(labels, axis=axis, slices=slices, background=background)[box]
    step = [1 if a == axis or marked.size <= LARGEST else 2 for a in range(3)]
    every = tuple(slice(None, None, s) for s in step)
    values, compact = np.unique(marked[every], return_inverse=True)  # 0 stays 0: it is the smallest
    walked = walk(
        normalised(image[box])[every],
        compact.reshape(marked[every].shape),
        beta=BETA,
        mode="cg_j",
        tol=1e-2,
        spacing=np.array(spacing) * step / min(spacing),
    )
    found = values[np.clip(walked, 0, len(values) - 1)]
    for a, s in enumerate(step):
        found = np.repeat(found, s, axis=a).take(range(marked.shape[a]), axis=a)
    result = labels.copy()
    result[box] = np.where(found == background, 0, found).astype(labels.dtype)
    drawn = (slice(None),) * axis + (list(slices),)
    result[drawn] = labels[drawn]
    return result
