import numpy as np
import pytest
import torch

from medmeta.registration import greys
from medmeta.registration.greys import ends, reduced_greys

SPACING = (2.0, 1.0, 1.0)


def slices(kind=np.float32):
    z, y, x = np.meshgrid(np.arange(12), np.arange(50), np.arange(40), indexing="ij")
    return (100 * np.sin(x / 7) * np.cos(y / 9) + 5 * z + 120).astype(kind)


@pytest.mark.parametrize(
    "kind", [np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.float16, np.float64, ">i2", ">f4"]
)
def test_numbers_of_any_type_are_scaled_from_0_to_1(kind):
    found = reduced_greys(slices(kind), SPACING, 50).voxels
    low, high = ends(slices(kind))
    expected = ((slices(kind).astype(float) - low) / (high - low)).clip(0, 1)
    np.testing.assert_allclose(found, expected, atol=1e-3)
    assert found.dtype == torch.float32


def test_a_part_of_a_volume_is_scaled_and_lies_as_in_the_whole():
    whole = reduced_greys(slices(), SPACING, 50)
    part = reduced_greys(slices()[3:9, 10:30], SPACING, 50, limits=ends(slices()), first=(3, 10, 0))
    torch.testing.assert_close(part.voxels, whole.voxels[3:9, 10:30])
    assert part.lattice.origin == (6.0, 10.0, 0.0)


def test_small_contrast_on_a_large_offset_is_kept():
    array = 1e7 + np.linspace(0, 1, 4000).reshape(10, 20, 20)
    assert np.unique(reduced_greys(array, SPACING, 20).voxels).size > 1000


def test_few_bright_voxels_make_the_rest_no_darker():
    array = slices()
    array[0, 0, :3] = 1e6
    np.testing.assert_allclose(
        reduced_greys(array, SPACING, 50).voxels[3:], reduced_greys(slices(), SPACING, 50).voxels[3:], atol=0.02
    )


def test_a_flat_volume_is_dark():
    assert reduced_greys(np.full((4, 9, 9), 7), SPACING, 9).voxels.abs().max() == 0


def test_a_mask_keeps_both_its_values():
    array = np.zeros((10, 40, 40), np.int16)
    array[5, 5, 5] = 1
    assert reduced_greys(array, SPACING, 40).voxels.max() == 1


@pytest.mark.parametrize("axes", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
@pytest.mark.parametrize("flips", [(1, 1, 1), (-1, 1, -1), (1, -1, 1)])
@pytest.mark.parametrize("kind", [np.float32, np.uint16])
def test_how_numbers_lie_in_memory_makes_no_difference(axes, flips, kind, monkeypatch):
    expected = reduced_greys(slices(kind), SPACING, 20)
    monkeypatch.setattr(greys, "CHUNK", 5000)
    steps = tuple(slice(None, None, step) for step in flips)
    laid = np.ascontiguousarray(slices(kind)[steps].transpose(axes)).transpose(np.argsort(axes))[steps]
    assert np.array_equal(laid, slices(kind))
    found = reduced_greys(laid, SPACING, 20)
    assert found.lattice == expected.lattice
    torch.testing.assert_close(found.voxels, expected.voxels, atol=1e-5, rtol=0)


def test_what_must_not_be_written_is_read_without_a_warning(recwarn):
    array = slices()
    array.flags.writeable = False
    reduced_greys(array, SPACING, 20)
    assert not recwarn.list


def test_there_is_often_a_chance_to_cancel(monkeypatch):
    monkeypatch.setattr(greys, "CHUNK", 4000)
    steps = []
    reduced_greys(slices(), SPACING, 20, on_step=lambda: steps.append(1))
    assert len(steps) == 6
