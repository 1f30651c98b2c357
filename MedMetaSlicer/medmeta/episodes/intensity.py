"""Grey values as the network sees them: the same tissue looks alike in every volume of a cohort."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

LIMIT = 3.0
"""Normalised grey values are cut at +-LIMIT."""

HOUNSFIELD_AIR = -200.0
"""A volume with values below it is taken to be in Hounsfield units, which need no scaling per volume."""


def relative_range(values: np.ndarray) -> tuple[float, float]:
    """Offset and scale that bring one volume's own range to [0, 1], or (0, 1000) for CT.

    Args:
        values: all voxels of the volume, finite.

    Returns:
        (offset, scale): the normalised value is (value - offset) / scale.
    """
    low, high = np.percentile(sampled(values, 500_000), (0.5, 99.5))
    if float(low) < HOUNSFIELD_AIR:
        return 0.0, 1000.0
    if high <= low:
        low, high = float(values.min()), float(values.max())
    return float(low), float(max(high - low, 1e-12))


def sampled(values: np.ndarray, count: int) -> np.ndarray:
    """About `count` numbers of an array at even distances, as doubles; all where there are fewer."""
    places = np.arange(0, values.size, max(1, values.size // count))
    # Not `values.flat`, which is slow where axes are turned.
    return values[np.unravel_index(places, values.shape)].astype(float)


def as_tensor(values: np.ndarray | torch.Tensor) -> torch.Tensor:
    """Voxels of any type and order in memory as a tensor of their own, one after the other; a tensor stays."""
    if isinstance(values, torch.Tensor):
        return values
    kind = values.dtype.newbyteorder("=") if values.dtype.itemsize <= 8 else np.float64
    return torch.from_numpy(np.array(values, kind, order="C"))


def relative(values: np.ndarray | torch.Tensor, own: tuple[float, float]) -> torch.Tensor:
    """Voxels of any type as float32 in a volume's own range, a copy.

    Args:
        values: any shape.
        own: the volume's `relative_range`.
    """
    offset, scale = own
    # In double precision: a small contrast on a large offset is lost in single.
    return as_tensor(values).to(torch.float64, copy=True).sub_(offset).div_(scale).float()


@dataclass(frozen=True)
class GreyWindow:
    """A linear window of grey values, fitted round the structure so that its contrast fills the range.

    Attributes:
        centre: the value that becomes 0.
        width: the difference that becomes 1.
    """

    centre: float
    width: float

    @classmethod
    def fit(cls, slices: torch.Tensor, masks: torch.Tensor) -> GreyWindow:
        """Fits the window to the surroundings of a structure.

        Args:
            slices: (K, H, W) grey values of the annotated slices.
            masks: (K, H, W) boolean; any segment.
        """
        rows, columns = masks.any(0).any(1).nonzero()[:, 0], masks.any(0).any(0).nonzero()[:, 0]
        if len(rows):
            grow = [max(4, int(len_) // 2) for len_ in (rows[-1] - rows[0], columns[-1] - columns[0])]
            top, bottom = max(0, int(rows[0]) - grow[0]), int(rows[-1]) + grow[0] + 1
            left, right = max(0, int(columns[0]) - grow[1]), int(columns[-1]) + grow[1] + 1
            slices = slices[:, top:bottom, left:right]
        values = slices.reshape(-1)
        values = values[:: max(1, len(values) // 200_000)].float()
        low, middle, high = torch.quantile(values, torch.tensor([0.05, 0.5, 0.95])).tolist()
        return cls(middle, max(high - low, 1e-6) / 2)

    def of(self, own: tuple[float, float]) -> Callable[[torch.Tensor], torch.Tensor]:
        """What turns voxels of any type of a volume whose `relative_range` is `own` into normalised grey values."""
        # In place: `relative` has made a copy.
        return lambda values: relative(values, own).sub_(self.centre).div_(self.width).clamp_(-LIMIT, LIMIT)

    def __call__(self, values: torch.Tensor) -> torch.Tensor:
        """Applies the window to values in the volume's own relative range."""
        return ((values - self.centre) / self.width).clamp(-LIMIT, LIMIT)
