"""What lies in the air beside a body: couch, straps, a coil's housing."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from medmeta.synthesis.anatomy import AIR
from medmeta.synthesis.random import Draw


@dataclass(frozen=True)
class Couch:
    """Plates below or above the body.

    Attributes:
        plates: (row at the middle, bend, half thickness, grey value) of each, rows relative to the image's height.
    """

    plates: tuple[tuple[float, float, float, float], ...]

    def __call__(self, image: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Paints the plates into the air of a (D, H, W) image with its labels; the same in all slices."""
        rows = (torch.arange(image.shape[1]) / image.shape[1])[:, None]
        columns = torch.linspace(-1, 1, image.shape[2])[None]
        air = labels == AIR
        for row, bend, half, value in self.plates:
            plate = (rows - row + bend * columns**2).abs() < half
            image = torch.where(air & plate, torch.tensor(value), image)
        return image


class RandomCouch:
    """Draws a `Couch`."""

    def __call__(self, draw: Draw) -> Couch:
        """Draws one to three plates near the lower or the upper border."""
        low = draw.choice((True, True, False))
        plates = []
        for _ in range(draw.integer(1, 3)):
            row = draw.uniform(0.75, 1.0) if low else draw.uniform(0.0, 0.2)
            plates.append((row, draw.uniform(-0.05, 0.2), draw.uniform(0.008, 0.03), draw.uniform(0.2, 1.0)))
        return Couch(tuple(plates))
