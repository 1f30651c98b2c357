"""Displacements between two volumes that lie on each other roughly: demons with symmetric forces, from coarse to fine.

Sources: Thirion, "Image matching as a diffusion process: an analogy with Maxwell's demons", Medical Image Analysis
2(3), 1998; Vercauteren et al., "Diffeomorphic demons", NeuroImage 45(1), 2009 (the symmetric forces, and the bound of
a step). Displacements are added, not composed, and smoothed after every step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from medmeta.registration.raster import Lattice, Raster, along_axes, inside, smoothing

LONGEST = 0.5
"""Length of a step at most, in samples (root mean square of their spacings)."""

ALIKE = 1e-3
"""Difference of grey values (of 0 to 1) that is but noise, and moves little."""

LEAST_SIDE = 16
"""Samples that a side keeps on coarse levels."""

KNOWN = 0.99
"""Share of a sample that must lie in the field of view."""


def demons(
    fixed: Raster,
    moved: Raster,
    steps: Sequence[int],
    smoothness: float,
    known: torch.Tensor | None = None,
    start: Raster | None = None,
    on_level: Callable[[], None] = lambda: None,
    on_step: Callable[[], None] = lambda: None,
) -> Raster:
    """Displacements that carry points of the fixed image to where the same is in the moved one.

    Args:
        fixed, moved: of the same grid and alike grey values, about from 0 to 1.
        steps: on each level, coarse to fine; each halves the spacing.
        smoothness: standard deviation of the Gaussian that smooths displacements, samples.
        known: (Z, H, W) boolean, where the moved image shows anything: beyond its field of view there is nothing to
            be alike, and points that come from there pull at nothing. None for everywhere.
        start: displacements to go on from, on any grid; None for none.
        on_level, on_step: called before each; may raise to cancel.

    Returns:
        (3, Z, H, W) mm along columns, rows and slices (x, y, z), on the grid of the finest level.
    """
    field = start or Raster(fixed.voxels.new_zeros(3, *fixed.lattice.size), fixed.lattice)
    shares = torch.ones_like(moved.voxels) if known is None else known.to(moved.voxels)
    moved = Raster(torch.stack([moved.voxels, shares]), moved.lattice)
    for level, count in enumerate(steps):
        on_level()
        lattice = _coarser(fixed.lattice, 2 ** (len(steps) - 1 - level))
        field = _level(*(image.laid_on(lattice) for image in (fixed, moved, field)), count, smoothness, on_step)
    return field


def _coarser(lattice: Lattice, factor: int) -> Lattice:
    """Fewer samples by a factor, as far as `LEAST_SIDE` of them stay."""
    size = [max(min(n, LEAST_SIDE), round(n / factor)) for n in lattice.size]
    spacing = lattice.extent / size
    origin = np.array(lattice.origin) + (spacing - lattice.spacing) / 2
    return lattice if tuple(size) == lattice.size else Lattice(tuple(size), tuple(spacing), tuple(origin))


def _level(
    fixed: Raster, moved: Raster, field: Raster, steps: int, smoothness: float, on_step: Callable[[], None]
) -> Raster:
    lattice, device = fixed.lattice, fixed.voxels.device
    gaussian = smoothing(lattice.size, smoothness, device)
    halves = torch.tensor((lattice.extent / 2)[::-1].copy(), dtype=torch.float32, device=device).view(3, 1, 1, 1)
    sides = [(2 * torch.arange(n, device=device) + 1) / n - 1 for n in lattice.size]
    still = torch.stack(torch.meshgrid(*sides, indexing="ij")).flip(0)
    bound = (LONGEST**2) * float(np.mean(np.square(lattice.spacing)))
    slope, shifts = fixed.gradient(), field.voxels
    for _ in range(steps):
        on_step()
        grid = still + shifts / halves
        grey, share = moved.sampled(grid)
        seen = Raster(grey, lattice)
        away = (fixed.voxels - grey) * (inside(grid) & (share > KNOWN))
        force = seen.gradient().add_(slope)
        scale = 2 * away / (force.square().sum(0) + (away.square() + ALIKE**2) / bound)
        shifts = along_axes(shifts + force * scale, gaussian)
    return Raster(shifts, lattice)
