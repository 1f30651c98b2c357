"""Volumes from and to files: NIfTI, NRRD, MetaImage and folders with a DICOM series, through SimpleITK."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from medmeta.errors import VolumeError
from medmeta.volumes.volume import Geometry, Volume

if TYPE_CHECKING:
    import SimpleITK

EXTENSIONS = (".nii", ".nii.gz", ".nrrd", ".mha", ".mhd")
"""What can be read and written, apart from DICOM folders, which can be read."""

GAP_TOLERANCE = 0.05
"""mm; DICOM slices may lie that unevenly."""


@contextmanager
def _quiet():
    """Without ITK's own warnings on the console: what matters becomes an error message of ours."""
    import SimpleITK

    before = SimpleITK.ProcessObject.GetGlobalWarningDisplay()
    SimpleITK.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        yield SimpleITK
    finally:
        SimpleITK.ProcessObject.SetGlobalWarningDisplay(before)


def read_volume(path: str | Path) -> Volume:
    """Reads a volume.

    Args:
        path: a NIfTI, NRRD or MetaImage file, or a folder that holds one DICOM series.

    Raises:
        VolumeError: no such file, not readable, not three-dimensional, or more than one number a voxel.
    """
    path = Path(path)
    if not path.exists():
        raise VolumeError(f"{path} does not exist: check the path.")
    with _quiet() as sitk:
        image = _read_series(sitk, path) if path.is_dir() else _read_file(sitk, path)
    return _volume(image, path)


def read_label_map(path: str | Path) -> Volume:
    """Reads a label map; whole numbers stored as floats are accepted.

    Raises:
        VolumeError: as `read_volume`, or numbers that are not whole, or negative.
    """
    volume = read_volume(path)
    array = volume.array
    if np.issubdtype(array.dtype, np.floating):
        whole = np.rint(array)
        if not np.isfinite(array).all() or np.abs(whole - array).max() > 1e-4:
            raise VolumeError(
                f"{path} is not a label map (its numbers are not whole): give the segmentation, not the image."
            )
        array = whole.astype(np.int32)
    if array.min() < 0:
        raise VolumeError(
            f"{path} is not a label map (it holds negative numbers): give the segmentation, not the image."
        )
    return Volume(array, volume.geometry, volume.name)


def write_volume(volume: Volume, path: str | Path, metadata: Mapping[str, str] | None = None) -> None:
    """Writes a volume, compressed; an existing file is replaced only when all is written.

    NRRD and MetaImage keep the geometry to the last digit; NIfTI stores an oblique direction in single precision (1e-7).

    Args:
        volume: what to write.
        path: ends in one of `EXTENSIONS`.
        metadata: header entries, which only NRRD keeps.

    Raises:
        VolumeError: an unknown ending, or the file cannot be written.
    """
    path = Path(path)
    extension = next((e for e in sorted(EXTENSIONS, key=len, reverse=True) if path.name.lower().endswith(e)), None)
    if extension is None:
        raise VolumeError(f"{path} has an unknown ending: use one of {', '.join(EXTENSIONS)}.")
    with _quiet() as sitk:
        image = sitk.GetImageFromArray(np.ascontiguousarray(volume.array.transpose(2, 1, 0)))
        image.SetSpacing(volume.geometry.spacing)
        image.SetOrigin(volume.geometry.origin)
        image.SetDirection(volume.geometry.direction)
        for key, value in (metadata or {}).items():
            image.SetMetaData(key, value)
        # A .mhd names its data file, so that it cannot be renamed into place.
        temporary = path if extension == ".mhd" else path.with_name(f".{os.getpid()}.{path.name}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            sitk.WriteImage(image, str(temporary), useCompression=True)
            if temporary != path:
                os.replace(temporary, path)
        except (RuntimeError, OSError) as error:
            raise VolumeError(f"{path} cannot be written ({_reason(error)}): choose another folder.") from error
        finally:
            if temporary != path:
                temporary.unlink(missing_ok=True)


def write_label_map(volume: Volume, path: str | Path, segments: Sequence[Any] = ()) -> None:
    """Writes a label map; a NRRD file carries the segments' names and colours as Slicer writes them.

    Args:
        volume: unsigned integers.
        path: as in `write_volume`; ".seg.nrrd" opens in Slicer as a segmentation.
        segments: `medmeta.annotations.Segment`s.

    Raises:
        VolumeError: as `write_volume`.
    """
    metadata: dict[str, str] = {}
    if Path(path).name.lower().endswith(".nrrd"):
        for index, segment in enumerate(segments):
            prefix = f"Segment{index}_"
            metadata[prefix + "ID"] = f"Segment_{segment.value}"
            metadata[prefix + "Name"] = segment.name
            metadata[prefix + "Color"] = " ".join(f"{c:.6g}" for c in segment.color)
            metadata[prefix + "LabelValue"] = str(segment.value)
            metadata[prefix + "Layer"] = "0"
            if segment.terminology:
                metadata[prefix + "Tags"] = f"Segmentation.TerminologyEntry:{segment.terminology}|"
    write_volume(volume, path, metadata)


def _reason(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[-1] if lines else type(error).__name__).removeprefix("sitk::ERROR: ")


def _read_file(sitk: Any, path: Path) -> SimpleITK.Image:
    if not path.name.lower().endswith(EXTENSIONS):
        raise VolumeError(f"{path} has an unknown ending: give one of {', '.join(EXTENSIONS)}, or a DICOM folder.")
    try:
        return sitk.ReadImage(str(path))
    except RuntimeError as error:
        raise VolumeError(
            f"{path} cannot be read ({_reason(error)}): it is damaged, or not what its name says."
        ) from error


def _read_series(sitk: Any, folder: Path) -> SimpleITK.Image:
    reader = sitk.ImageSeriesReader()
    series = reader.GetGDCMSeriesIDs(str(folder))
    if not series:
        raise VolumeError(f"{folder} holds no DICOM series: give a folder with the files of one series.")
    if len(series) > 1:
        raise VolumeError(
            f"{folder} holds {len(series)} DICOM series ({', '.join(series)}): put the one to use into its own folder."
        )
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder), series[0]))
    reader.MetaDataDictionaryArrayUpdateOn()
    try:
        image = reader.Execute()
    except RuntimeError as error:
        raise VolumeError(f"{folder} cannot be read as a DICOM series ({_reason(error)}).") from error
    _check_gaps(reader, image, folder)
    return image


def _check_gaps(reader: Any, image: SimpleITK.Image, folder: Path) -> None:
    """ITK takes the first slice distance for all: a missing or doubled slice would bend the volume unnoticed."""
    count = image.GetSize()[2]
    if count < 3:
        return
    normal = np.array(image.GetDirection()).reshape(3, 3)[:, 2]
    try:
        places = [
            float(np.dot([float(x) for x in reader.GetMetaData(i, "0020|0032").split("\\")], normal))
            for i in range(count)
        ]
    except (RuntimeError, ValueError):
        return  # no positions in the files (secondary captures): nothing to check by
    gaps = np.abs(np.diff(places))
    if gaps.max() - gaps.min() > max(GAP_TOLERANCE, 0.02 * float(np.median(gaps))):
        worst = int(np.abs(gaps - np.median(gaps)).argmax())
        raise VolumeError(
            f"{folder}: slices {worst} and {worst + 1} lie {gaps[worst]:.2f} mm apart, the others "
            f"{np.median(gaps):.2f} mm: a slice is missing or doubled; export the series again."
        )


def _volume(image: SimpleITK.Image, path: Path) -> Volume:
    with _quiet() as sitk:
        size = image.GetSize()
        if image.GetDimension() == 4 and size[3] == 1:
            image = image[:, :, :, 0]
        if image.GetDimension() != 3 or min(image.GetSize()) < 1:
            raise VolumeError(
                f"{path} has {image.GetDimension()} dimensions ({' x '.join(map(str, size))}): give a 3D volume."
            )
        if image.GetNumberOfComponentsPerPixel() != 1:
            raise VolumeError(
                f"{path} has {image.GetNumberOfComponentsPerPixel()} numbers a voxel: give a grey-value volume."
            )
        array = sitk.GetArrayFromImage(image).transpose(2, 1, 0)
    geometry = Geometry(
        tuple(int(n) for n in image.GetSize()),
        tuple(float(x) for x in image.GetSpacing()),
        tuple(float(x) for x in image.GetOrigin()),
        tuple(float(x) for x in image.GetDirection()),
    )
    return Volume(array, geometry, path.name)
