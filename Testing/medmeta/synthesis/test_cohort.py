import pytest
import torch

from medmeta.synthesis import RandomCohort
from medmeta.synthesis.random import Draw
from medmeta.synthesis.shapes import SHAPES, grid_of


def test_the_same_seed_gives_the_same_voxels_and_another_seed_others():
    first, again, other = RandomCohort()(3), RandomCohort()(3), RandomCohort()(4)
    assert torch.equal(first.subjects[1].image, again.subjects[1].image)
    assert torch.equal(first.subjects[1].labels, again.subjects[1].labels)
    assert first.subjects[0].image.shape != other.subjects[0].image.shape or not torch.equal(
        first.subjects[0].image, other.subjects[0].image
    )


def test_subjects_share_their_structures_but_not_their_shape():
    shared, overlaps = 0, []
    for seed in range(6):
        cohort = RandomCohort()(seed)
        first, second = (subject.labels for subject in cohort.subjects)
        for organ in cohort.organs:
            one, two = first == organ, second == organ
            if one.sum() > 200 and two.sum() > 200:
                shared += 1
                overlaps.append(float(2 * (one & two).sum() / (one.sum() + two.sum())))
    assert shared >= 20
    assert 0.1 < sum(overlaps) / len(overlaps) < 0.9


def test_images_are_finite_and_within_zero_and_one():
    for seed in range(5):
        for subject in RandomCohort()(seed).subjects:
            assert torch.isfinite(subject.image).all()
            assert subject.image.min() >= -1e-5
            assert subject.image.max() <= 1 + 1e-5
            assert subject.image.shape == subject.labels.shape


def test_structures_can_be_told_from_their_surroundings_by_grey_value():
    contrasts = []
    for seed in range(6):
        cohort = RandomCohort()(seed)
        subject = cohort.subjects[0]
        for organ in cohort.organs:
            mask = subject.labels == organ
            if mask.sum() > 200:
                contrasts.append(float((subject.image[mask].mean() - subject.image[~mask].mean()).abs()))
    assert sum(contrasts) / len(contrasts) > 0.05


@pytest.mark.parametrize("name", SHAPES)
def test_every_shape_fills_a_part_of_the_volume(name):
    grid = grid_of((32, 40, 40), step=2)
    shares = []
    for seed in range(8):
        for field in SHAPES[name][0](grid, Draw.seeded(seed)):
            assert torch.isfinite(field).all()
            shares.append(float((field > 0).float().mean()))
    assert max(shares) > 0.002
    assert sum(shares) / len(shares) < 0.6
