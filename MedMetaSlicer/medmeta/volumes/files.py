"""Volumes from and to files: NIfTI, NRRD, MetaImage and folders with a DICOM series, through SimpleITK."""

from __future__ import annotations

import gzip
import shutil
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from medmeta.disk import check_room, replacing
from medmeta.errors import VolumeError
from medmeta.volumes import intact
from medmeta.volumes.claims import check_file
from medmeta.volumes.dicom import read_series
from medmeta.volumes.headers import nifti_rows, nrrd_vectors
from medmeta.volumes.itk import quiet, reason
from medmeta.volumes.plausible import check_metaimage_header, check_nrrd_header
from medmeta.volumes.volume import Geometry, Volume

if TYPE_CHECKING:
    import SimpleITK

EXTENSIONS = (".nii", ".nii.gz", ".nrrd", ".mha", ".mhd")
"""What can be read and written, apart from DICOM folders, which can be read."""

LARGEST_LABEL = 2**53
"""Above it not even double precision tells whole numbers apart: such numbers are no label values."""

_FAULTS = (RuntimeError, OSError, EOFError, ValueError, zlib.error)
"""What ITK and the checks raise."""

_WIDER = {"bool": np.uint8, "float16": np.float32}
_SFORM = 280
"""Where a NIfTI file has srow_x, srow_y and srow_z, bytes."""
_VOXELS = 352
"""Where a NIfTI file that ITK writes has its voxels, bytes."""


def read_volume(path: str | Path) -> Volume:
    """Reads a volume.

    Args:
        path: a NIfTI, NRRD or MetaImage file, or a folder that holds one DICOM series.

    Raises:
        VolumeError: no such file, not readable, not three-dimensional, too large, or more than one number a voxel.
    """
    path = Path(path)
    if not path.exists():
        raise VolumeError(f"{path} does not exist: check the path.")
    with quiet() as sitk:
        image = read_series(sitk, path) if path.is_dir() else _read_file(sitk, path)
    return _volume(image, path)


def read_label_map(path: str | Path) -> Volume:
    """Reads a label map; whole numbers stored as floats are accepted.

    Raises:
        VolumeError: as `read_volume`, or numbers that are not whole, negative, or beyond `LARGEST_LABEL`.
    """
    volume = read_volume(path)
    array, fault = volume.array, ""
    if np.issubdtype(array.dtype, np.floating):
        whole = np.rint(array)
        if not np.isfinite(array).all() or np.abs(whole - array).max() > 1e-4:
            fault = "its numbers are not whole"
        array = whole
    if not fault and array.min() < 0:
        fault = "it holds negative numbers"
    if not fault and array.max() > LARGEST_LABEL:
        fault = f"it holds numbers up to {array.max():g}"
    if fault:
        raise VolumeError(f"{path} is not a label map ({fault}): give the segmentation, not the image.")
    if np.issubdtype(array.dtype, np.floating):
        array = array.astype(np.min_scalar_type(int(array.max())))
    return Volume(array, volume.geometry, volume.name)


def write_volume(volume: Volume, path: str | Path, metadata: Mapping[str, str] | None = None) -> None:
    """Writes a volume, compressed; an existing file is replaced only when all is written.

    The geometry is kept to the last digit; only NIfTI, which holds single precision, rounds one from another format.

    Args:
        volume: what to write; voxel types that no format holds are widened (booleans to bytes, half to single
            precision).
        path: ends in one of `EXTENSIONS`.
        metadata: header entries, which only NRRD keeps.

    Raises:
        VolumeError: an unknown ending, or the file cannot be written.
    """
    path = Path(path)
    extension = next((e for e in sorted(EXTENSIONS, key=len, reverse=True) if path.name.lower().endswith(e)), None)
    if extension is None:
        raise VolumeError(f"{path} has an unknown ending: use one of {', '.join(EXTENSIONS)}.")
    array = volume.array.astype(_WIDER.get(volume.array.dtype.name, volume.array.dtype), copy=False)
    with quiet() as sitk:
        image = sitk.GetImageFromArray(np.ascontiguousarray(array.transpose(2, 1, 0)))
        image.SetOrigin(volume.geometry.origin)
        if extension == ".nrrd":  # it holds spacing times direction
            image.SetDirection(nrrd_vectors(volume.geometry).ravel())
        else:
            image.SetSpacing(volume.geometry.spacing)
            image.SetDirection(volume.geometry.direction)
        for key, value in (metadata or {}).items():
            image.SetMetaData(key, value)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # A .mhd has its voxels in a second file: the header, which names that file, is replaced last.
            with replacing(path) as temporary:
                _write_file(sitk, image, temporary, volume.geometry)
        except _FAULTS as error:
            raise VolumeError(
                f"{path} cannot be written ({reason(error)}): make room, or choose another folder."
            ) from error


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
    if segments and Path(path).name.lower().endswith(".nrrd"):
        metadata["Segmentation_MasterRepresentation"] = "Binary labelmap"
        metadata["Segmentation_ContainedRepresentationNames"] = "Binary labelmap|"
        metadata["Segmentation_ReferenceImageExtentOffset"] = "0 0 0"
        extent = " ".join(f"0 {n - 1}" for n in volume.geometry.size)
        for index, segment in enumerate(segments):
            prefix = f"Segment{index}_"
            metadata[prefix + "ID"] = f"Segment_{segment.value}"
            metadata[prefix + "Name"] = " ".join(segment.name.split())
            metadata[prefix + "Color"] = " ".join(f"{c:.6g}" for c in segment.color)
            # Else Slicer takes the terminology's name and colour instead, as soon as that is touched.
            metadata[prefix + "NameAutoGenerated"] = metadata[prefix + "ColorAutoGenerated"] = "0"
            metadata[prefix + "LabelValue"] = str(segment.value)
            metadata[prefix + "Layer"] = "0"
            metadata[prefix + "Extent"] = extent
            if segment.terminology:
                metadata[prefix + "Tags"] = f"TerminologyEntry:{segment.terminology}|"
    write_volume(volume, path, metadata)


def _write_file(sitk: Any, image: SimpleITK.Image, path: Path, geometry: Geometry) -> None:
    """Writes a file and makes sure that it is whole: ITK does not notice all that a full disk did not take.

    Raises:
        EOFError, OSError, RuntimeError, ValueError, zlib.error: not all could be written.
    """
    try:
        if path.name.lower().endswith((".nii", ".nii.gz")):
            _write_nifti(sitk, image, path, nifti_rows(geometry))
        else:
            sitk.WriteImage(image, str(path), useCompression=True)
            _check_header(path)
            _check_voxels(path)
    except _FAULTS:
        check_room(path.parent)  # which ITK gives no reason for
        raise


def _write_nifti(sitk: Any, image: SimpleITK.Image, path: Path, rows: np.ndarray) -> None:
    """As ITK writes it, but for the axes: ITK takes them through a quaternion, which costs digits.

    Raises:
        OSError, RuntimeError: not all could be written.
    """
    plain = path.with_name("plain.nii")
    sitk.WriteImage(image, str(plain))
    if plain.stat().st_size < _VOXELS + image.GetNumberOfPixels() * image.GetSizeOfPixelComponent():
        raise OSError("the disk is full")  # of which ITK says nothing
    with plain.open("r+b") as file:
        file.seek(_SFORM)
        file.write(rows.tobytes())
    if path.name.lower().endswith(".gz"):
        with plain.open("rb") as source, gzip.GzipFile(path, "wb", compresslevel=6, mtime=0) as target:
            shutil.copyfileobj(source, target, 1 << 22)
        plain.unlink()
    else:
        plain.rename(path)


def _read_file(sitk: Any, path: Path) -> SimpleITK.Image:
    if not path.name.lower().endswith(EXTENSIONS):
        raise VolumeError(f"{path} has an unknown ending: give one of {', '.join(EXTENSIONS)}, or a DICOM folder.")
    try:
        _check_header(path)
        check_file(sitk, path)
        _check_voxels(path)
        image = sitk.ReadImage(str(path))
        if path.name.lower().endswith((".nii", ".nii.gz")):
            intact.check_nifti(image, path)
        return image
    except _FAULTS as error:
        advice = "it is damaged, incomplete, or not what its name says."
        if "orthonormal" in str(error):
            advice = "its axes are not at right angles; resample it to a rectangular grid."
        raise VolumeError(f"{path} cannot be read ({reason(error)}): {advice}") from error


def _check_header(path: Path) -> None:
    """Checks a header in words; raises what `check_metaimage_header` and `check_nrrd_header` do."""
    if path.name.lower().endswith((".mha", ".mhd")):
        check_metaimage_header(path)
    elif path.name.lower().endswith(".nrrd"):
        check_nrrd_header(path)


def _check_voxels(path: Path) -> None:
    """Checks voxels after such a header; raises what `check_metaimage` and `check_nrrd` do."""
    if path.name.lower().endswith((".mha", ".mhd")):
        intact.check_metaimage(path)
    elif path.name.lower().endswith(".nrrd"):
        intact.check_nrrd(path)


def _volume(image: SimpleITK.Image, path: Path) -> Volume:
    with quiet() as sitk:
        size = image.GetSize()
        if image.GetDimension() == 4 and size[3] == 1:
            image = image[:, :, :, 0]
        if image.GetDimension() != 3 or min(image.GetSize()) < 1:
            raise VolumeError(
                f"{path} has {image.GetDimension()} dimensions ({' x '.join(map(str, size))}): give a 3D volume."
            )
        count = image.GetNumberOfComponentsPerPixel() * (2 if "complex" in image.GetPixelIDTypeAsString() else 1)
        if count != 1:
            advice = "give a grey-value volume."
            if path.name.lower().endswith(".seg.nrrd"):
                advice = "its segments overlap; export it as a label map."
            raise VolumeError(f"{path} has {count} numbers a voxel: {advice}")
        array = sitk.GetArrayFromImage(image).transpose(2, 1, 0)
    geometry = Geometry(
        tuple(int(n) for n in image.GetSize()),
        tuple(float(x) for x in image.GetSpacing()),
        tuple(float(x) for x in image.GetOrigin()),
        tuple(float(x) for x in image.GetDirection()),
    )
    return Volume(array, geometry, path.name)
