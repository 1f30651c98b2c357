"""A folder with one DICOM series as a volume, slices in the order in which they lie in the patient."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from medmeta.errors import VolumeError
from medmeta.volumes import enhanced, intact
from medmeta.volumes.claims import check_memory
from medmeta.volumes.itk import reason
from medmeta.volumes.stacking import sort_slices
from medmeta.volumes.volume import SLICES, Geometry

if TYPE_CHECKING:
    import SimpleITK

FRAMES, POSITION, ORIENTATION, INSTANCE = "0028|0008", "0020|0032", "0020|0037", "0008|0018"
SAMPLES, BITS = "0028|0002", "0028|0100"

PIXEL = 4
"""Bytes a pixel may take when it is read."""


@dataclass(frozen=True)
class Slice:
    """What the header of a file with one slice says.

    Attributes:
        path: the file.
        size: columns and rows.
        spacing: mm between columns and between rows.
        position: (3,) LPS, mm, of the first pixel; None where the file does not say (a secondary capture).
        orientation: (6,) cosines, along a row and along a column; None likewise.
        pixel_type: SimpleITK's, after rescaling.
        instance: its SOP instance UID.
    """

    path: str
    size: tuple[int, int]
    spacing: tuple[float, float]
    position: np.ndarray | None
    orientation: np.ndarray | None
    pixel_type: int
    instance: str


@dataclass(frozen=True)
class Series:
    """A series whose slices make up a volume.

    Attributes:
        files: one a slice, in the order of the volume's slices; or a single file of many frames.
        frames: which frame of that single file each of the volume's slices is, from 0; empty for one file a slice.
        geometry: of the volume; None where the files do not say where they lie.
        pixel_types: SimpleITK's, of all slices.
    """

    files: tuple[str, ...]
    frames: Sequence[int]
    geometry: Geometry | None
    pixel_types: frozenset[int] = frozenset()


def find_series(sitk: Any, folder: Path) -> Series:
    """Finds the series in a folder and checks that it is a volume.

    Raises:
        VolumeError: it cannot be read; no series or several; slices that are missing, doubled, tilted, or differ in
            size, pixel spacing or orientation; frames that are too many, or no single stack.
    """
    try:
        there = sorted(folder.iterdir())
        names = sitk.ImageSeriesReader.GetGDCMSeriesIDs(str(folder))
        files = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder), names[0]) if len(names) == 1 else ()
    except OSError as error:
        raise _unreadable(folder, error) from error
    except RuntimeError as error:
        raise VolumeError(f"{folder} cannot be read as a DICOM series ({reason(error)}): export it again.") from error
    if not names:
        raise VolumeError(f"{folder} holds no DICOM series: give a folder with the files of one series.")
    if len(names) > 1:
        raise VolumeError(
            f"{folder} holds {len(names)} DICOM series ({', '.join(names)}): put the one to use into its own folder."
        )
    reader = sitk.ImageFileReader()
    try:
        _check_none_left_out(files, there, folder)
        slices, frames = zip(*(_header(reader, file) for file in files), strict=True)
    except OSError as error:
        raise _unreadable(folder, error) from error
    except (RuntimeError, ValueError, EOFError) as error:
        raise VolumeError(f"{folder} cannot be read as a DICOM series ({reason(error)}): export it again.") from error
    if max(frames) > 1:
        if len(files) > 1:
            longest = Path(files[int(np.argmax(frames))]).name
            raise VolumeError(
                f"{folder} holds {len(files)} DICOM files, of which {longest} has many frames: put the file to use "
                "into its own folder."
            )
        if max(frames) > SLICES[1]:
            raise VolumeError(
                f"{folder} claims {max(frames)} frames; up to {SLICES[1]} work: it is damaged, or export a part of it."
            )
        check_memory((*slices[0].size, max(frames)), PIXEL, folder)
        found = enhanced.frames(Path(files[0]))
        if found is None:
            return Series(files, range(max(frames)), None)
        return Series(files, found.order, found.geometry)
    _check_alike(slices, folder)
    check_memory((*slices[0].size, len(slices)), PIXEL, folder)
    types = frozenset(s.pixel_type for s in slices)
    if slices[0].position is None:  # nothing to sort by: GDCM's order, by instance numbers
        return Series(files, (), None, types)
    order, geometry = _sorted(slices, folder)
    return Series(tuple(files[i] for i in order), (), geometry, types)


def _unreadable(folder: Path, error: OSError) -> VolumeError:
    name = "" if error.filename is None or Path(error.filename) == folder else f"{Path(error.filename).name}: "
    return VolumeError(
        f"{folder} cannot be read ({name}{error.strerror or error}): check the path and its permissions."
    )


def _check_none_left_out(files: Sequence[str], there: Sequence[Path], folder: Path) -> None:
    """GDCM passes over files that it cannot read: where the first or last slice is such, nothing else would show it.

    Raises:
        OSError: a file cannot be read.
        VolumeError: a file of the same kind as the series', or an empty one, is not among those that GDCM found.
    """
    found = {Path(file).name for file in files}
    kind = intact.dicom_class(Path(files[0]))
    for path in there:
        if path.name in found or not path.is_file():
            continue
        size = path.stat().st_size
        if (not size and path.suffix.lower() == ".dcm") or (size and kind and intact.dicom_class(path) == kind):
            raise VolumeError(f"{folder}: {path.name} is damaged or cut off: export the series again.")


def read_series(sitk: Any, folder: Path) -> SimpleITK.Image:
    """Reads the series in a folder.

    Raises:
        VolumeError: as `find_series`, or the pixels cannot be read.
    """
    series = find_series(sitk, folder)
    try:
        if series.frames:
            return _read_frames(sitk, series)
        if len(series.files) == 1:
            return sitk.ReadImage(series.files[0])
        reader = sitk.ImageSeriesReader()
        reader.SetFileNames(series.files)
        if len(series.pixel_types) > 1:  # slopes of their own (PET): ITK would press all into the first slice's type
            reader.SetOutputPixelType(sitk.sitkFloat32)
        return reader.Execute()
    except RuntimeError as error:
        raise VolumeError(f"{folder} cannot be read as a DICOM series ({reason(error)}): export it again.") from error


def _read_frames(sitk: Any, series: Series) -> SimpleITK.Image:
    image = sitk.ReadImage(series.files[0])
    if series.geometry is None:
        return image
    array = sitk.GetArrayFromImage(image)
    if len(array) != len(series.frames):
        raise RuntimeError(f"{len(array)} frames of {len(series.frames)}")
    image = sitk.GetImageFromArray(array[list(series.frames)])
    image.SetSpacing(series.geometry.spacing)
    image.SetOrigin(series.geometry.origin)
    image.SetDirection(series.geometry.direction)
    return image


def _header(reader: Any, file: str) -> tuple[Slice, int]:
    """A file's slice, and how many frames it has.

    Raises:
        RuntimeError, ValueError, OSError: it cannot be read.
        EOFError: it is cut off.
    """
    reader.SetFileName(file)
    reader.ReadImageInformation()

    def numbers(tag: str, count: int) -> np.ndarray | None:
        text = reader.GetMetaData(tag).strip(" \0") if reader.HasMetaDataKey(tag) else ""
        if not text:
            return None
        found = np.array([float(x) for x in text.split("\\")])
        if found.shape != (count,) or not np.isfinite(found).all():
            raise ValueError(f"{Path(file).name} has {text} where {count} numbers belong")
        return found

    frames, bits, samples = (numbers(tag, 1) for tag in (FRAMES, BITS, SAMPLES))
    size, spacing = reader.GetSize(), reader.GetSpacing()
    if bits is not None and samples is not None and samples[0] == 1:
        intact.check_dicom(Path(file), math.prod(size), int(bits[0]))
    orientation = numbers(ORIENTATION, 6)
    place = numbers(POSITION, 3) if orientation is not None else None
    instance = reader.GetMetaData(INSTANCE) if reader.HasMetaDataKey(INSTANCE) else ""
    found = Slice(
        file, size[:2], spacing[:2], place, orientation if place is not None else None, reader.GetPixelID(), instance
    )
    return found, 1 if frames is None else int(frames[0])


def _check_alike(slices: Sequence[Slice], folder: Path) -> None:
    """Refuses slices that cannot be stacked.

    Raises:
        VolumeError: they differ in size, pixel spacing or orientation.
    """
    first = slices[0]
    for other in slices[1:]:
        fault = ""
        if other.size != first.size:
            fault = "{} x {} pixels against {} x {}".format(*first.size, *other.size)
        elif not np.allclose(other.spacing, first.spacing, rtol=1e-3, atol=1e-5):
            fault = "pixels of {:g} x {:g} mm against {:g} x {:g} mm".format(*first.spacing, *other.spacing)
        elif (other.position is None) != (first.position is None):
            fault = "only one of them says where it lies"
        elif first.orientation is not None and not np.allclose(other.orientation, first.orientation, atol=1e-3):
            fault = "another orientation"
        if fault:
            raise VolumeError(
                f"{folder}: its slices differ ({Path(first.path).name} and {Path(other.path).name}: {fault}): "
                "put the slices of one stack into their own folder."
            )


def _sorted(slices: Sequence[Slice], folder: Path) -> tuple[tuple[int, ...], Geometry]:
    names = [Path(s.path).name for s in slices]
    copies = len({s.instance for s in slices}) < len(slices)
    size = (*slices[0].size, len(slices))
    corners = np.array([s.position for s in slices])
    return sort_slices(corners, slices[0].orientation, size, slices[0].spacing, folder, names, copies)
