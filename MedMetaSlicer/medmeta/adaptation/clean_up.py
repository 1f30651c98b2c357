"""A light 3D clean-up of predicted label maps: stray parts go, holes go, what was drawn stays."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy.ndimage import find_objects, label

LEAST_SHARE = 0.05
"""Of the largest part: smaller ones go where nothing is drawn that could tell which ones belong to the structure."""


def clean_up(
    labels: np.ndarray,
    values: Sequence[int],
    annotated: Sequence[int] = (),
    on_step: Callable[[], None] = lambda: None,
) -> np.ndarray:
    """A cleaned copy of a label map.

    Of each segment, parts (26-connected) that touch nothing that was drawn of it go; where nothing was drawn, parts
    that are smaller than `LEAST_SHARE` of the largest. Then background that a segment encloses becomes part of it,
    where it reaches no annotated slice. Annotated slices stay, and no voxel of another segment is taken.

    Args:
        labels: (Z, H, W) integers, annotated slices as drawn.
        values: the segments' label values.
        annotated: slice numbers.
        on_step: called between the parts of the work; may raise to stop.
    """
    result = labels.copy()
    boxes = find_objects(labels)
    for value in values:
        on_step()
        box = boxes[value - 1] if value <= len(boxes) else None
        if box is not None:
            rows = [z - box[0].start for z in annotated if box[0].start <= z < box[0].stop]
            _drop_strays(result[box], value, rows)
            on_step()
            _fill(result[box], value, rows)
    return result


def _drop_strays(part: np.ndarray, value: int, annotated: Sequence[int]) -> None:
    """Clears what belongs to nothing drawn, in place."""
    parts, count = label(part == value, np.ones((3, 3, 3), bool))
    kept = np.unique(parts[annotated])
    if not kept.any():
        sizes = np.bincount(parts.ravel(), minlength=count + 1)[1:]
        kept = 1 + np.flatnonzero(sizes >= LEAST_SHARE * sizes.max())
    part[(parts > 0) & ~np.isin(parts, kept)] = 0


def _fill(part: np.ndarray, value: int, annotated: Sequence[int]) -> None:
    """Fills background that the segment encloses, in place."""
    holes, count = label(_enclosed(part == value) & (part == 0))
    if count:
        part[(holes > 0) & ~np.isin(holes, np.unique(holes[annotated]))] = value


def _enclosed(mask: np.ndarray) -> np.ndarray:
    """What a mask encloses: parts of the rest (6-connected) that reach no side of the box."""
    parts, count = label(~mask)
    inner = np.ones(count + 1, dtype=bool)
    inner[0] = False
    for axis in range(mask.ndim):
        for end in (0, -1):
            inner[np.unique(parts.take(end, axis))] = False
    return inner[parts]


def cleaned(
    labels: np.ndarray,
    confidence: np.ndarray,
    values: Sequence[int],
    annotated: Sequence[int] = (),
    on_step: Callable[[], None] = lambda: None,
) -> tuple[np.ndarray, np.ndarray]:
    """`clean_up` with the confidence of what it changed: the probability that the new label had, of the two."""
    result, confidence = clean_up(labels, values, annotated, on_step), confidence.copy()
    changed = np.nonzero(result != labels)  # few
    confidence[changed] = 1 - confidence[changed]
    return result, confidence
