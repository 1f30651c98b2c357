import numpy as np
import pytest
import torch

from medmeta.episodes import GreyWindow, relative, relative_range
from medmeta.episodes.intensity import sampled


def test_an_mr_volume_looks_the_same_whatever_its_scale():
    values = np.random.default_rng(0).random((8, 9, 10)) * 50
    normalised = []
    for scanned in (values, values * 1e4 + 300):
        offset, scale = relative_range(scanned)
        normalised.append((scanned - offset) / scale)
    np.testing.assert_allclose(*normalised, atol=1e-9)


def test_a_ct_volume_keeps_its_hounsfield_units():
    assert relative_range(np.array([-1000.0, 40.0, 1200.0])) == (0.0, 1000.0)


def test_the_window_spreads_the_contrast_round_the_structure():
    slices = torch.full((1, 40, 40), 100.0)
    slices[:, :5] = -1000  # far from the structure
    slices[:, 15:25, 15:25] = 110.0
    mask = torch.zeros(1, 40, 40, dtype=torch.bool)
    mask[:, 15:25, 15:25] = True
    grey = GreyWindow.fit(slices, mask)
    assert float(grey(torch.tensor(110.0)) - grey(torch.tensor(100.0))) == pytest.approx(2.0, abs=0.2)


def test_a_window_over_constant_values_stays_finite():
    grey = GreyWindow.fit(torch.ones(1, 8, 8), torch.ones(1, 8, 8, dtype=torch.bool))
    assert torch.isfinite(grey(torch.ones(3))).all()


def test_a_small_contrast_on_a_large_offset_is_kept():
    values = np.array([0, 50, 100], dtype=np.uint32) + np.uint32(4_000_000_000)
    assert relative(values, (4e9, 100.0)).tolist() == [0.0, 0.5, 1.0]


def test_booleans_are_grey_values_too():
    values = np.arange(12) > 5
    assert relative(values, relative_range(values)).tolist() == [0.0] * 6 + [1.0] * 6


@pytest.mark.parametrize("axes", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
def test_a_sample_is_taken_at_even_distances_however_a_volume_lies_in_memory(axes):
    volume = np.arange(1000, dtype=np.int16).reshape(10, 10, 10).transpose(axes)[::-1]
    assert sampled(volume, 90).tolist() == volume.flatten()[::11].tolist()
    assert sampled(volume, 5000).tolist() == volume.flatten().tolist()
