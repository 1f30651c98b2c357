from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from medmeta.evaluation.carried import carried
from medmeta.evaluation.metrics import dice
from medmeta.volumes import Geometry, Volume


@pytest.fixture
def scan():
    """Makes a volume with two organs, and its label map."""

    def make():
        size, spacing = (40, 44, 14), (1.0, 1.0, 2.5)
        i, j, k = np.meshgrid(*map(np.arange, size), indexing="ij")
        body = ((i - 20) / 18) ** 2 + ((j - 22) / 20) ** 2 < 1
        labels = np.zeros(size, np.uint8)
        labels[((i - 13) / 5) ** 2 + ((j - 20) / 8) ** 2 + ((k - 7) / 5) ** 2 < 1] = 1
        labels[((i - 27) / 6) ** 2 + ((j - 26) / 5) ** 2 + ((k - 6) / 4) ** 2 < 1] = 2
        array = 100.0 * body + 80 * (labels == 1) - 50 * (labels == 2)
        array += np.random.default_rng(0).normal(scale=4, size=size)
        geometry = Geometry(size, spacing, (0.0, 0.0, 0.0), (1.0, 0, 0, 0, 1, 0, 0, 0, 1))
        return Volume(array.astype(np.float32), geometry), labels

    return make


def test_a_volume_s_own_label_map_comes_back(scan):
    volume, labels = scan()
    for found, value in zip(carried(volume, volume, labels, (1, 2), 2), (1, 2), strict=True):
        assert found.shape == labels.shape
        assert dice(found, labels == value) > 0.95


def test_a_volume_that_lies_the_other_way_round_gets_it_as_it_lies(scan):
    volume, labels = scan()
    turned = Volume(volume.array[::-1], replace(volume.geometry, direction=(-1.0, 0, 0, 0, 1, 0, 0, 0, 1)))
    found = carried(turned, volume, labels, (1, 2), 2)
    assert dice(found[0], labels[::-1] == 1) > 0.95


@pytest.mark.parametrize("refined", [False, True])
def test_nothing_is_carried_to_what_shows_something_else_or_from_an_empty_label_map(scan, refined):
    volume, labels = scan()
    noise = replace(volume, array=np.random.default_rng(3).normal(size=volume.array.shape))
    assert not carried(noise, volume, labels, (1, 2), 2, refined=refined).any()
    assert not carried(volume, volume, np.zeros_like(labels), (1, 2), 2, refined=refined).any()


def test_refinement_finds_small_structures_of_large_volumes_better(scan):
    volume, labels = scan()
    room = ((90, 90), (90, 90), (0, 0))
    labels = np.pad(labels, room)
    volume = Volume(np.pad(volume.array, room), replace(volume.geometry, size=labels.shape))
    points = np.stack(np.meshgrid(*(np.arange(n, dtype=float) for n in labels.shape), indexing="ij"))
    points[0] += 3.0 * np.sin(points[1] / 5)
    other = replace(volume, array=map_coordinates(volume.array, points, order=1))
    truth = map_coordinates(labels, points, order=0)
    whole, refined = (
        np.mean([dice(found, truth == value) for found, value in zip(masks, (1, 2), strict=True)])
        for masks in (carried(other, volume, labels, (1, 2), 2, refined=refined) for refined in (False, True))
    )
    assert refined > whole + 0.1
