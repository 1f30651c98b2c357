"""A volume as the network sees it: slices first, cropped to the region of interest, at the network's resolution."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
import torch.nn.functional as F

from medmeta.episodes.intensity import as_tensor

CHUNK = 16
"""Slices that are widened to floating point at a time, so that a large volume of bytes stays one of bytes."""

KEPT = 2 << 30
"""Bytes of a stack that may stay on a GPU; a larger one is kept in the host's memory."""


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

    def enlarged(
        self, values: torch.Tensor, shape: tuple[int, int], box: tuple[slice, slice] | None = None
    ) -> torch.Tensor:
        """(Z, rows, columns) -> a box of slices of `shape`, at their resolution; None for all that is `visible`."""
        size = (self.height, self.width)
        if values.shape[1:] != size:
            # What grows is the same without antialiasing, and is done several times as fast.
            shrunk = self.height < values.shape[1] or self.width < values.shape[2]
            values = F.interpolate(values[:, None], size, mode="bilinear", antialias=shrunk)[:, 0]
        rows, columns = box or self.visible(shape)
        inner = slice(rows.start - self.top, rows.stop - self.top)
        return values[:, inner, columns.start - self.left : columns.stop - self.left]

    def reached(self, where: torch.Tensor, shape: tuple[int, int]) -> tuple[slice, slice]:
        """The box of what is `visible` in slices of `shape` that (rows, columns) boolean pixels are `enlarged` to."""
        starts, lengths, box = (self.top, self.left), (self.height, self.width), []
        for axis, (start, length, whole) in enumerate(zip(starts, lengths, self.visible(shape), strict=True)):
            at, size = where.any(1 - axis).nonzero()[:, 0].tolist(), length / where.shape[axis]
            if not at:
                return slice(0, 0), slice(0, 0)
            # With what pixels of the slice take from the next of the window's.
            first, stop = math.floor((at[0] - 0.5) * size) - 1, math.ceil((at[-1] + 1.5) * size) + 1
            first, stop = max(whole.start, start + first), min(whole.stop, start + stop)
            box.append(slice(first, max(first, stop)))
        return tuple(box)


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
        normalise: Callable[[torch.Tensor], torch.Tensor] = torch.Tensor.float,
        device: torch.device | str = "cpu",
        wanted: Callable[[int], Sequence[int]] | None = None,
        on_step: Callable[[], None] = lambda: None,
    ) -> SliceStack:
        """Cuts a window out of a whole volume.

        Args:
            slices: (Z, H, W).
            window: what to cut.
            pitch: slice distance divided by pixel size, of the original.
            normalise: part of some slices as it is -> normalised float32.
            device: where to compute, and to keep a stack of up to `KEPT` bytes.
            wanted: stride -> the slices that are cut, the others stay 0; None for all.
            on_step: called now and then; may raise to stop.
        """
        count, height, width = slices.shape
        rows = (window.top + (torch.arange(window.rows) + 0.5) * window.height / window.rows) / height
        columns = (window.left + (torch.arange(window.columns) + 0.5) * window.width / window.columns) / width
        depth = (torch.arange(count) + 0.5) / count
        distance = pitch * window.zoom
        stride = max(1, round(1 / max(distance, 1e-3)))
        image = torch.empty(0, device=device if 4 * count * window.rows * window.columns <= KEPT else "cpu")
        image = image.new_zeros(count, window.rows, window.columns)
        chosen = wanted(stride) if wanted else range(count)
        seen = window.visible((height, width))
        inner = replace(window, top=window.top - seen[0].start, left=window.left - seen[1].start)
        for start in range(0, len(chosen), CHUNK):
            few = chosen[start : start + CHUNK]
            few = slice(few.start, few.stop) if isinstance(few, range) else few  # a slice copies nothing
            image[few] = inner.crop(normalise(as_tensor(slices[few][:, *seen]).to(device))).to(image.device)
            on_step()
        coordinates = tuple((2 * at - 1).to(image.device) for at in (depth, rows, columns))
        return cls(image, coordinates, distance, stride)

    def part(self, first: int, stop: int) -> SliceStack:
        """The slices from `first` up to, but not with, `stop`."""
        z, y, x = self.coordinates
        return replace(self, image=self.image[first:stop], coordinates=(z[first:stop], y, x))
