"""A volume as the network sees it: slices first, cropped to the region of interest, at the network's resolution."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import torch
import torch.nn.functional as F

CHUNK = 16
"""Slices that are widened to floating point at a time, so that a large volume of bytes stays one of bytes."""


@dataclass(frozen=True)
class Window:
    """A rectangle of a slice and the size that the network sees it at.

    Attributes:
        top, left, height, width: the rectangle, in pixels of the original slice.
        rows, columns: the size it is resampled to.
    """

    top: int
    left: int
    height: int
    width: int
    rows: int
    columns: int

    @property
    def zoom(self) -> float:
        """Network pixels per original pixel (geometric mean of both sides)."""
        return float(np.sqrt(self.rows / self.height * self.columns / self.width))

    def crop(self, slices: torch.Tensor) -> torch.Tensor:
        """(Z, H, W) -> (Z, rows, columns), antialiased where the window is shrunk; edges repeat outside the slice."""
        shape = slices.shape[1:]
        pads = [-self.left, self.left + self.width - shape[1], -self.top, self.top + self.height - shape[0]]
        pads = [max(0, p) for p in pads]
        top, left = self.top + pads[2], self.left + pads[0]
        if any(pads):
            slices = F.pad(slices[None].float(), pads, mode="replicate")[0]
        part = slices[:, top : top + self.height, left : left + self.width].float()
        if part.shape[1:] == (self.rows, self.columns):
            return part
        return F.interpolate(part[:, None], (self.rows, self.columns), mode="bilinear", antialias=True)[:, 0]

    def crop_masks(self, masks: torch.Tensor) -> torch.Tensor:
        """(Z, H, W) boolean -> (Z, rows, columns) boolean."""
        return self.crop(masks) > 0.5

    def visible(self, shape: tuple[int, int]) -> tuple[slice, slice]:
        """Rows and columns of a slice of `shape` that the window covers."""
        return (
            slice(max(0, self.top), min(shape[0], self.top + self.height)),
            slice(max(0, self.left), min(shape[1], self.left + self.width)),
        )

    def enlarged(self, values: torch.Tensor, shape: tuple[int, int]) -> torch.Tensor:
        """(Z, rows, columns) -> what is `visible` of it in slices of `shape`, at their resolution."""
        if values.shape[1:] != (self.height, self.width):
            values = F.interpolate(values[:, None], (self.height, self.width), mode="bilinear", antialias=True)[:, 0]
        rows, columns = self.visible(shape)
        inner = slice(rows.start - self.top, rows.stop - self.top)
        return values[:, inner, columns.start - self.left : columns.stop - self.left]

    def paste(self, values: torch.Tensor, shape: tuple[int, int], fill: float) -> torch.Tensor:
        """(Z, rows, columns) -> (Z, *shape): the inverse of `crop`, `fill` outside the window."""
        whole = values.new_full((len(values), *shape), fill)
        whole[:, *self.visible(shape)] = self.enlarged(values, shape)
        return whole


@dataclass(frozen=True)
class SliceStack:
    """Slices of one volume in one window.

    Attributes:
        image: (Z, H, W) float32, grey values normalised.
        coordinates: (3, Z, H, W)-broadcastable z, y, x position in the whole volume, each in [-1, 1].
        pitch: distance between slices, in network pixels.
        stride: slices between the neighbours that the image encoder sees.
    """

    image: torch.Tensor
    coordinates: tuple[torch.Tensor, torch.Tensor, torch.Tensor] = field(repr=False)
    pitch: float
    stride: int = 1

    @classmethod
    def cut(
        cls,
        slices: np.ndarray | torch.Tensor,
        window: Window,
        pitch: float,
        normalise: Callable[[np.ndarray], torch.Tensor] = torch.as_tensor,
    ) -> SliceStack:
        """Cuts a window out of a whole volume.

        Args:
            slices: (Z, H, W).
            window: what to cut.
            pitch: slice distance divided by pixel size, of the original.
            normalise: some slices as they are -> normalised float32.
        """
        count, height, width = slices.shape
        rows = (window.top + (torch.arange(window.rows) + 0.5) * window.height / window.rows) / height
        columns = (window.left + (torch.arange(window.columns) + 0.5) * window.width / window.columns) / width
        depth = (torch.arange(count) + 0.5) / count
        coordinates = (2 * depth - 1, 2 * rows - 1, 2 * columns - 1)
        distance = pitch * window.zoom
        stride = max(1, round(1 / max(distance, 1e-3)))
        parts = [window.crop(normalise(slices[start : start + CHUNK])) for start in range(0, count, CHUNK)]
        return cls(torch.cat(parts), coordinates, distance, stride)

    def part(self, first: int, stop: int) -> SliceStack:
        """The slices from `first` up to, but not with, `stop`."""
        z, y, x = self.coordinates
        return replace(self, image=self.image[first:stop], coordinates=(z[first:stop], y, x))
