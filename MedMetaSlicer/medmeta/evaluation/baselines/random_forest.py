"""A random forest on multi-scale filter features, as users of ilastik train it on what they paint."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from medmeta.evaluation.baselines.surroundings import normalised, surroundings

SIGMAS = (0.7, 1.6, 3.5, 5.0)
"""Voxels."""

TREES, MOST_PIXELS = 100, 20_000


def features(image: np.ndarray) -> np.ndarray:
    """(n, F) float32 of an image of n voxels: smoothed grey value, gradient and Hessian eigenvalues at each sigma."""
    from skimage.feature import multiscale_basic_features

    found = [multiscale_basic_features(image, sigma_min=sigma, sigma_max=sigma) for sigma in SIGMAS]
    return np.concatenate(found, axis=-1).reshape(image.size, -1)


def random_forest(
    image: np.ndarray, labels: np.ndarray, *, axis: int, slices: Sequence[int], spacing: Sequence[float]
) -> np.ndarray:
    """Classifies every voxel round the annotation by its filter features alone.

    Args:
        image: (I, J, K) grey values.
        labels: (I, J, K) integers, zero off the annotated slices.
        axis: slice axis.
        slices: the annotated slices; `MOST_PIXELS` of their pixels, drawn at random, train the forest.
        spacing: 3 numbers, mm; not used: the filters' scales are in voxels.

    Returns:
        (I, J, K), annotated slices as drawn.

    Source: Berg et al., "ilastik: interactive machine learning for (bio)image analysis", Nature Methods 16, 2019.
    """
    from sklearn.ensemble import RandomForestClassifier

    if not labels.any():
        return labels.copy()
    box = surroundings(labels, axis=axis, slices=slices)
    part = normalised(image[box])
    known = np.zeros(labels.shape, bool)
    drawn = (slice(None),) * axis + (list(slices),)
    known[drawn] = True
    known, truth = known[box].ravel(), labels[box].ravel()
    seen = features(part)
    places = np.flatnonzero(known)
    if len(places) > MOST_PIXELS:
        places = np.random.default_rng(0).choice(places, MOST_PIXELS, replace=False)
    forest = RandomForestClassifier(TREES, random_state=0, n_jobs=1, class_weight="balanced_subsample")
    forest.fit(seen[places], truth[places])
    result = labels.copy()
    result[box] = forest.predict(seen).reshape(part.shape).astype(labels.dtype)
    result[drawn] = labels[drawn]
    return result
