import time

import numpy as np
import pytest
import torch
from scipy.ndimage import distance_transform_edt

from medmeta.errors import Cancelled
from medmeta.transfer import distances
from medmeta.transfer.distances import NOWHERE, OUTSIDE, signed_distances, squared_distances

SPACING = (2.5, 1.0, 0.7)


def labels(seed=0):
    rng = np.random.default_rng(seed)
    found = np.zeros((9, 20, 24), np.uint8)
    found[2:6, 4:15, 3:12] = 1
    found[3:8, 8:18, 12:22] = 2
    found[rng.random(found.shape) < 0.02] = 2
    return found


def test_distances_lie_halfway_between_samples_and_are_positive_inside():
    found = signed_distances(labels(), 2, SPACING)
    half = 0.5 * min(SPACING)
    for segment in (0, 1):
        there = labels() == segment + 1
        expected = np.where(
            there, distance_transform_edt(there, sampling=SPACING) - half,
            half - distance_transform_edt(~there, sampling=SPACING),
        )  # fmt: skip
        np.testing.assert_allclose(found[segment].numpy(), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("spacing", [SPACING, (5.0, 0.45, 0.45), (0.3, 0.3, 6.0)])
def test_the_sign_says_what_is_inside_however_thick_the_slices_are(spacing):
    found = signed_distances(labels(), 2, spacing).numpy()
    for segment in (0, 1):
        np.testing.assert_array_equal(found[segment] > 0, labels() == segment + 1)


def test_a_segment_that_is_nowhere_is_outside_everywhere():
    assert (signed_distances(labels(), 3, SPACING)[2] == OUTSIDE).all()


def test_a_segment_at_the_border_of_the_box_is_as_deep_as_what_is_seen_of_it():
    block = np.zeros((1, 1, 10), np.uint8)
    block[..., :4] = 1
    found = signed_distances(block, 1, (1.0, 1.0, 1.0))[0, 0, 0]
    assert found.tolist() == [3.5, 2.5, 1.5, 0.5, -0.5, -1.5, -2.5, -3.5, -4.5, -5.5]


def test_the_way_for_a_gpu_finds_what_scipy_finds():
    there = torch.from_numpy(np.stack([labels(1) == 1, labels(2) != 2]))
    found = squared_distances(there, SPACING).sqrt().numpy()
    for one, own in zip(found, there.numpy(), strict=True):
        np.testing.assert_allclose(one, distance_transform_edt(own, sampling=SPACING), rtol=1e-5)


def test_where_nothing_ends_the_distance_is_without_bound():
    assert squared_distances(torch.ones(1, 3, 4, 5, dtype=torch.bool), SPACING).min() == pytest.approx(NOWHERE)


def test_there_is_a_chance_to_cancel_while_others_compute(monkeypatch):
    def slow(*_):
        time.sleep(0.5)
        return 0.0

    def cancel():
        raise Cancelled("cancelled")

    monkeypatch.setattr(distances, "_by_scipy", slow)
    begun = time.perf_counter()
    with pytest.raises(Cancelled):
        signed_distances(labels(), 2, SPACING, on_step=cancel)
    assert time.perf_counter() - begun < 0.4


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_on_a_gpu_distances_are_the_same():
    found = signed_distances(labels(), 3, SPACING, "cuda").cpu()
    torch.testing.assert_close(found, signed_distances(labels(), 3, SPACING), rtol=1e-4, atol=1e-3)
