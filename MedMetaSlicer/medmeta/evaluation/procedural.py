"""Procedural cohorts as volumes: a few subjects of one made-up anatomy, labels included."""

from __future__ import annotations

import numpy as np

from medmeta.synthesis import Cohort, RandomCohort
from medmeta.volumes import Geometry, Volume

LEAST_SLICES, LEAST_VOXELS = 10, 1000
"""What a structure must have in every subject to be annotated on a few slices."""


def _large_organs(cohort: Cohort) -> list[int]:
    """Organs that are large enough in every subject, the largest first."""
    least = {}
    for organ in cohort.organs:
        masks = [subject.labels == organ for subject in cohort.subjects]
        slices = min(int(mask.any(-1).any(-1).sum()) for mask in masks)
        voxels = min(int(mask.sum()) for mask in masks)
        if slices >= LEAST_SLICES and voxels >= LEAST_VOXELS:
            least[organ] = voxels
    return sorted(least, key=least.get, reverse=True)


def _volumes(subject, organs: list[int], name: str) -> tuple[Volume, Volume]:
    """A subject's slices, (Z, H, W), as image and label map, (I, J, K) = (W, H, Z)."""
    image = np.ascontiguousarray(subject.image.numpy().transpose(2, 1, 0))
    labels = np.zeros(image.shape, dtype=np.uint8)
    for value, organ in enumerate(organs, start=1):
        labels[subject.labels.numpy().transpose(2, 1, 0) == organ] = value
    geometry = Geometry(
        size=image.shape,
        spacing=(1.0, 1.0, float(subject.thickness)),
        origin=(0.0, 0.0, 0.0),
        direction=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
    )
    return Volume(image, geometry, name), Volume(labels, geometry, f"{name} labels")


def procedural_cohort(
    seed: int,
    subjects: int = 3,
    *,
    structures: int = 3,
    size: tuple[int, int] = (96, 128),
    slices: tuple[int, int] = (24, 36),
) -> list[tuple[Volume, Volume]]:
    """Draws a cohort in which some organs are large enough to be annotated on a few slices.

    Args:
        seed: the same seed gives the same voxels.
        subjects: how many.
        structures: so many organs, the largest ones, as labels 1, 2, ...
        size: smallest and largest in-plane size, pixels of 1 mm.
        slices: smallest and largest number of slices, of 2 or 3 mm.

    Returns:
        Image (float32) and label map (uint8) of each subject; a label means the same organ in all of them.
    """
    draw = RandomCohort(subjects, size=size, slices=slices, thickness=((2, 1), (3, 1)))
    attempt = 0
    while True:
        cohort = draw(1000 * seed + attempt)
        organs = _large_organs(cohort)[:structures]
        if len(organs) == structures:
            return [_volumes(subject, organs, f"subject {i}") for i, subject in enumerate(cohort.subjects, start=1)]
        attempt += 1
