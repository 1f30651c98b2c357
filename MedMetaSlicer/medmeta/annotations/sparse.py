"""Sparse annotation: a label map in which only some slices are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from medmeta.annotations.segment import Segment, default_segments
from medmeta.errors import AnnotationError
from medmeta.volumes import Volume

Axis = Literal["auto"] | int


@dataclass(frozen=True)
class SparseAnnotation:
    """Which slices are drawn, along which axis, and with what.

    Attributes:
        labels: (I, J, K) integers, zero on all slices that are not annotated.
        segments: the segments, in the user's order; where two claim a voxel the later one has it.
        axis: the axis that counts the slices.
        slices: annotated slices, increasing; one may be empty ("the structure is not here").
        ignored: slices on which something is drawn but that were not named.
    """

    labels: np.ndarray
    segments: tuple[Segment, ...]
    axis: int
    slices: tuple[int, ...]
    ignored: tuple[int, ...] = ()

    @classmethod
    def from_labels(
        cls,
        labels: np.ndarray,
        *,
        axis: Axis = "auto",
        slices: Sequence[int] | None = None,
        segments: Sequence[Segment] | None = None,
        name: str = "labels",
    ) -> SparseAnnotation:
        """Finds the annotated slices of a label map.

        Args:
            labels: (I, J, K) integers.
            axis: the slice axis, or "auto" for the one along which only some slices are drawn.
            slices: exactly these slices are annotated, empty or not; None for all on which something is drawn.
            segments: the segments to take; None for every value in the label map.
            name: what messages call the label map.

        Raises:
            AnnotationError: nothing is drawn, the axis cannot be told, a slice or a value is not there, or the whole
                volume is drawn.
        """
        labels = np.asarray(labels)
        places = _Drawn(labels)
        values = [int(v) for v in np.unique(places.labels) if v]
        if not values:
            raise AnnotationError(f"{name} is empty: draw the structure on one slice or more.")
        if values[0] < 0:
            raise AnnotationError(f"{name} holds the negative number {values[0]}: label values start at 1.")
        if segments is None:
            segments = default_segments(values)
        missing = [s.value for s in segments if s.value not in values]
        if missing or not segments:
            raise AnnotationError(f"{name} has no label {missing or 'to use'}: it holds {values}.")
        if len(segments) < len(values):
            labels = np.where(np.isin(labels, [s.value for s in segments]), labels, 0)
            places = _Drawn(labels)
        found = axis if axis != "auto" else find_axis(labels != 0, slices, name)
        if found not in (0, 1, 2):
            raise AnnotationError(f"Axis {found!r} is not known: choose auto, 0, 1 or 2.")
        count = labels.shape[found]
        drawn = places.along(found)
        if slices is None:
            if count == 1:
                raise AnnotationError(f"{name} is a single slice: give the whole volume and its label map.")
            if len(drawn) == count:
                raise AnnotationError(
                    f"{name} is drawn on all {count} slices along axis {found}: name the annotated ones with --slices."
                )
            annotated = drawn
        else:
            annotated = sorted({int(s) for s in slices})
            wrong = [s for s in annotated if not 0 <= s < count]
            if wrong:
                raise AnnotationError(
                    f"{name} has no slice {wrong} along axis {found}: slices go from 0 to {count - 1}."
                )
            if not set(annotated) & set(drawn):
                raise AnnotationError(
                    f"Nothing is drawn in {name} on slices {annotated} along axis {found}; drawn: {drawn}."
                )
        kept = np.zeros_like(labels)
        index: list[slice | list[int]] = [slice(None)] * 3
        index[found] = annotated
        kept[tuple(index)] = shown = labels[tuple(index)]
        left = [s.value for s in segments if not (shown == s.value).any()]
        if left:
            raise AnnotationError(f"{name} does not show label {left} on any of the slices {annotated}: draw it there.")
        ignored = tuple(s for s in drawn if s not in annotated)
        return cls(kept, tuple(segments), found, tuple(annotated), ignored)

    @classmethod
    def from_masks(
        cls,
        masks: np.ndarray,
        segments: Sequence[Segment],
        *,
        axis: Axis = "auto",
        slices: Sequence[int] | None = None,
        name: str = "segmentation",
    ) -> SparseAnnotation:
        """The same from one mask a segment, which may overlap: the later segment has the voxel.

        Args:
            masks: (S, I, J, K) boolean.
            segments: S segments with values of their own.
            axis, slices, name: as in `from_labels`.

        Raises:
            AnnotationError: as in `from_labels`.
        """
        labels = np.zeros(masks.shape[1:], dtype=np.min_scalar_type(max((s.value for s in segments), default=1)))
        for mask, segment in zip(masks, segments, strict=True):
            labels[np.asarray(mask, dtype=bool)] = segment.value
        for mask, segment in zip(masks, segments, strict=True):
            if np.any(mask) and not (labels == segment.value).any():
                raise AnnotationError(
                    f"{segment.name} in {name} lies wholly under later segments: move it down the list or leave it out."
                )
        return cls.from_labels(labels, axis=axis, slices=slices, segments=segments, name=name)


class _Drawn:
    """Where a label map has labels: looked for once, in the order in which it lies in memory, as that is quick.

    Attributes:
        labels: (N, n) the lines along the innermost axis on which something is drawn.
    """

    def __init__(self, labels: np.ndarray) -> None:
        # From the outermost axis to the innermost.
        self._order = np.argsort([-abs(step) for step in labels.strides], kind="stable").tolist()
        turned = labels.transpose(self._order)
        self._lines = (turned != 0).any(axis=2)
        self.labels = turned[self._lines]

    def along(self, axis: int) -> list[int]:
        """Slices along an axis on which something is drawn."""
        place = self._order.index(axis)
        there = (self.labels != 0).any(axis=0) if place == 2 else self._lines.any(axis=1 - place)
        return np.flatnonzero(there).tolist()


def find_axis(mask: np.ndarray, slices: Sequence[int] | None = None, name: str = "labels") -> int:
    """The axis across which the drawing is a pile of thin sheets.

    By the first of these that tells: the named slices fit one axis only; only one axis has a single drawn slice; drawn
    voxels follow each other in clearly shorter runs (this holds also for structures that lie far apart); the drawn
    slices have clearly more gaps; they are clearly fewer. What is empty round the drawing makes no difference.

    Args:
        mask: (I, J, K) boolean, not empty.
        slices, name: as in `SparseAnnotation.from_labels`.

    Raises:
        AnnotationError: it cannot be told.
    """
    occupied = [np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis))) for axis in range(3)]
    candidates = [axis for axis in range(3) if len(occupied[axis]) == 1]
    if slices is not None:
        candidates = [axis for axis in range(3) if set(occupied[axis].tolist()) <= {int(s) for s in slices}]
    if len(candidates) == 1:
        return candidates[0]
    voxels = int(mask.sum())
    runs = [voxels / (voxels - _neighbours(mask, axis)) for axis in range(3)]
    fill = [len(o) / (o[-1] - o[0] + 1) for o in occupied]
    for measure, factor in ((runs, 3.0), (fill, 4 / 3), ([len(o) for o in occupied], 3.0)):
        best, second = sorted(range(3), key=measure.__getitem__)[:2]
        if factor * measure[best] <= measure[second]:
            return best
    raise AnnotationError(
        f"{name}: it cannot be told along which axis the annotated slices lie: name it (--axis 0, 1 or 2)."
    )


def _neighbours(mask: np.ndarray, axis: int) -> int:
    """How many drawn voxels have a drawn one after them along an axis."""
    after = np.moveaxis(mask, axis, 0)
    return int((after[1:] & after[:-1]).sum())


@dataclass(frozen=True)
class AnnotatedVolume:
    """A volume with its sparse annotation.

    Raises:
        AnnotationError: their shapes differ.
    """

    volume: Volume
    annotation: SparseAnnotation

    def __post_init__(self) -> None:
        if tuple(self.volume.array.shape) != tuple(self.annotation.labels.shape):
            raise AnnotationError(
                f"The annotation has {self.annotation.labels.shape} voxels, {self.volume.name} has "
                f"{self.volume.array.shape}: draw on this volume."
            )
