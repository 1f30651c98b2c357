"""The protocol: which slices count as annotated, and on which slices a prediction is judged.

A structure spans n slices from z0 on. Its K annotated slices are z0 + floor((k + 1/2) n / K), k = 0 .. K-1: the
middles of K equal parts. All other slices of the label map are cleared, and all of them are judged, those beyond the
structure's ends included.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from medmeta.errors import AnnotationError
from medmeta.evaluation.metrics import dice


def extent(mask: np.ndarray, axis: int) -> tuple[int, int]:
    """First slice of a structure and how many slices it spans, gaps included.

    Args:
        mask: (I, J, K), nonzero inside the structure.
        axis: slice axis, 0 to 2.

    Raises:
        AnnotationError: the mask is empty.
    """
    other = tuple(a for a in range(mask.ndim) if a != axis)
    occupied = np.flatnonzero((mask != 0).any(axis=other))
    if occupied.size == 0:
        raise AnnotationError("The structure is empty: no slice of it can be annotated; choose a label that is drawn")
    return int(occupied[0]), int(occupied[-1] - occupied[0] + 1)


def annotated_slices(start: int, count: int, k: int) -> tuple[int, ...]:
    """The K slices to annotate of a structure that spans `count` slices from `start` on, increasing.

    Raises:
        AnnotationError: fewer than one slice is asked for, or more than the structure spans.
    """
    if not 1 <= k <= count:
        raise AnnotationError(f"{k} annotated slices of a structure of {count} slices: choose 1 to {count}")
    return tuple(start + (2 * i + 1) * count // (2 * k) for i in range(k))


def keep_slices(labels: np.ndarray, axis: int, slices: Sequence[int]) -> np.ndarray:
    """A copy of a label map, (I, J, K), with every slice but the given ones cleared."""
    kept = np.zeros_like(labels)
    where = (slice(None),) * axis + (list(slices),)
    kept[where] = labels[where]
    return kept


@dataclass(frozen=True)
class SimulatedAnnotation:
    """What a user would have drawn of a reference label map.

    Attributes:
        labels: (I, J, K) integers, zero off the annotated slices.
        axis: slice axis.
        slices: the annotated slices, increasing.
    """

    labels: np.ndarray
    axis: int
    slices: tuple[int, ...]


def simulate(reference: np.ndarray, *, axis: int, k: int) -> SimulatedAnnotation:
    """Annotates K slices of a reference; with several labels, of the extent of all of them together.

    Args:
        reference: (I, J, K) integers, 0 background.
        axis: slice axis, 0 to 2.
        k: how many slices to annotate.

    Raises:
        AnnotationError: the reference is empty, or spans fewer than `k` slices.
    """
    slices = annotated_slices(*extent(reference, axis), k)
    return SimulatedAnnotation(keep_slices(reference, axis, slices), axis, slices)


def dice_off_slices(
    prediction: np.ndarray, reference: np.ndarray, value: int, *, axis: int, slices: Sequence[int]
) -> float:
    """Dice of one label over all slices that were not annotated.

    Args:
        prediction: (I, J, K) integers.
        reference: (I, J, K) integers.
        value: the label.
        axis: slice axis.
        slices: the annotated slices, which do not count.
    """
    judged = np.delete(np.arange(reference.shape[axis]), list(slices))
    return dice(np.take(prediction, judged, axis) == value, np.take(reference, judged, axis) == value)
