"""Several annotated volumes laid over one: how much each of them counts at each point, by its grey values there.

Source: Wang et al., "Multi-atlas segmentation with joint label fusion", IEEE TPAMI 35(3), 2013: weights of least
expected error, where two templates whose grey values are wrong at the same points are taken to err together. Here
signed distances are averaged, not labels.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from medmeta.registration.raster import along_axes, smoothing

ROUND = 2.0
"""Standard deviation, samples, of the Gaussian round a point within which grey values are compared."""

EVEN = 0.1
"""Share of the templates' mean error that each errs on its own: the more, the more even the weights are."""

LEAST_ERROR = 1e-4
"""In squares of the grey values' spread."""

UNKNOWN = 2.0
"""Spreads of grey values that a template counts as off by where it shows nothing."""


def joint_weights(own: torch.Tensor, seen: torch.Tensor, on_step: Callable[[], None] = lambda: None) -> torch.Tensor:
    """(T, Z, H, W) weights of T templates, 1 together; some may be below 0, as errors that are alike cancel out.

    Args:
        own: (Z, H, W) grey values of the volume.
        seen: (T, Z, H, W) those of the templates laid over it, NaN where one shows nothing.
        on_step: called often; may raise to cancel.
    """
    count = len(seen)
    if count == 1:
        return torch.ones_like(seen)
    off = torch.stack([_off(own, grey) for grey in seen])
    gaussian = smoothing(own.shape, ROUND, own.device)
    together = own.new_empty(*own.shape, count, count)
    for i in range(count):
        for j in range(i + 1):
            on_step()
            together[..., i, j] = together[..., j, i] = along_axes(off[i] * off[j], gaussian)
    alone = EVEN * together.diagonal(dim1=-2, dim2=-1).mean(-1) + LEAST_ERROR
    together.diagonal(dim1=-2, dim2=-1).add_(alone[..., None])
    found = torch.empty_like(seen)
    for z, errors in enumerate(together):
        on_step()
        weights = torch.linalg.solve(errors, errors.new_ones(*errors.shape[:-1], 1))[..., 0]
        found[:, z] = (weights / weights.sum(-1, keepdim=True)).movedim(-1, 0)
    return found


def _off(own: torch.Tensor, grey: torch.Tensor) -> torch.Tensor:
    """How far grey values are off, in spreads of the volume's own, once mean and spread were matched."""
    known = ~grey.isnan()
    if int(known.sum()) < 2:
        return torch.full_like(own, UNKNOWN)
    one, other = own[known], grey[known]
    spread = one.std().clamp(min=1e-6)
    off = (own - one.mean()) / spread - (grey - other.mean()) / other.std().clamp(min=1e-6)
    return torch.where(known, off.abs(), UNKNOWN)
