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
    going = np.ones(count + 1, bool)
    going[0] = going[kept] = False
    if going.any():
        part[going[parts]] = 0


def _fill(part: np.ndarray, value: int, annotated: Sequence[int]) -> None:
    """Fills background that the segment encloses, in place."""
    enclosed = _enclosed(part == value)
    if enclosed is None:
        return
    holes, count = label(enclosed & (part == 0))
    if count:
        part[(holes > 0) & ~np.isin(holes, np.unique(holes[annotated]))] = value


def _enclosed(mask: np.ndarray) -> np.ndarray | None:
    """What a mask encloses, if anything: parts of the rest (6-connected) that reach no side of the box."""
    parts, count = label(~mask)
    inner = np.ones(count + 1, dtype=bool)
    inner[0] = False
    for axis in range(mask.ndim):
        for end in (0, -1):
            inner[np.unique(parts.take(end, axis))] = False
    return inner[parts] if inner.any() else None


def cleaned(
    labels: np.ndarray,
    confidence: np.ndarray,
    values: Sequence[int],
    annotated: Sequence[int] = (),
    on_step: Callable[[], None] = lambda: None,
) -> tuple[np.ndarray, np.ndarray]:
    """`clean_up` with the confidence of what it changed: the probability that the new label had, of the two.

    Both are changed in place: they are large, and what changes is little.
    """
    box = _extent(labels)
    part = labels[box]
    if not part.size:
        return labels, confidence
    rows = [z - box[0].start for z in annotated if box[0].start <= z < box[0].stop]
    result = clean_up(part, values, rows, on_step)
    changed = np.nonzero(result != part)
    part[changed] = result[changed]
    confidence[box][changed] = 1 - confidence[box][changed]
    return labels, confidence


def _extent(labels: np.ndarray) -> tuple[slice, ...]:
    """Slices, rows and columns between which all labels lie."""
    box: list[slice] = []
    for axis in range(labels.ndim):
        others = tuple(a for a in range(labels.ndim) if a != axis)
        at = np.flatnonzero(labels[tuple(box)].any(others))
        box.append(slice(int(at[0]), int(at[-1]) + 1) if len(at) else slice(0, 0))
    return tuple(box)
