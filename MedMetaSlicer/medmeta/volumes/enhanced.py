"""DICOM files that hold many frames, each with a place of its own (enhanced CT, MR and PET)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from medmeta.errors import VolumeError
from medmeta.volumes.stacking import sort_slices
from medmeta.volumes.volume import Geometry

if TYPE_CHECKING:
    from pydicom import Dataset

INSTALL = "pip install 'medmeta[dicom]'"


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
        import pydicom
    except ImportError:
        raise VolumeError(
            f"{path} holds many frames: reading where they lie needs pydicom ({INSTALL}), or export the series with "
            "one file a slice."
        ) from None
    try:
        dataset = pydicom.dcmread(path, stop_before_pixels=True)
        if "PerFrameFunctionalGroupsSequence" not in dataset:
            return None
        return _frames(dataset, path)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise VolumeError(
            f"{path} does not say where its frames lie ({error}): export the series with one file a slice."
        ) from error


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
