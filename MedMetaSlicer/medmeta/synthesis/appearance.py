"""Appearance: the grey values and textures that a label volume is painted with."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import torch

from medmeta.synthesis.anatomy import AIR, Anatomy
from medmeta.synthesis.ingredients import checked
from medmeta.synthesis.noise import smooth_noise
from medmeta.synthesis.random import Draw


@dataclass(frozen=True)
class Appearance:
    """What each label looks like.

    Attributes:
        means: (L,) grey value of each label, roughly 0 to 1.
        textures: (3, L) amplitude of fine, middle and coarse texture in each label.
        scales: voxels over which the three textures vary.
    """

    means: torch.Tensor
    textures: torch.Tensor
    scales: tuple[float, float, float]

    def __call__(self, labels: torch.Tensor, draw: Draw) -> torch.Tensor:
        """Paints a (D, H, W) label volume; `draw` gives the texture's noise. Returns (D, H, W) float32."""
        index = labels.long()
        image = self.means[index]
        for amplitude, scale in zip(self.textures, self.scales, strict=True):
            if bool((amplitude > 0).any()):
                image = image + amplitude[index] * smooth_noise(labels.shape, scale, draw.generator)[0]
        return image

    def jittered(self, std: float, draw: Draw) -> Appearance:
        """The same appearance in another image of the cohort: each label's grey value moves a little."""
        moved = self.means + std * torch.randn(len(self.means), generator=draw.generator)
        moved[AIR] = self.means[AIR]
        return replace(self, means=moved)

    def enhanced(self, draw: Draw) -> Appearance:
        """The same appearance in another phase: some labels are all brighter, or all darker, by much."""
        change = draw.choice((-1, 1)) * draw.uniform(0.05, 0.35)
        chosen = torch.rand(len(self.means), generator=draw.generator) < 0.25
        chosen[AIR] = False
        return replace(self, means=self.means + change * chosen)


class RandomAppearance:
    """Draws an `Appearance`.

    Args:
        camouflage: how often an organ takes nearly the grey value of another label.
        texture: how often a label has texture.
        ingredients: see `INGREDIENTS`.
    """

    def __init__(self, camouflage: float = 0.2, texture: float = 0.6, ingredients: Collection[str] = ()) -> None:
        self.camouflage = camouflage
        self.texture = texture
        self.ingredients = checked(ingredients)

    def __call__(self, anatomy: Anatomy, draw: Draw) -> Appearance:
        """Draws the appearance of an anatomy's labels."""
        count = 1 + len(anatomy.tissues) + len(anatomy.organs)
        if draw.chance(0.5):
            means = torch.rand(count, generator=draw.generator)
        else:  # soft tissue in a narrow window, with some bright and dark labels (CT, T1)
            means = draw.uniform(0.4, 0.6) + draw.uniform(0.03, 0.12) * torch.randn(count, generator=draw.generator)
            odd = torch.rand(count, generator=draw.generator)
            means[odd < 0.12] = draw.uniform(0.85, 1.2)
            means[odd > 0.85] = draw.uniform(0.1, 0.3)
        for label in range(1, count):
            if draw.chance(self.camouflage):
                other = draw.integer(1, count - 1)
                means[label] = means[other] + draw.choice((-1, 1)) * draw.uniform(0.01, 0.1)
        means[AIR] = draw.choice((0.0, draw.uniform(0, 0.15), draw.uniform(0, 1)), (0.6, 0.3, 0.1))
        strength = draw.log_uniform(0.01, 0.12)
        on = torch.rand(3, count, generator=draw.generator) < self.texture
        textures = strength * torch.rand(3, count, generator=draw.generator) * on
        if "textures" in self.ingredients:
            self._texture_alone(means, textures, anatomy, draw)
        for part, whole in anatomy.same_tissue.items():
            means[part] = means[whole] + draw.normal(0.01)
            textures[:, part] = textures[:, whole]
        textures[:, AIR] = 0
        scales = (draw.uniform(1.2, 2.2), draw.uniform(2.5, 6), draw.uniform(8, 24))
        return Appearance(means, textures, scales)

    def _texture_alone(self, means: torch.Tensor, textures: torch.Tensor, anatomy: Anatomy, draw: Draw) -> None:
        """Gives some organs the grey value of another label, and a texture that this one lacks."""
        for label in anatomy.organs:
            if draw.chance(0.12):
                other = draw.integer(1, len(means) - 1)
                means[label] = means[other]
                textures[:, label] = 0
                textures[draw.integer(0, 1), label] = float(textures[:, other].max()) + draw.uniform(0.04, 0.15)
