"""Cohorts: several subjects of one anatomy, scanned by one protocol."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import torch

from medmeta.synthesis.acquisition import RandomAcquisition
from medmeta.synthesis.anatomy import RandomAnatomy, RandomWarp
from medmeta.synthesis.appearance import RandomAppearance
from medmeta.synthesis.couch import RandomCouch
from medmeta.synthesis.ingredients import INGREDIENTS, checked
from medmeta.synthesis.random import Draw


@dataclass(frozen=True)
class Subject:
    """One scanned subject.

    Attributes:
        image: (Z, H, W) float32, 0 to 1, slices first.
        labels: (Z, H, W) int16; a label means the same structure in every subject of the cohort.
        thickness: slice distance, in pixels.
    """

    image: torch.Tensor
    labels: torch.Tensor
    thickness: int


@dataclass(frozen=True)
class Cohort:
    """Subjects that share an anatomy; `organs` and `tissues` are the labels that can be asked for."""

    subjects: tuple[Subject, ...]
    tissues: tuple[int, ...]
    organs: tuple[int, ...]


class RandomCohort:
    """Draws a `Cohort` from a seed.

    Args:
        subjects: how many subjects.
        size: smallest and largest in-plane size, pixels.
        slices: smallest and largest number of slices.
        thickness: slice thicknesses to choose from, in pixels, each with its weight.
        ingredients: what cohorts may be made of, see `INGREDIENTS`.

    Raises:
        ValueError: an unknown ingredient.
    """

    def __init__(
        self,
        subjects: int = 2,
        size: tuple[int, int] = (64, 104),
        slices: tuple[int, int] = (12, 38),
        thickness: tuple[tuple[int, float], ...] = ((1, 5), (2, 2), (3, 2), (4, 1.5), (6, 1), (8, 0.5)),
        ingredients: Collection[str] = tuple(INGREDIENTS),
    ) -> None:
        self.subjects = subjects
        self.size = size
        self.slices = slices
        self.thickness = thickness
        self.ingredients = checked(ingredients)
        self.random_anatomy = RandomAnatomy(ingredients=ingredients)
        self.random_appearance = RandomAppearance(ingredients=ingredients)
        self.random_acquisition = RandomAcquisition(ingredients)
        self.random_couch = RandomCouch()

    def __call__(self, seed: int) -> Cohort:
        """Draws the cohort of a seed: the same seed gives the same voxels."""
        draw = Draw.seeded(seed)
        thickness = draw.choice([t for t, _ in self.thickness], [w for _, w in self.thickness])
        width = draw.integer(*self.size)
        height = max(self.size[0] * 3 // 4, round(width * draw.uniform(0.75, 1.0)))
        # Thick slices would need a very deep object: fewer of them keep it within about the width.
        slices = min(draw.integer(*self.slices), max(self.slices[0], 96 // thickness))
        shape = (slices * thickness, height, width)
        anatomy = self.random_anatomy(shape, draw)
        appearance = self.random_appearance(anatomy, draw)
        protocol = self.random_acquisition(thickness, draw)
        jitter, random_warp = draw.uniform(0.005, 0.06), RandomWarp(displacement=draw.uniform(1.0, 4.5))
        couch = self.random_couch(draw) if "couch" in self.ingredients and draw.chance(0.3) else None
        phases = "phases" in self.ingredients and draw.chance(0.3)
        subjects = []
        for number in range(self.subjects):
            labels = random_warp(shape, draw)(anatomy.labels)
            own = appearance.jittered(jitter, draw)
            if phases and number > 0:
                own = own.enhanced(draw)
            painted = own(labels, draw)
            if couch is not None:
                painted = couch(painted, labels)
            scan = self.random_acquisition.similar(protocol, draw)
            image, labels = scan(painted, labels, draw)
            subjects.append(Subject(image.float(), labels, thickness))
        return Cohort(tuple(subjects), anatomy.tissues, anatomy.organs)
