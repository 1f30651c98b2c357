"""Tiles of a slice, changed at random as other patients and scanners would change them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from medmeta.synthesis.random import Draw


@dataclass(frozen=True)
class Tile:
    """A tile of a slice: where it looks, and how its grey values change.

    Attributes:
        top, left: its corner in the slice, pixels.
        points: (rows, columns, 2) where each of its pixels looks, in `grid_sample` coordinates of the slice.
        gamma, gain, offset: change of contrast.
        noise: standard deviation of added noise; `seed` makes it repeatable.
        drift: (3,) shift of the z, y, x position channels: no other patient lies quite the same.
    """

    top: int
    left: int
    points: torch.Tensor
    gamma: float
    gain: float
    offset: float
    noise: float
    seed: int
    drift: torch.Tensor

    def _sampled(self, slices: torch.Tensor) -> torch.Tensor:
        return F.grid_sample(slices[None].float(), self.points[None], padding_mode="border", align_corners=False)[0]

    def image(self, slices: torch.Tensor) -> torch.Tensor:
        """(C, H, W) neighbouring slices -> (C, rows, columns)."""
        image = self._sampled(slices)
        low = image.amin()
        span = (image.amax() - low).clamp_min(1e-3)
        image = ((image - low) / span).pow(self.gamma) * span + low
        generator = torch.Generator().manual_seed(self.seed)
        return self.gain * image + self.offset + self.noise * torch.randn(image.shape, generator=generator)

    def masks(self, masks: torch.Tensor) -> torch.Tensor:
        """(S, H, W) boolean -> (S, rows, columns) float, 0 or 1."""
        return (self._sampled(masks) > 0.5).float()

    def coordinates(self, coordinates: tuple[float, torch.Tensor, torch.Tensor]) -> torch.Tensor:
        """Position channels (3, rows, columns) from a slice's z, (H,) y and (W,) x."""
        rows, columns = self.points.shape[:2]
        z, y, x = coordinates
        channels = torch.empty(3, rows, columns)
        channels[0] = z
        channels[1] = y[self.top : self.top + rows, None]
        channels[2] = x[None, self.left : self.left + columns]
        return channels + self.drift[:, None, None]


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
        corner = [min(max(c - n // 2, 0), whole - n) for c, n, whole in zip(centre, self.size, shape, strict=True)]
        return Tile(
            *corner,
            self._points(shape, corner, draw),
            gamma=math.exp(draw.normal(self.contrast)),
            gain=math.exp(draw.normal(0.6 * self.contrast)),
            offset=draw.normal(0.6 * self.contrast),
            noise=draw.uniform(0, self.noise) if self.noise else 0.0,
            seed=draw.integer(0, 2**31 - 1),
            drift=self.drift * torch.randn(3, generator=draw.generator),
        )

    def _points(self, shape: tuple[int, int], corner: list[int], draw: Draw) -> torch.Tensor:
        """Tile coordinates in [-1, 1], turned, stretched, shifted and bent, then laid into the slice."""
        angle = math.radians(draw.uniform(-self.degrees, self.degrees))
        sx, sy = (math.exp(draw.uniform(-self.stretch, self.stretch)) for _ in range(2))
        dx, dy = (draw.uniform(-self.shift, self.shift) for _ in range(2))
        matrix = torch.tensor(
            [
                [math.cos(angle) * sx, -math.sin(angle) * sx, dx],
                [math.sin(angle) * sy, math.cos(angle) * sy, dy],
            ]
        )
        points = F.affine_grid(matrix[None], [1, 1, *self.size], align_corners=False)
        if self.bend:
            coarse = self.bend * torch.randn(1, 2, 5, 5, generator=draw.generator)
            points = points + F.interpolate(coarse, self.size, mode="bicubic", align_corners=True).movedim(1, -1)
        tile, whole = torch.tensor(self.size[::-1]), torch.tensor(shape[::-1])  # x first, as grid_sample has it
        start = torch.tensor(corner[::-1])
        return (2 * (start + (points[0] + 1) / 2 * tile) / whole) - 1
