"""Grey values of whole volumes, reduced for registration: scaled, smoothed and thinned out without a copy of it all."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from medmeta.episodes.intensity import sampled
from medmeta.registration.raster import CHUNK, Lattice, Raster, resampling

SAMPLE = 500_000
"""Voxels that are looked at for the dark and the bright end."""

ENDS = (0.5, 99.5)
"""Percentiles."""


def ends(slices: np.ndarray) -> tuple[float, float]:
    """The dark and the bright end of a volume's grey values (0.5% and 99.5%; of few different values, all of them)."""
    low, high = np.percentile(sampled(slices, SAMPLE), ENDS)
    return (float(low), float(high)) if high > low else (float(slices.min()), float(slices.max()))


def reduced_greys(
    slices: np.ndarray,
    spacing: Sequence[float],
    side: int,
    device: torch.device | str = "cpu",
    on_step: Callable[[], None] = lambda: None,
    limits: tuple[float, float] | None = None,
    first: Sequence[int] = (0, 0, 0),
) -> Raster:
    """Grey values from 0 to 1 between a volume's dark and bright end, cut beyond them, then reduced.

    Args:
        slices: (Z, H, W) numbers, however they lie in memory.
        spacing: mm between slices, rows and columns.
        side: samples of the longest side, at most.
        device: where.
        on_step: called often; may raise to cancel.
        limits: the dark and the bright end; None for those of `slices`.
        first: of a part of a volume, its first voxel there.
    """
    low, high = limits or ends(slices)
    spacing = tuple(map(float, spacing))
    old = Lattice(slices.shape, spacing, tuple(n * mm for n, mm in zip(first, spacing, strict=True)))
    new = old.of_side(side)
    # In the order in which they lie in memory, the outermost axis piece by piece.
    order = np.argsort([-abs(stride) for stride in slices.strides], kind="stable")
    turned, matrices = slices.transpose(order), resampling(old, new, device)
    outer, *inner = (matrices[axis] for axis in order)
    precise = torch.float64 if np.result_type(slices.dtype, np.float32) == np.float64 else torch.float32
    step, parts = max(1, CHUNK // max(1, turned[0].size)), []
    for start in range(0, len(turned), step):
        on_step()
        part = _tensor(turned[start : start + step], device, precise)
        part = ((part - low) / max(high - low, 1e-12)).clamp_(0, 1).float()
        for axis, matrix in zip((2, 1), reversed(inner), strict=True):
            if matrix is not None:
                part = part @ matrix.T if axis == 2 else matrix @ part
        parts.append(part)
    found = torch.cat(parts)
    if outer is not None:
        found = (outer @ found.flatten(1)).unflatten(1, found.shape[1:])
    return Raster(found.permute(*np.argsort(order)).contiguous(), new)


def _tensor(array: np.ndarray, device: torch.device | str, kind: torch.dtype) -> torch.Tensor:
    """An array on a device; numbers of a type that torch knows travel as they are, being smaller."""
    flipped = [axis for axis, stride in enumerate(array.strides) if stride < 0]
    array = np.flip(array, flipped)
    if array.dtype.byteorder not in "=|" or array.dtype == np.longdouble:
        array = array.astype(np.float64)
    if not array.flags.writeable:  # torch would warn, though nothing is written
        array = array.copy()
    return torch.from_numpy(array).to(device).to(kind).flip(flipped)
