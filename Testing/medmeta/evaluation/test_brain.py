"""The ICBM 152 brain of the nilearn package."""

import numpy as np
import pytest

from medmeta.evaluation import brain


def test_it_is_none_without_nilearn(monkeypatch):
    monkeypatch.setattr(brain, "find_spec", lambda name: None)
    assert brain.icbm_brain() is None


@pytest.fixture(scope="module")
def found():
    pytest.importorskip("nilearn", reason="nilearn, which ships the brain, is not installed")
    return brain.icbm_brain()


def test_structures_lie_where_anatomy_has_them(found):
    image, labels = found
    assert image.geometry == labels.geometry
    assert image.array.shape == labels.array.shape
    geometry = image.geometry

    direction = np.reshape(geometry.direction, (3, 3))
    indices = np.argwhere(labels.array == 1)
    points = np.asarray(geometry.origin) + indices * np.asarray(geometry.spacing) @ direction.T
    # LPS of MNI space, mm: a ventricle some 14 mm beside the midline, as large on the left as on the right.
    left, right = points[points[:, 0] > 0], points[points[:, 0] < 0]
    assert left[:, 0].mean() == pytest.approx(14, abs=4)
    assert right[:, 0].mean() == pytest.approx(-14, abs=4)
    assert len(left) == pytest.approx(len(right), rel=0.1)
    assert points[:, 2].min() > -10
    assert points[:, 2].max() < 40


def test_ventricles_are_dark_and_white_matter_is_bright(found):
    image, labels = found
    ventricles, white = (image.array[labels.array == value] for value in (1, 2))
    assert white.mean() > 1.5 * ventricles.mean()
    assert ventricles.size > 10000
    assert white.size > 200000
