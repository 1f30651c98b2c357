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

    def centre(value):
        index = np.argwhere(labels.array == value).mean(axis=0)
        direction = np.reshape(geometry.direction, (3, 3))
        return np.asarray(geometry.origin) + direction @ (index * np.asarray(geometry.spacing))

    left, right, white = (centre(value) for value in (1, 2, 3))
    # LPS of MNI space, mm: the ventricles some 14 mm beside the midline, white matter on it.
    assert left[0] == pytest.approx(14, abs=4)
    assert right[0] == pytest.approx(-14, abs=4)
    assert white[0] == pytest.approx(0, abs=2)
    assert left[2] == pytest.approx(right[2], abs=1)


def test_ventricles_are_dark_and_white_matter_is_bright(found):
    image, labels = found
    means = [image.array[labels.array == value].mean() for value in (1, 2, 3)]
    assert means[2] > 1.5 * max(means[:2])
    volumes = [(labels.array == value).sum() for value in (1, 2)]
    assert min(volumes) > 5000
