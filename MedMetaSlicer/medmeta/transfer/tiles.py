"""Tiles of slices, changed at random as other patients and scanners would change them.

What changes is drawn on the host, a few numbers a tile; it is carried out on a device, for all tiles at once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from medmeta.synthesis.random import Draw


@dataclass(frozen=True)
class Tile:
    """A tile of a slice: where it looks, and how its grey values change.

    Attributes:
        corner: its top row and left column in the slice, pixels.
        matrix: (2, 3) affine map of tile coordinates in [-1, 1], x first.
        bend: (2, 5, 5) displacements beside it, x first, smooth between these points.
        grey: gamma, gain and offset of the contrast, and the standard deviation of added noise.
        drift: (3,) shift of the z, y, x position channels: no other patient lies quite the same.
    """

    corner: tuple[int, int]
    matrix: torch.Tensor
    bend: torch.Tensor
    grey: tuple[float, float, float, float]
    drift: torch.Tensor


class RandomTile:
    """Draws a `Tile`.

    Args:
        size: rows and columns; slices must not be smaller.
        degrees: largest rotation.
        stretch: largest change of each side's scale, as a logarithm.
        bend: standard deviation of smooth displacements, relative to half the tile.
        shift: largest shift of the structure under its position channels, relative to half the tile.
        contrast: spread of gamma's logarithm; gain and offset spread .6 of it.
        noise: largest noise.
        drift: standard deviation of the drift of the position channels.
    """

    def __init__(
        self,
        size: tuple[int, int],
        degrees: float = 15,
        stretch: float = 0.18,
        bend: float = 0.06,
        shift: float = 0.1,
        contrast: float = 0.25,
        noise: float = 0.05,
        drift: float = 0.1,
    ) -> None:
        self.size = size
        self.degrees = degrees
        self.stretch = stretch
        self.bend = bend
        self.shift = shift
        self.contrast = contrast
        self.noise = noise
        self.drift = drift

    def __call__(self, shape: tuple[int, int], centre: tuple[int, int], draw: Draw) -> Tile:
        """Draws a tile of an (H, W) slice round a pixel, as far as the slice's border lets it."""
        top, left = (min(max(c - n // 2, 0), whole - n) for c, n, whole in zip(centre, self.size, shape, strict=True))
        angle = math.radians(draw.uniform(-self.degrees, self.degrees))
        sx, sy = (math.exp(draw.uniform(-self.stretch, self.stretch)) for _ in range(2))
        dx, dy = (draw.uniform(-self.shift, self.shift) for _ in range(2))
        return Tile(
            (top, left),
            torch.tensor(
                [
                    [math.cos(angle) * sx, -math.sin(angle) * sx, dx],
                    [math.sin(angle) * sy, math.cos(angle) * sy, dy],
                ]
            ),
            self.bend * torch.randn(2, 5, 5, generator=draw.generator),
            (
                math.exp(draw.normal(self.contrast)),
                math.exp(draw.normal(0.6 * self.contrast)),
                draw.normal(0.6 * self.contrast),
                draw.uniform(0, self.noise),
            ),
            self.drift * torch.randn(3, generator=draw.generator),
        )


class Tiles:
    """Tiles of whole slices, which may differ in size, laid over them on a device.

    Args:
        tiles: B of them.
        size: rows and columns of each.
        shapes: (H, W) of each one's slice.
        device: where the slices are.
    """

    def __init__(
        self,
        tiles: Sequence[Tile],
        size: tuple[int, int],
        shapes: Sequence[tuple[int, int]],
        device: torch.device | str = "cpu",
    ) -> None:
        # All numbers in a single transfer, which what the device computes meanwhile need not wait for.
        scalars = [torch.tensor([*tile.corner, *shape, *tile.grey]) for tile, shape in zip(tiles, shapes, strict=True)]
        numbers = torch.stack(
            [
                torch.cat([tile.matrix.flatten(), tile.bend.flatten(), tile.drift, others])
                for tile, others in zip(tiles, scalars, strict=True)
            ]
        )
        matrix, bend, drift, corner, shape, grey = on_device(numbers, device).split([6, 50, 3, 2, 2, 4], dim=1)
        self._drift, self._corner, self._shape = drift, corner, shape
        self._grey = grey[:, :, None, None, None].unbind(1)
        self._size = size
        points = F.affine_grid(matrix.view(-1, 2, 3), [len(tiles), 1, *size], align_corners=False)
        points = points + F.interpolate(bend.view(-1, 2, 5, 5), size, mode="bicubic", align_corners=True).movedim(1, -1)
        x, y = points.flatten(1, 2).unbind(-1)
        self._corners = self._between(self._pixels(y, 0), self._pixels(x, 1))

    def _pixels(self, points: torch.Tensor, axis: int) -> torch.Tensor:
        """Tile coordinates in [-1, 1] as pixel numbers of the slice; its edge goes on beyond it."""
        pixels = (points + 1) / 2 * self._size[axis] + self._corner[:, axis, None] - 0.5
        return pixels.clamp_min(0).minimum(self._shape[:, axis, None] - 1)

    def _between(self, y: torch.Tensor, x: torch.Tensor) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """The four pixels that each of N points is between: (B, N) places in its slice, row by row, and weights."""
        last = self._shape[:, :, None] - 1
        top, left = y.floor(), x.floor()
        bottom, right = (top + 1).minimum(last[:, 0]), (left + 1).minimum(last[:, 1])
        below, beside, columns = y - top, x - left, self._shape[:, 1, None].long()
        return [
            (row.long() * columns + column.long(), high * wide)
            for row, high in ((top, 1 - below), (bottom, below))
            for column, wide in ((left, 1 - beside), (right, beside))
        ]

    def images(self, pixels: torch.Tensor, starts: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Grey values, changed, with noise.

        Args:
            pixels: (N,) of any number of slices, one after the other.
            starts: (B, C) where in them each of a tile's neighbouring slices begins.
            generator: of the noise, on the device.

        Returns:
            (B, C, rows, columns).
        """
        image = sum(pixels[starts[:, :, None] + place[:, None]] * weight[:, None] for place, weight in self._corners)
        image = image.unflatten(-1, self._size)
        gamma, gain, offset, noise = self._grey
        low = image.amin((1, 2, 3), keepdim=True)
        span = (image.amax((1, 2, 3), keepdim=True) - low).clamp_min(1e-3)
        image = ((image - low) / span).pow(gamma) * span + low
        return gain * image + offset + noise * torch.randn(image.shape, generator=generator, device=image.device)

    def masks(self, labels: torch.Tensor, starts: torch.Tensor, count: int) -> torch.Tensor:
        """Where each label is.

        Args:
            labels: (N,) of any number of slices, one after the other: 1 to `count`, 0 for none.
            starts: (B,) where in them each tile's slice begins.
            count: S, the number of labels.

        Returns:
            (B, S, rows, columns) float, 0 or 1.
        """
        values = torch.arange(1, count + 1, device=labels.device)[:, None]
        inside = sum(
            (labels[starts[:, None] + place][:, None] == values) * weight[:, None] for place, weight in self._corners
        )
        return (inside > 0.5).float().unflatten(-1, self._size)

    def coordinates(self, depths: torch.Tensor) -> torch.Tensor:
        """Position channels z, y, x, (B, 3, rows, columns), from the (B,) z of the slices."""
        y, x = (
            2 * (start[:, None] + torch.arange(n, device=depths.device) + 0.5) / whole[:, None] - 1
            for start, whole, n in zip(self._corner.unbind(1), self._shape.unbind(1), self._size, strict=True)
        )
        whole = (len(depths), *self._size)
        channels = [depths[:, None, None].expand(whole), y[:, :, None].expand(whole), x[:, None, :].expand(whole)]
        return torch.stack(channels, dim=1) + self._drift[:, :, None, None]


def on_device(values: torch.Tensor, device: torch.device | str) -> torch.Tensor:
    """A tensor of this process on a device; a GPU goes on with what it computes meanwhile."""
    if torch.device(device).type == "cpu":
        return values
    return values.pin_memory().to(device, non_blocking=True)
