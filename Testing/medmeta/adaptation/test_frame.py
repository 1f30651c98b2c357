import itertools

import numpy as np
import pytest

from medmeta.adaptation.frame import SliceFrame

AXES = (1, 0, 0, 0, 1, 0, 0, 0, 1)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_slices_come_first_and_go_back_where_they_were(axis):
    array = np.random.default_rng(0).random((4, 5, 6))
    frame = SliceFrame.along(axis, (1, 2, 3), AXES)
    slices = frame.to_slices(array)
    assert slices.shape[0] == array.shape[axis]
    np.testing.assert_array_equal(frame.from_slices(slices), array)


@pytest.mark.parametrize("axes", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("signs", list(itertools.product((1, -1), repeat=3)))
def test_another_volume_is_laid_the_same_way_round_however_it_is_stored(axes, signs):
    array = np.random.default_rng(0).random((4, 5, 6))
    reference = SliceFrame.along(2, (1.0, 2.0, 3.0), AXES)
    stored = array.transpose(axes)[tuple(slice(None, None, s) for s in signs)]
    direction = np.eye(3)[:, axes] * np.array(signs)
    spacing = tuple(np.array([1.0, 2.0, 3.0])[list(axes)])
    frame = SliceFrame.like(reference.direction, spacing, direction.ravel())
    np.testing.assert_array_equal(frame.to_slices(stored), reference.to_slices(array))
    np.testing.assert_array_equal(frame.from_slices(frame.to_slices(stored)), stored)
    assert frame.spacing == (3.0, 1.0, 2.0)


def test_slice_numbers_turn_with_the_axis():
    reference = SliceFrame.along(2, (1, 1, 1), AXES)
    turned = SliceFrame.like(reference.direction, (1, 1, 1), (1, 0, 0, 0, 1, 0, 0, 0, -1))
    assert turned.position(2, 10) == 7
    assert reference.position(2, 10) == 2
