"""Signed-distance interpolation of shapes whose answer is known."""

import numpy as np
import pytest

from medmeta.evaluation.baselines import interpolate, interpolate_mirrored


def squares(*halves, size=25, slices=(2, 6), count=9):
    """A label map, (count, size, size), with a centred square of the given half width on each annotated slice."""
    labels = np.zeros((count, size, size), np.uint8)
    centre = size // 2
    for index, half in zip(slices, halves, strict=True):
        labels[index, centre - half : centre + half + 1, centre - half : centre + half + 1] = 1
    return labels


def test_a_bar_stays_a_bar_between_its_ends():
    filled = interpolate(squares(4, 4), axis=0, slices=(2, 6))
    assert (filled[2:7] == squares(4, 4)[2]).all()


def test_half_way_between_two_squares_lies_their_mean():
    # In the axis directions the border of a square moves linearly; its corners are rounded by the distance.
    filled = interpolate(squares(2, 8), axis=0, slices=(2, 6))
    widths = [int(filled[i, 12].sum()) for i in range(2, 7)]
    assert widths[0] == 5
    assert widths[4] == 17
    assert widths[2] == 11
    assert widths == sorted(widths)


def test_a_shape_shrinks_by_a_voxel_for_each_slice_beyond_the_ends():
    filled = interpolate(squares(3, 3, slices=(4, 5), count=12), axis=0, slices=(4, 5))
    widths = [int(plane[12].sum()) for plane in filled]
    assert widths == [0, 1, 3, 5, 7, 7, 5, 3, 1, 0, 0, 0]


def test_a_single_slice_shrinks_both_ways():
    filled = interpolate(squares(2, slices=(4,)), axis=0, slices=(4,))
    assert [int(plane[12].sum()) for plane in filled] == [0, 0, 1, 3, 5, 3, 1, 0, 0]


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_every_axis_gives_the_same_answer(axis):
    labels = squares(2, 6)
    filled = interpolate(np.moveaxis(labels, 0, axis), axis=axis, slices=(2, 6))
    assert (np.moveaxis(filled, axis, 0) == interpolate(labels, axis=0, slices=(2, 6))).all()


def test_annotated_slices_come_out_as_drawn_and_the_input_is_not_changed():
    rng = np.random.default_rng(0)
    labels = np.zeros((9, 12, 12), np.uint8)
    labels[[1, 4, 7]] = rng.integers(0, 4, (3, 12, 12))
    before = labels.copy()
    for baseline in (interpolate, interpolate_mirrored):
        filled = baseline(labels, axis=0, slices=(1, 4, 7))
        assert (filled[[1, 4, 7]] == labels[[1, 4, 7]]).all()
        assert filled.dtype == labels.dtype
    assert (labels == before).all()


def test_touching_labels_keep_their_border_and_never_overlap():
    labels = np.zeros((9, 20, 20), np.uint8)
    labels[[2, 6], 4:16, 4:10] = 1
    labels[[2, 6], 4:16, 10:16] = 2
    filled = interpolate(labels, axis=0, slices=(2, 6))
    assert (filled[2:7] == labels[2]).all()


def test_a_label_ends_on_its_way_to_a_slice_that_is_declared_empty():
    labels = squares(3, 0, slices=(2, 10), count=13)
    labels[10] = 0
    mirrored = interpolate_mirrored(labels, axis=0, slices=(2, 10))
    # The deepest voxel lies 4 inside: at slice 6, half way, nothing is left.
    assert [bool(plane.any()) for plane in mirrored[2:8]] == [True, True, True, True, False, False]
    deep = interpolate(labels, axis=0, slices=(2, 10), absent=12.0)
    assert [bool(plane.any()) for plane in deep[2:6]] == [True, True, False, False]


def test_a_mask_that_fills_the_slice_can_be_interpolated():
    labels = np.zeros((5, 8, 8), np.uint8)
    labels[[1, 3]] = 1
    assert interpolate(labels, axis=0, slices=(1, 3))[2].all()


def test_nothing_drawn_stays_nothing():
    assert not interpolate(np.zeros((5, 8, 8), np.uint8), axis=0, slices=(1, 3)).any()
