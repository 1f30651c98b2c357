"""Procedural cohorts."""

import numpy as np
import pytest

from medmeta.evaluation.procedural import procedural_cohort

SMALL = {"subjects": 2, "structures": 2, "size": (64, 80), "slices": (14, 18)}


@pytest.fixture(scope="module")
def cohort():
    return procedural_cohort(3, **SMALL)


def test_every_subject_shows_every_structure_on_enough_slices(cohort):
    assert len(cohort) == 2
    for image, labels in cohort:
        assert image.array.shape == labels.array.shape == tuple(image.geometry.size)
        assert image.geometry == labels.geometry
        assert set(np.unique(labels.array)) == {0, 1, 2}
        for value in (1, 2):
            assert (labels.array == value).any(axis=(0, 1)).sum() >= 10


def test_subjects_differ(cohort):
    (_, one), (_, two) = cohort
    assert (one.array != two.array).any()


def test_a_seed_says_it_all(cohort):
    for (image, labels), (again, labels_again) in zip(cohort, procedural_cohort(3, **SMALL), strict=True):
        assert (image.array == again.array).all()
        assert (labels.array == labels_again.array).all()
    other = procedural_cohort(4, **SMALL)
    assert other[0][0].array.shape != cohort[0][0].array.shape or (other[0][0].array != cohort[0][0].array).any()


def test_slices_lie_along_the_last_axis(cohort):
    image, _ = cohort[0]
    assert image.array.shape[2] < min(image.array.shape[:2])
    assert image.geometry.spacing[2] in (2.0, 3.0)
