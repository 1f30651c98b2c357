"""Samples on a regular grid in mm, on any device: what registration reduces, smooths and samples.

Smoothing, reduction and interpolation along the axes are products with small dense matrices: for sides of about 100
samples that is several times quicker than convolution, on a CPU too, and edges need no case of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F

Spacing = tuple[float, float, float]
"""mm between slices, rows and columns."""

Box = tuple[slice, ...]
"""Voxels along slices, rows and columns."""

CHUNK = 2**24
"""Numbers of a volume that are looked at in one piece."""


@dataclass(frozen=True)
class Lattice:
    """Where the samples of a grid lie.

    Attributes:
        size: samples along slices, rows and columns.
        spacing: mm between them.
        origin: mm, place of the first one.
    """

    size: tuple[int, int, int]
    spacing: Spacing
    origin: Spacing = (0.0, 0.0, 0.0)

    @property
    def extent(self) -> np.ndarray:
        """(3,) mm from border to border."""
        return np.multiply(self.size, self.spacing)

    @property
    def centre(self) -> np.ndarray:
        """(3,) mm."""
        return np.array(self.origin) + (self.extent - self.spacing) / 2

    def of_side(self, side: int) -> Lattice:
        """The same extent with at most `side` samples along its longest side, no finer than it was."""
        finest = self.extent.max() / side
        size = [max(1, min(n, round(mm / finest))) for n, mm in zip(self.size, self.extent, strict=True)]
        spacing = self.extent / size
        origin = np.array(self.origin) + (spacing - self.spacing) / 2
        return Lattice(tuple(size), tuple(map(float, spacing)), tuple(map(float, origin)))

    def part(self, first: int, stop: int) -> Lattice:
        """Its slices from `first` up to, but not with, `stop`."""
        origin = (self.origin[0] + first * self.spacing[0], *self.origin[1:])
        return replace(self, size=(stop - first, *self.size[1:]), origin=origin)


@dataclass(frozen=True)
class Raster:
    """Voxels and where they lie.

    Attributes:
        voxels: (Z, H, W), or (C, Z, H, W), float32 on any device.
        lattice: of Z, H and W.
    """

    voxels: torch.Tensor
    lattice: Lattice

    @classmethod
    def of(
        cls, voxels: torch.Tensor | np.ndarray, spacing: Sequence[float], origin: Sequence[float] = (0.0, 0.0, 0.0)
    ) -> Raster:
        """Voxels of a spacing (mm), the first one at `origin` (mm)."""
        voxels = torch.as_tensor(voxels, dtype=torch.float32)
        places = (tuple(map(float, numbers)) for numbers in (spacing, origin))
        return cls(voxels, Lattice(tuple(voxels.shape[-3:]), *places))

    def reduced(self, side: int) -> Raster:
        """At most `side` samples along the longest side, smoothed as the coarser spacing asks."""
        return self.laid_on(self.lattice.of_side(side))

    def laid_on(self, lattice: Lattice) -> Raster:
        """On another grid: smoothed where that is coarser, else linear; beyond the borders the outermost samples."""
        if lattice == self.lattice:
            return self
        return Raster(along_axes(self.voxels, resampling(self.lattice, lattice, self.voxels.device)), lattice)

    def gradient(self) -> torch.Tensor:
        """(3, Z, H, W), grey values a mm along columns, rows and slices (x, y, z); central differences."""
        found = torch.zeros(3, *self.voxels.shape[-3:], device=self.voxels.device)
        for part, axis, mm in zip(found, (2, 1, 0), reversed(self.lattice.spacing), strict=True):
            if (count := self.lattice.size[axis]) > 2:
                ahead, behind = (self.voxels.narrow(axis, start, count - 2) for start in (2, 0))
                torch.sub(ahead, behind, out=part.narrow(axis, 1, count - 2)).div_(2 * mm)
        return found

    def sampled(self, grid: torch.Tensor) -> torch.Tensor:
        """(C, z, h, w) values, linear; outside the outermost samples.

        Args:
            grid: (3, z, h, w) x, y, z from -1 to 1, border to border of the outermost samples; see `inside`.
        """
        voxels = self.voxels if self.voxels.ndim == 4 else self.voxels[None]
        # Slices as a batch, of which all see the same voxels: on a CPU, torch divides batches alone among threads.
        batch, points = voxels.expand(grid.shape[1], *voxels.shape), grid.movedim(0, -1)[:, None]
        found = F.grid_sample(batch, points, padding_mode="border", align_corners=False)
        return found[:, :, 0].transpose(0, 1)


def inside(grid: torch.Tensor) -> torch.Tensor:
    """(z, h, w) boolean: which points of a grid, see `Raster.sampled`, lie within its borders."""
    return (grid.abs() <= 1).all(0)


def along_axes(voxels: torch.Tensor, matrices: Sequence[torch.Tensor | None]) -> torch.Tensor:
    """(..., Z, H, W) times a matrix (new, old) along each of the three axes; None leaves an axis as it is."""
    depth, rows, columns = matrices
    if columns is not None:
        voxels = voxels @ columns.T
    if rows is not None:
        voxels = rows @ voxels
    if depth is not None:
        voxels = (depth @ voxels.flatten(-2)).unflatten(-1, voxels.shape[-2:])
    return voxels


def resampling(old: Lattice, new: Lattice, device: torch.device | str) -> list[torch.Tensor | None]:
    """Matrices, for `along_axes`, from one grid to another: a Gaussian where it is coarser, else linear."""
    found = []
    for axis in range(3):
        n, mm, start = (getattr(old, name)[axis] for name in ("size", "spacing", "origin"))
        count, step, first = (getattr(new, name)[axis] for name in ("size", "spacing", "origin"))
        if (n, mm, start) == (count, step, first):
            found.append(None)
            continue
        at = (first - start + step * torch.arange(count, dtype=torch.float64)) / mm
        away = (at.clamp(0, n - 1)[:, None] - torch.arange(n)).abs()
        coarser = step > 1.01 * mm
        weights = _gaussian(away, 0.45 * step / mm) if coarser else (1 - away).clamp(min=0)
        found.append((weights / weights.sum(1, keepdim=True)).float().to(device))
    return found


def smoothing(size: Sequence[int], sigma: float, device: torch.device | str) -> list[torch.Tensor]:
    """Matrices, for `along_axes`, of a Gaussian with a standard deviation of `sigma` samples."""
    found = []
    for count in size:
        away = torch.arange(count)[:, None] - torch.arange(count)
        weights = _gaussian(away.double(), sigma)
        found.append((weights / weights.sum(1, keepdim=True)).float().to(device))
    return found


def _gaussian(away: torch.Tensor, sigma: float) -> torch.Tensor:
    """Unnormalised; 0 from four standard deviations on: products with denormal numbers take many times as long."""
    return torch.where(away.abs() < 4 * sigma, torch.exp(-0.5 * (away / sigma) ** 2), 0)
