"""The protocol on shapes whose slices can be counted by hand."""

import numpy as np
import pytest

from medmeta.errors import AnnotationError
from medmeta.evaluation.protocol import annotated_slices, dice_off_slices, extent, keep_slices, simulate


def test_annotated_slices_are_the_middles_of_equal_parts():
    assert annotated_slices(10, 12, 1) == (16,)
    assert annotated_slices(10, 12, 3) == (12, 16, 20)
    assert annotated_slices(0, 35, 5) == (3, 10, 17, 24, 31)


@pytest.mark.parametrize(("count", "k"), [(35, 8), (10, 3), (13, 5), (7, 7), (101, 2)])
def test_annotated_slices_follow_the_formula(count, k):
    expected = tuple(4 + int(np.floor((i + 0.5) * count / k)) for i in range(k))
    assert annotated_slices(4, count, k) == expected


def test_as_many_slices_as_the_structure_has_are_all_of_them():
    assert annotated_slices(3, 4, 4) == (3, 4, 5, 6)


@pytest.mark.parametrize("k", [0, -1, 5])
def test_more_slices_than_the_structure_spans_or_none_are_refused(k):
    with pytest.raises(AnnotationError, match=f"{k} annotated slices of a structure of 4"):
        annotated_slices(3, 4, k)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_extent_counts_gaps(axis):
    mask = np.zeros((6, 7, 8), bool)
    place = [3, 3, 3]
    for at in (1, 4):
        place[axis] = at
        mask[tuple(place)] = True
    assert extent(mask, axis) == (1, 4)


def test_an_empty_structure_is_refused():
    with pytest.raises(AnnotationError, match="empty"):
        extent(np.zeros((3, 3, 3)), 0)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_all_slices_but_the_annotated_ones_are_cleared(axis):
    labels = np.arange(1, 61).reshape(3, 4, 5)
    kept = np.moveaxis(keep_slices(labels, axis, (0, 2)), axis, 0)
    original = np.moveaxis(labels, axis, 0)
    assert (kept[[0, 2]] == original[[0, 2]]).all()
    assert not np.delete(kept, [0, 2], axis=0).any()
    assert labels.min() == 1, "the reference itself is not changed"


def test_several_labels_share_the_slices_of_their_common_extent():
    labels = np.zeros((4, 20, 4), np.uint8)
    labels[1, 2:6, 1] = 1
    labels[2, 6:14, 2] = 2
    drawn = simulate(labels, axis=1, k=3)
    assert drawn.slices == (4, 8, 12)
    assert set(np.unique(drawn.labels[:, 4])) == {0, 1}
    assert set(np.unique(drawn.labels[:, 8])) == {0, 2}


def test_dice_leaves_out_the_annotated_slices_and_counts_those_beyond_the_ends():
    reference = np.zeros((2, 2, 6), np.uint8)
    reference[:, :, 1:4] = 3
    prediction = np.zeros_like(reference)
    prediction[:, :, 2] = 3  # annotated: does not count
    prediction[0, :, 1] = 3  # 2 of 4 voxels
    prediction[:, :, 5] = 3  # 4 voxels beyond the end
    # Slices 1 and 3 hold 8 reference voxels; 6 are predicted, 2 of them rightly.
    assert dice_off_slices(prediction, reference, 3, axis=2, slices=(2,)) == pytest.approx(2 * 2 / (8 + 6))
