"""Headers from which ITK reads a geometry back to the last digit.

NRRD and NIfTI store an axis as one vector, direction times spacing, which ITK takes apart again when it reads: the
digits that this costs are found again here, so that a file has exactly the geometry of the one that it was made from.
"""

from __future__ import annotations

from itertools import product

import numpy as np

from medmeta.volumes.volume import Geometry


def nrrd_vectors(geometry: Geometry) -> np.ndarray:
    """(3, 3) columns: the axes' vectors (LPS, mm) from which ITK reads the geometry's spacing and direction.

    They are sought within two steps of double precision round direction times spacing.
    """
    vectors = np.array(geometry.direction, dtype=float).reshape(3, 3) * geometry.spacing
    steps = np.array(list(product((0, -1, 1, -2, 2), repeat=3)))
    for axis, spacing in enumerate(geometry.spacing):
        wanted = geometry.direction[axis::3]
        near = vectors[:, axis] + steps * np.spacing(vectors[:, axis])
        lengths = np.sqrt(near[:, 0] ** 2 + near[:, 1] ** 2 + near[:, 2] ** 2)  # in this order, as ITK adds them up
        exact = (lengths == spacing) & (near * (1 / lengths)[:, None] == wanted).all(axis=1)
        vectors[:, axis] = near[exact.argmax()]  # the first, which is the product itself, where none is exact
    return vectors


def nifti_rows(geometry: Geometry) -> np.ndarray:
    """(3, 4) float32 srow_x, srow_y, srow_z (RAS) from which ITK reads the geometry.

    An axis that came from a NIfTI file is a vector in single precision, made one long: the vector is found again by its
    longest component. Any other is rounded to single precision.
    """
    direction = np.array(geometry.direction, dtype=float).reshape(3, 3)
    rows = np.empty((3, 4), np.float32)
    for axis, spacing in enumerate(geometry.spacing):
        wanted = direction[:, axis]
        longest = np.abs(wanted).argmax()
        first = np.float32(wanted[longest] * spacing)
        candidates = first + np.arange(-32, 33) * np.spacing(first)
        vectors = (wanted * (candidates / wanted[longest])[:, None]).astype(np.float32)
        again = vectors / np.linalg.norm(vectors.astype(float), axis=1)[:, None]
        rows[:, axis] = vectors[np.abs(again - wanted).max(axis=1).argmin()]
    rows[:, 3] = geometry.origin
    rows[:2] *= -1  # LPS to RAS
    return rows
