"""A volume and where it lies in space."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from medmeta.errors import VolumeError

SLICES = (4, 2000)
IN_PLANE = (8, 2048)
THICKEST = 10.0
"""mm; slices farther apart show too little of a structure's course."""


@dataclass(frozen=True)
class Geometry:
    """Voxel grid in space, as in ITK.

    Attributes:
        size: voxels along the axes I, J, K.
        spacing: mm along the axes.
        origin: LPS position of the first voxel, mm.
        direction: 9 numbers, by rows; the columns are the LPS directions of the axes.
    """

    size: tuple[int, int, int]
    spacing: tuple[float, float, float]
    origin: tuple[float, float, float]
    direction: tuple[float, ...]

    def matches(self, other: Geometry, tolerance: float = 1e-3) -> bool:
        """True where both are the same grid, to a tolerance in mm (for directions, in cosines)."""
        mine, others = (np.array([*g.spacing, *g.origin, *g.direction]) for g in (self, other))
        return self.size == other.size and bool(np.allclose(mine, others, atol=tolerance, rtol=0))


@dataclass(frozen=True)
class Volume:
    """Voxels and their geometry.

    Attributes:
        array: (I, J, K), the index order of the file.
        geometry: where they lie; its size is the array's shape.
        name: what messages call the volume.

    Raises:
        VolumeError: the array is not of the geometry's size.
    """

    array: np.ndarray
    geometry: Geometry
    name: str = "volume"

    def __post_init__(self) -> None:
        if tuple(self.array.shape) != tuple(self.geometry.size):
            raise VolumeError(
                f"{self.name}: {self.array.shape} voxels do not fit a geometry of {tuple(self.geometry.size)}."
            )


def finite(array: np.ndarray, name: str = "volume") -> np.ndarray:
    """The array itself where all its numbers are finite, else a copy with the others set to its smallest finite number.

    Numbers too large for the network's single precision count as infinite.

    Raises:
        VolumeError: no number is finite.
    """
    if not np.issubdtype(array.dtype, np.floating):
        return array
    return _finite_between(array, name)[0]


def _finite_between(array: np.ndarray, name: str) -> tuple[np.ndarray, float, float]:
    """`finite`, with the smallest and the largest number."""
    largest = np.finfo(np.float32).max
    with np.errstate(invalid="ignore"):
        low, high = array.min(), array.max()
        if -largest <= low and high <= largest:  # False with NaN; quicker than to look at each number
            return array, low, high
    good = np.abs(array) <= largest
    if not good.any():
        raise VolumeError(f"{name} holds no finite number (all NaN, infinite or above 3e38): check the file.")
    low, high = array[good].min(), array[good].max()
    return np.where(good, array, low), low, high


def check_supported(volume: Volume, axis: int) -> None:
    """Checks that a volume can be worked on slice by slice along an axis.

    Raises:
        VolumeError: too few or too many slices or pixels, slices too thick, all NaN, or one value everywhere.
    """
    size, name = volume.geometry.size, volume.name
    count, spacing = size[axis], volume.geometry.spacing[axis]
    if not SLICES[0] <= count <= SLICES[1]:
        raise VolumeError(
            f"{name} has {count} slices along axis {axis}; {SLICES[0]} to {SLICES[1]} work: "
            "choose another axis or volume."
        )
    plane = [size[a] for a in range(3) if a != axis]
    if min(plane) < IN_PLANE[0] or max(plane) > IN_PLANE[1]:
        raise VolumeError(
            f"{name} has slices of {plane[0]} x {plane[1]} pixels along axis {axis}; {IN_PLANE[0]} to {IN_PLANE[1]} "
            "a side work: choose another axis, or resample the volume."
        )
    if spacing > THICKEST * 1.001:
        raise VolumeError(
            f"{name} has slices {spacing:.1f} mm apart along axis {axis}; up to {THICKEST:g} mm works: "
            "choose another axis."
        )
    _, low, high = _finite_between(volume.array, name)
    if low == high:
        raise VolumeError(f"{name} has the value {low} everywhere: there is nothing to segment in it.")
