"""DICOM files that hold many frames, each with a place of its own (enhanced CT, MR and PET)."""

from __future__ import annotations

import mmap
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from medmeta.errors import MedMetaError, VolumeError
from medmeta.volumes.stacking import sort_slices
from medmeta.volumes.volume import Geometry

if TYPE_CHECKING:
    from pydicom import Dataset

INSTALL = "pip install highdicom pydicom"


@dataclass(frozen=True)
class Frames:
    """How the frames of a file make up a volume.

    Attributes:
        order: which frame each of the volume's slices is, from 0.
        geometry: the volume's.
    """

    order: tuple[int, ...]
    geometry: Geometry


def frames(path: Path) -> Frames | None:
    """How the frames of a file lie; None where it does not say.

    Raises:
        VolumeError: they are no single stack, their grey values are scaled differently, or pydicom is missing.
    """
    try:
        import pydicom  # noqa: F401
    except ImportError:
        raise VolumeError(
            f"{path} holds many frames: reading where they lie needs pydicom ({INSTALL}), or export the series with "
            "one file a slice."
        ) from None
    try:
        dataset = read_dataset(path, stop_before_pixels=True)
        if "PerFrameFunctionalGroupsSequence" not in dataset:
            return None
        return _frames(dataset, path)
    except MedMetaError:
        raise
    except Exception as error:  # pydicom has no error of its own for what is damaged
        raise VolumeError(
            f"{path} does not say where its frames lie ({error}): export the series with one file a slice."
        ) from error


def read_dataset(path: Path, stop_before_pixels: bool = False) -> Dataset:
    """A file's dataset; no more memory is taken than the file has bytes, whatever lengths are in it.

    Raises:
        Exception: of any kind, where the file is damaged.
    """
    import pydicom

    with (
        path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
        warnings.catch_warnings(action="ignore"),  # of odd but readable values
    ):
        return pydicom.dcmread(content, stop_before_pixels=stop_before_pixels)


def _frames(dataset: Dataset, path: Path) -> Frames:
    shared = dataset.SharedFunctionalGroupsSequence[0] if "SharedFunctionalGroupsSequence" in dataset else {}
    own = dataset.PerFrameFunctionalGroupsSequence

    def all_of(group: str, keyword: str, default: list[float] | None = None) -> np.ndarray:
        found = []
        for frame in own:
            holder = frame if group in frame else shared
            if default is not None and group not in holder:
                found.append(default)
            else:
                found.append(np.atleast_1d(np.array(getattr(getattr(holder, group)[0], keyword), dtype=float)))
        return np.array(found)

    if len(own) != int(dataset.NumberOfFrames):
        raise ValueError(f"{len(own)} places for {dataset.NumberOfFrames} frames")
    corners = all_of("PlanePositionSequence", "ImagePositionPatient")
    orientation = all_of("PlaneOrientationSequence", "ImageOrientationPatient")
    spacing = all_of("PixelMeasuresSequence", "PixelSpacing")
    scaling = np.concatenate(
        [
            all_of("PixelValueTransformationSequence", "RescaleSlope", [1.0]),
            all_of("PixelValueTransformationSequence", "RescaleIntercept", [0.0]),
        ],
        axis=1,
    )
    for what, values in (("orientation", orientation), ("pixel size", spacing), ("scale of grey values", scaling)):
        if not np.allclose(values, values[0], rtol=1e-3, atol=1e-3 if what == "orientation" else 1e-6):
            raise VolumeError(
                f"{path}: its frames differ in {what}: export one stack with one file a slice into its own folder."
            )
    size = (int(dataset.Columns), int(dataset.Rows), len(own))
    order, geometry = sort_slices(
        corners,
        orientation[0],
        size,
        (float(spacing[0, 1]), float(spacing[0, 0])),
        path,
        [f"frame {i + 1}" for i in range(len(own))],
    )
    return Frames(order, geometry)
