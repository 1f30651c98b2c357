import time

import numpy as np
import pytest
import torch

from medmeta.annotations import AnnotatedVolume, SparseAnnotation
from medmeta.evaluation.baselines.fine_tuned import SCRATCH_RATE, fine_tune, jointly_trained
from medmeta.networks import SegmentationNet
from medmeta.volumes import Geometry, Volume


@pytest.fixture
def case():
    """A bright ball, drawn on three slices, and its labels."""
    i, j, k = np.meshgrid(*(np.linspace(-1, 1, n) for n in (36, 40, 15)), indexing="ij")
    labels = (i**2 / 0.2 + j**2 / 0.3 + k**2 / 0.6 < 1).astype(np.uint8)
    image = 100.0 * labels + np.random.default_rng(0).normal(0, 5, labels.shape)
    geometry = Geometry(labels.shape, (1.0, 1.0, 2.0), (0.0, 0.0, 0.0), (1.0, 0, 0, 0, 1, 0, 0, 0, 1))
    sparse = np.zeros_like(labels)
    sparse[:, :, [4, 7, 10]] = labels[:, :, [4, 7, 10]]
    annotation = SparseAnnotation.from_labels(sparse, axis=2, slices=[4, 7, 10])
    return AnnotatedVolume(Volume(image.astype(np.float32), geometry, "ball"), annotation), labels


def small_network():
    return SegmentationNet(encoder_channels=(8, 16), branch_channels=(8, 16))


def test_a_network_from_scratch_learns_a_bright_ball_in_seconds(case):
    volume, labels = case
    started = time.monotonic()
    found = fine_tune(volume, small_network, rate=SCRATCH_RATE, seconds=4.0)
    assert time.monotonic() - started > 4.0
    np.testing.assert_array_equal(found[:, :, [4, 7, 10]], labels[:, :, [4, 7, 10]])
    one, truth = found[:, :, 5:10] == 1, labels[:, :, 5:10] == 1
    assert 2 * (one & truth).sum() / (one.sum() + truth.sum()) > 0.8


def test_a_network_s_first_weights_are_the_seed_s_whatever_was_drawn_before(case):
    first = []
    for drawn, seed in ((0, 1), (5, 1), (0, 2)):
        torch.manual_seed(drawn)
        fine_tune(case[0], lambda: first.append(small_network()) or first[-1], rate=0.0, seconds=0.01, seed=seed)
    one, same, other = (network.encoder.state_dict() for network in first)
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not all(torch.equal(one[name], other[name]) for name in one)


def test_the_jointly_trained_network_is_the_bundled_one():
    network = jointly_trained()
    assert not torch.equal(network.branch.head.weight, torch.zeros_like(network.branch.head.weight))
