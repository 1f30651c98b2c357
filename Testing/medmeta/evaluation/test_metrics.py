"""Metrics against values computed by hand."""

import numpy as np
import pytest
import torch
from monai.metrics import compute_dice

from medmeta.errors import GeometryError
from medmeta.evaluation.metrics import dice, hausdorff95, surface_dice


def block(low, high, shape=(20, 20, 20)):
    mask = np.zeros(shape, bool)
    mask[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] = True
    return mask


def test_dice_of_two_overlapping_blocks():
    # 64 and 64 voxels, 32 of them in both.
    assert dice(block((4, 4, 4), (8, 8, 8)), block((6, 4, 4), (10, 8, 8))) == pytest.approx(0.5)


def test_dice_is_zero_apart_and_one_for_equals():
    assert dice(block((0, 0, 0), (2, 2, 2)), block((5, 5, 5), (7, 7, 7))) == 0
    assert dice(block((1, 2, 3), (7, 7, 7)), block((1, 2, 3), (7, 7, 7))) == 1


def test_two_empty_masks_agree():
    empty = np.zeros((3, 3, 3))
    assert dice(empty, empty) == 1
    assert surface_dice(empty, empty, spacing=(1, 1, 1), tolerance=1) == 1
    assert hausdorff95(empty, empty, spacing=(1, 1, 1)) == 0


def test_one_empty_mask_is_as_bad_as_can_be():
    empty, full = np.zeros((20, 20, 20)), block((2, 2, 2), (6, 6, 6))
    for a, b in ((empty, full), (full, empty)):
        assert dice(a, b) == 0
        assert surface_dice(a, b, spacing=(1, 1, 1), tolerance=1) == 0
        assert hausdorff95(a, b, spacing=(1, 1, 1)) == float("inf")


def test_dice_agrees_with_monai():
    rng = np.random.default_rng(0)
    a, b = rng.random((2, 1, 1, 9, 8, 7)) > 0.6
    expected = compute_dice(torch.from_numpy(a).float(), torch.from_numpy(b).float(), include_background=True)
    assert dice(a, b) == pytest.approx(expected.item())


@pytest.mark.parametrize(("axis", "mm"), [(0, 3.0), (1, 1.5), (2, 6.0)])
def test_hausdorff_distance_of_a_shifted_plate_is_the_shift_in_millimetres(axis, mm):
    spacing = (1.0, 0.5, 2.0)
    low, high = [0, 0, 0], [20, 20, 20]
    low[axis], high[axis] = 4, 5
    moved_low, moved_high = list(low), list(high)
    moved_low[axis], moved_high[axis] = 7, 8
    plates = block(low, high), block(moved_low, moved_high)
    assert hausdorff95(*plates, spacing=spacing) == pytest.approx(mm)


def test_surface_dice_counts_what_is_within_the_tolerance():
    # Two plates 3 slices of 2 mm apart: nothing within 5 mm, all within 6 mm.
    plates = block((0, 0, 4), (20, 20, 5)), block((0, 0, 7), (20, 20, 8))
    assert surface_dice(*plates, spacing=(1, 1, 2), tolerance=5) == 0
    assert surface_dice(*plates, spacing=(1, 1, 2), tolerance=6) == 1


def test_surface_dice_of_a_half_missing_plate():
    whole, half = block((0, 0, 4), (20, 20, 5)), block((0, 0, 4), (20, 10, 5))
    # All 200 voxels of the half lie on the whole; of its 400, 200 do.
    assert surface_dice(half, whole, spacing=(1, 1, 1), tolerance=0.5) == pytest.approx(400 / 600)


@pytest.mark.parametrize("metric", [dice, lambda a, b: hausdorff95(a, b, spacing=(1, 1, 1))])
def test_masks_of_different_size_are_refused(metric):
    with pytest.raises(GeometryError, match="differ in size"):
        metric(np.zeros((3, 3, 3)), np.zeros((3, 3, 4)))
