"""Smooth random fields: cubic B-splines over a lattice of random control points."""

from __future__ import annotations

from collections.abc import Sequence

import torch


def _basis(samples: int, scale: float, generator: torch.Generator) -> torch.Tensor:
    """(samples, controls) matrix of uniform cubic B-spline weights, control points `scale` samples apart."""
    phase = torch.rand((), generator=generator)
    position = torch.arange(samples) / scale + phase
    cell = position.floor()
    t = position - cell
    weights = torch.stack([(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3], 1) / 6
    controls = int(cell[-1]) + 4
    columns = cell.long()[:, None] + torch.arange(4)
    return torch.zeros(samples, controls).scatter_(1, columns, weights)


def smooth_noise(
    shape: Sequence[int], scale: float | Sequence[float], generator: torch.Generator, channels: int = 1
) -> torch.Tensor:
    """Random fields of zero mean and unit standard deviation that vary over about `scale` voxels.

    Args:
        shape: (D, H, W).
        scale: distance of the control points in voxels, one number or one an axis, at least 1.
        generator: the source of randomness.
        channels: number of independent fields.

    Returns:
        (channels, D, H, W) float32.
    """
    scales = [float(scale)] * 3 if isinstance(scale, int | float) else [float(s) for s in scale]
    z, y, x = (_basis(n, max(s, 1.0), generator) for n, s in zip(shape, scales, strict=True))
    lattice = torch.randn(channels, z.shape[1], y.shape[1], x.shape[1], generator=generator)
    field = torch.matmul(torch.matmul(lattice, x.T).transpose(-1, -2), y.T).transpose(-1, -2)
    field = torch.tensordot(z, field, dims=([1], [1])).transpose(0, 1)
    mean = field.mean(dim=(1, 2, 3), keepdim=True)
    std = field.std(dim=(1, 2, 3), keepdim=True).clamp_min(1e-6)
    return (field - mean) / std
