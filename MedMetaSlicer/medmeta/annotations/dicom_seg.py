"""DICOM segmentations (SEG) as label maps with their segments' names, colours and codes, through pydicom."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from medmeta.annotations.segment import Segment, default_segments
from medmeta.errors import GeometryError, MedMetaError, VolumeError
from medmeta.volumes.claims import check_memory
from medmeta.volumes.dicom_seg import ENDING, STORAGE, check_installed
from medmeta.volumes.enhanced import read_dataset
from medmeta.volumes.intact import dicom_class
from medmeta.volumes.terminology import TISSUE, Code, Terminology
from medmeta.volumes.volume import Geometry, Volume

if TYPE_CHECKING:
    from pydicom import Dataset

OFF_GRID = 0.05
"""Voxels by which a pixel may miss its place in the volume."""


def is_dicom_seg(path: str | Path) -> bool:
    """True for a file that can only be a DICOM segmentation, by its ending or by what it says it is.

    Raises:
        VolumeError: it cannot be read.
    """
    path = Path(path)
    try:
        return path.is_file() and (path.name.lower().endswith(ENDING) or dicom_class(path) == STORAGE)
    except OSError as error:
        raise VolumeError(f"{path} cannot be read ({error.strerror}): check the path and its permissions.") from error


def read_dicom_seg(path: str | Path, geometry: Geometry) -> tuple[Volume, tuple[Segment, ...]]:
    """Reads a DICOM segmentation onto the grid of the volume that it belongs to.

    Slices that it leaves out are empty. Label values are the numbers of its segments. DICOM PS3.3, C.8.20.

    Args:
        path: the file; binary, as a label map, or fractional with nothing between 0 and 1.
        geometry: the volume's; the frames may lie along any axis of it, in any order.

    Returns:
        The label map, and all segments of the file, empty ones too; those without a code but "Tissue" have no
        terminology.

    Raises:
        GeometryError: its pixels are not voxels of the volume.
        VolumeError: not such a file, damaged, its segments overlap, or pydicom is missing.
    """
    check_installed()
    path = Path(path)
    try:
        dataset = read_dataset(path)
        if dataset.get("SOPClassUID") != STORAGE:
            raise VolumeError(f"{path} is no DICOM segmentation: give one, or a label map in NRRD, NIfTI or MetaImage.")
        check_memory((dataset.Columns, dataset.Rows, dataset.get("NumberOfFrames", 1)), 1, path)
        segments = _segments(dataset.SegmentSequence)
        names = {segment.value: segment.name for segment in segments}
        if len(names) < len(segments) or min(names) < 1:
            raise VolumeError(f"{path} numbers its segments {[s.value for s in segments]}: export it again.")
        check_memory(geometry.size, np.min_scalar_type(max(names)).itemsize, path)
        labels = np.zeros(geometry.size, np.min_scalar_type(max(names)))
        for places, numbers in _voxels(dataset, geometry, path):
            _draw(labels, places, numbers, names, path)
    except MedMetaError:
        raise
    except OSError as error:
        raise VolumeError(f"{path} cannot be read ({error.strerror or error}): check the path.") from error
    except Exception as error:  # pydicom has no error of its own for what is damaged
        raise VolumeError(
            f"{path} cannot be read as a DICOM segmentation ({type(error).__name__}: {error}): it is damaged, "
            "incomplete, or not what its name says."
        ) from error
    return Volume(labels, geometry, path.name), segments


def _voxels(dataset: Dataset, geometry: Geometry, path: Path) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """For each frame the (N, 3) voxels that are in a segment, and the (N,) numbers of their segments.

    Raises:
        GeometryError: the frame is not on the volume's grid.
        VolumeError: probabilities.
    """
    from pydicom.pixels import iter_pixels

    to_voxels = np.linalg.inv(np.reshape(geometry.direction, (3, 3)) * geometry.spacing)
    kind = dataset.SegmentationType
    full = int(dataset.MaximumFractionalValue) if kind == "FRACTIONAL" else 1
    shared = dataset.get("SharedFunctionalGroupsSequence") or [{}]
    own = dataset.PerFrameFunctionalGroupsSequence
    if len(own) != int(dataset.get("NumberOfFrames", 1)):
        raise VolumeError(f"{path} has places for {len(own)} frames of {dataset.NumberOfFrames}: export it again.")

    def entry(frame: Dataset, group: str) -> Dataset:
        return (frame if group in frame else shared[0])[group][0]

    for frame, pixels in zip(own, iter_pixels(dataset) if own else (), strict=True):
        between_rows, between_columns = map(float, entry(frame, "PixelMeasuresSequence").PixelSpacing)
        cosines = np.array(entry(frame, "PlaneOrientationSequence").ImageOrientationPatient, float).reshape(2, 3)
        corner = np.array(entry(frame, "PlanePositionSequence").ImagePositionPatient, float)
        steps = (
            to_voxels @ np.stack([corner - geometry.origin, cosines[0] * between_columns, cosines[1] * between_rows]).T
        )
        whole = np.rint(steps)
        ends = np.array([[1, 0, 0], [1, pixels.shape[1] - 1, pixels.shape[0] - 1]]).T
        # Along a row and down a column it is one voxel on, each along an axis of its own.
        straight = (np.abs(whole[:, 1:]).sum(axis=0) == 1).all() and whole[:, 1] @ whole[:, 2] == 0
        if not straight or not np.abs((steps - whole) @ ends).max() <= OFF_GRID:
            raise GeometryError(
                f"{path} is not on the grid of the volume: give the volume that was segmented, or resample it."
            )
        rows, columns = np.nonzero(pixels)
        values = pixels[rows, columns]
        if kind == "FRACTIONAL" and (values != full).any():
            raise VolumeError(f"{path} holds probabilities, not segments: export it as a binary segmentation.")
        if kind != "LABELMAP":
            number = int(entry(frame, "SegmentIdentificationSequence").ReferencedSegmentNumber)
            values = np.full(len(values), number)
        yield (whole @ np.stack([np.ones(len(rows)), columns, rows])).T.astype(np.intp), values


def _draw(labels: np.ndarray, places: np.ndarray, numbers: np.ndarray, names: Mapping[int, str], path: Path) -> None:
    """Writes segment numbers into a label map.

    Raises:
        GeometryError: a place outside of it.
        VolumeError: a number without a segment, or a voxel that has a segment already.
    """
    if not ((places >= 0) & (places < labels.shape)).all():
        raise GeometryError(
            f"{path} has segments beyond the volume: give the volume that was segmented, not a part of it."
        )
    unknown = set(np.unique(numbers).tolist()) - names.keys()
    if unknown:
        raise VolumeError(
            f"{path} has voxels of segments {sorted(unknown)}, which it does not describe: export it again."
        )
    where = tuple(places.T)
    before = labels[where]
    if before.any():
        at = int(before.nonzero()[0][0])
        both = f"{names[int(before[at])]!r} and {names[int(numbers[at])]!r}"
        raise VolumeError(
            f"{path} has segments that overlap ({both}): a voxel can be in one alone; take it out of the other."
        )
    labels[where] = numbers


def _segments(described: Sequence[Dataset]) -> tuple[Segment, ...]:
    """The segments of a file; what a label map calls 0 is background."""
    from highdicom.color import CIELabColor

    found = []
    for entry, ours in zip(described, default_segments(range(1, len(described) + 1)), strict=True):
        colour, number = ours.color, int(entry.SegmentNumber)
        if "RecommendedDisplayCIELabValue" in entry:
            colour = tuple(c / 255 for c in CIELabColor.from_dicom_value(entry.RecommendedDisplayCIELabValue).to_rgb())
        name = " ".join(str(entry.get("SegmentLabel") or "").split()) or f"Segment_{number}"
        found.append(Segment(number, name, colour, _terminology(entry)))
    return tuple(segment for segment in found if segment.value)


def _terminology(entry: Dataset) -> str:
    """A segment's codes as Slicer writes them; empty where they say no more than that it is tissue."""

    def code(holder: Dataset | None, name: str) -> tuple[Dataset | None, Code | None]:
        concept = (holder.get(name) or [None])[0] if holder is not None else None
        if concept is None:
            return None, None
        value = next((concept.get(key) for key in ("CodeValue", "LongCodeValue", "URNCodeValue") if key in concept), "")
        return concept, Code(str(concept.CodingSchemeDesignator), str(value), str(concept.CodeMeaning))

    _, category = code(entry, "SegmentedPropertyCategoryCodeSequence")
    concept, kind = code(entry, "SegmentedPropertyTypeCodeSequence")
    _, modifier = code(concept, "SegmentedPropertyTypeModifierCodeSequence")
    place, region = code(entry, "AnatomicRegionSequence")
    _, region_modifier = code(place, "AnatomicRegionModifierSequence")
    meant = Terminology(category or TISSUE, kind or TISSUE, modifier, region, region_modifier)
    return "" if meant == Terminology() else meant.text()
