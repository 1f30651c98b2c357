"""Anatomy: a label volume of tissues and organs, and the smooth warps that make one subject differ from the next."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F

from medmeta.synthesis.ingredients import checked
from medmeta.synthesis.noise import smooth_noise
from medmeta.synthesis.random import Draw
from medmeta.synthesis.shapes import MORE_SHAPES, SHAPES, grid_of

AIR = 0
"""The label outside the body."""


@dataclass(frozen=True)
class Anatomy:
    """The label volume that all subjects of a cohort are warped from.

    Attributes:
        labels: (D, H, W) int16, isotropic voxels, 0 is air.
        tissues: labels of the background parcellation.
        organs: labels of the organs painted over it.
        same_tissue: label -> the label of which it is a part that only convention tells apart.
    """

    labels: torch.Tensor
    tissues: tuple[int, ...]
    organs: tuple[int, ...]
    same_tissue: dict[int, int] = field(default_factory=dict)


class RandomAnatomy:
    """Draws an `Anatomy`.

    Args:
        tissues: fewest and most labels of the background parcellation.
        organs: fewest and most shapes painted over it (a shape can have several labels).
        ingredients: see `INGREDIENTS`.
    """

    def __init__(
        self,
        tissues: tuple[int, int] = (1, 8),
        organs: tuple[int, int] = (5, 14),
        ingredients: Collection[str] = (),
    ) -> None:
        self.tissues = tissues
        self.organs = organs
        self.ingredients = checked(ingredients)
        self.shapes = dict(SHAPES)
        for ingredient, more in MORE_SHAPES.items():
            self.shapes |= more if ingredient in self.ingredients else {}

    def __call__(self, shape: tuple[int, int, int], draw: Draw) -> Anatomy:
        """Draws the anatomy of a (D, H, W) volume."""
        labels = self._parcellation(shape, draw)
        tissues = tuple(range(1, int(labels.max()) + 1))
        body = self._body(shape, draw)
        coarse = grid_of(shape, step=2)
        label = len(tissues)
        same_tissue: dict[int, int] = {}
        names = list(self.shapes)
        for _ in range(draw.integer(*self.organs)):
            shape_function = self.shapes[draw.choice(names, [self.shapes[name][1] for name in names])][0]
            parts = shape_function(coarse, draw)
            if "rims" in self.ingredients and draw.chance(0.3):
                parts = [parts[0] + draw.uniform(0.08, 0.3), *parts]
            for part in parts:
                whole = F.interpolate(part[None, None], size=shape, mode="trilinear", align_corners=True)[0, 0]
                label += 1
                labels[whole > 0] = label
            if "conventions" in self.ingredients and draw.chance(0.35):
                beyond = (labels == label) & self._beyond(shape, labels == label, draw)
                label += 1
                labels[beyond] = label
                same_tissue[label] = label - 1
        if body is not None:
            labels[~body] = AIR
        return Anatomy(labels, tissues, tuple(range(len(tissues) + 1, label + 1)), same_tissue)

    def _beyond(self, shape: tuple[int, int, int], mask: torch.Tensor, draw: Draw) -> torch.Tensor:
        """Beyond a border that cuts a structure: across an axis, as slices are, or oblique and a little bent."""
        along = draw.choice((0, 0, 1, 2, None))
        normal = torch.randn(3, generator=draw.generator) if along is None else torch.eye(3)[along]
        depth = grid_of(shape) @ (normal / normal.norm().clamp_min(1e-6))
        if along is None:
            depth = depth + 0.05 * smooth_noise(shape, shape[2] / 4, draw.generator)[0]
        side = -1 if draw.chance(0.5) else 1
        found = (side * depth)[mask]
        if len(found) == 0:
            return mask
        return side * depth > found.quantile(draw.uniform(0.35, 0.9))

    def _parcellation(self, shape: tuple[int, int, int], draw: Draw) -> torch.Tensor:
        count = draw.integer(*self.tissues)
        scale = draw.log_uniform(6, 40)
        if "bands" in self.ingredients and draw.chance(0.35):
            layers = smooth_noise(shape, 1.5 * scale, draw.generator)[0]
            layers = layers + draw.uniform(0.2, 0.8) * smooth_noise(shape, scale / 2, draw.generator)[0]
            count = max(2, count)
            borders = (torch.arange(1, count) / count) * 3 - 1.5  # of a field of about unit deviation
            return torch.bucketize(layers, borders).to(torch.int16) + 1
        fields = smooth_noise(shape, scale, draw.generator, channels=count)
        if draw.chance(0.5):
            fields = fields + 0.5 * smooth_noise(shape, scale / 3, draw.generator, channels=count)
        return fields.argmax(0).to(torch.int16) + 1

    def _body(self, shape: tuple[int, int, int], draw: Draw) -> torch.Tensor | None:
        """Where the body is; None where it fills the field of view (a crop, as in many studies)."""
        if draw.chance(0.45):
            return None
        z, y, x = grid_of(shape).unbind(-1)
        small = draw.uniform(0.5, 0.9) if "background" in self.ingredients and draw.chance(0.35) else 1.0
        radius_y, radius_x = small * draw.uniform(0.6, 1.0) * float(y.max()), small * draw.uniform(0.65, 1.0)
        power = draw.uniform(2, 3.5)
        field = 1 - ((y.abs() / radius_y).pow(power) + (x.abs() / radius_x).pow(power)).pow(1 / power)
        if draw.chance(0.3):
            field = field - 0.5 * (z / z.max()).pow(2)
        return field + 0.08 * smooth_noise(shape, shape[2] / 4, draw.generator)[0] > 0


@dataclass(frozen=True)
class Warp:
    """A smooth map of the volume onto itself.

    Attributes:
        points: (D, H, W, 3) where each voxel looks, in `grid_sample` coordinates (x, y, z in [-1, 1]).
    """

    points: torch.Tensor

    def __call__(self, labels: torch.Tensor) -> torch.Tensor:
        """Warps a (D, H, W) label volume, nearest neighbour."""
        warped = F.grid_sample(
            labels[None, None].float(), self.points[None], mode="nearest", padding_mode="border", align_corners=True
        )
        return warped[0, 0].to(labels.dtype)


class RandomWarp:
    """Draws a `Warp`: rotation, scale and shift, and displacements on two scales.

    Args:
        degrees: largest rotation.
        scale: largest relative change of size.
        shift: largest shift, relative to the half width.
        displacement: largest standard deviation of the displacements, in voxels.
    """

    def __init__(
        self, degrees: float = 10, scale: float = 0.12, shift: float = 0.08, displacement: float = 4.0
    ) -> None:
        self.degrees = degrees
        self.scale = scale
        self.shift = shift
        self.displacement = displacement

    def __call__(self, shape: tuple[int, int, int], draw: Draw) -> Warp:
        """Draws a warp for a (D, H, W) volume."""
        grid = grid_of(shape)
        scales = torch.tensor([1 + draw.uniform(-self.scale, self.scale) for _ in range(3)])
        matrix = draw.rotation(self.degrees) * scales
        moved = grid @ matrix.T + draw.vector([-self.shift] * 3, [self.shift] * 3)
        half = shape[2] / 2
        for period, share in ((shape[2] / 3, 1.0), (shape[2] / 8, 0.35)):
            amplitude = share * draw.uniform(0, self.displacement) / half
            moved = moved + amplitude * smooth_noise(shape, period, draw.generator, channels=3).permute(1, 2, 3, 0)
        extent = grid[-1, -1, -1].clamp_min(1e-6)
        return Warp((moved / extent).flip(-1))
