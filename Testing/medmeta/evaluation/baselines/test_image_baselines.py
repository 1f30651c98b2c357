"""Baselines that see the image, on a bright tube whose answer is known."""

import numpy as np
import pytest

from medmeta.evaluation.baselines import IMAGE_BASELINES
from medmeta.evaluation.baselines.surroundings import seeds, surroundings

DRAWN = (3, 8, 13)


def tube(axis=2):
    """A bright tube that moves from slice to slice: image, reference, drawn slices alone."""
    i, j, k = np.mgrid[:32, :32, :17]
    reference = (((i - 10 - 0.5 * k) ** 2 + (j - 16) ** 2 <= 20) & (k > 0) & (k < 16)).astype(np.uint8)
    image = 20 + 100.0 * reference + np.random.default_rng(0).normal(0, 4, reference.shape)
    drawn = np.zeros_like(reference)
    drawn[..., list(DRAWN)] = reference[..., list(DRAWN)]
    return tuple(np.moveaxis(array, 2, axis) for array in (image, reference, drawn))


def fill(name, axis=2):
    if name == "grow-from-seeds":
        pytest.importorskip("slicer", reason="3D Slicer or slicer-core is needed for Grow from seeds")
    pytest.importorskip("skimage" if name != "grow-from-seeds" else "numpy")
    image, reference, drawn = tube(axis)
    found = IMAGE_BASELINES[name](image, drawn, axis=axis, slices=DRAWN, spacing=(1.0, 1.0, 1.0))
    return found, reference, drawn


@pytest.mark.parametrize("name", IMAGE_BASELINES)
@pytest.mark.parametrize("axis", [0, 2])
def test_a_bright_tube_is_found_between_and_beyond_the_drawn_slices(name, axis):
    found, reference, _ = fill(name, axis)
    assert found.dtype == reference.dtype
    dice = 2 * np.count_nonzero(found & reference) / (np.count_nonzero(found) + np.count_nonzero(reference))
    assert dice > 0.85


@pytest.mark.parametrize("name", IMAGE_BASELINES)
def test_annotated_slices_come_out_as_drawn_and_the_drawing_stays(name):
    found, _, drawn = fill(name)
    assert (found[..., list(DRAWN)] == drawn[..., list(DRAWN)]).all()
    assert (drawn == tube()[2]).all()


@pytest.mark.parametrize("name", IMAGE_BASELINES)
def test_nothing_drawn_is_nothing_found(name):
    if name == "grow-from-seeds":
        pytest.importorskip("slicer")
    image, _, drawn = tube()
    found = IMAGE_BASELINES[name](image, 0 * drawn, axis=2, slices=DRAWN, spacing=(1.0, 1.0, 1.0))
    assert not found.any()


def test_the_background_is_a_seed_on_annotated_slices_alone():
    drawn = tube()[2]
    marked = seeds(drawn, axis=2, slices=DRAWN, background=2)
    assert set(np.unique(marked[..., list(DRAWN)])) == {1, 2}
    assert not np.delete(marked, DRAWN, axis=2).any()


def test_the_box_goes_on_for_half_a_gap_beyond_the_ends():
    box = surroundings(tube()[2], axis=2, slices=(5, 11))
    assert (box[2].start, box[2].stop) == (0, 17)
    assert box[1].start == 16 - 4 - 8
