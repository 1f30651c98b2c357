"""Nearest annotated slice."""

import numpy as np

from medmeta.evaluation.baselines import nearest_slice


def test_every_slice_is_a_copy_of_the_closest_annotated_one():
    labels = np.zeros((3, 9, 3), np.uint8)
    labels[:, 2], labels[:, 6] = 1, 2
    filled = nearest_slice(labels, axis=1, slices=(2, 6))
    assert filled[0, :, 0].tolist() == [1, 1, 1, 1, 1, 2, 2, 2, 2]


def test_a_slice_declared_empty_empties_its_neighbours():
    labels = np.zeros((9, 3, 3), np.uint8)
    labels[2] = 1
    assert nearest_slice(labels, axis=0, slices=(2, 6))[:, 0, 0].tolist() == [1, 1, 1, 1, 1, 0, 0, 0, 0]
