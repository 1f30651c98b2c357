"""Slicer's own Fill between slices, on shapes whose answer is known."""

import os
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("slicer", reason="3D Slicer or slicer-core is needed for Fill between slices")

from medmeta.evaluation.baselines import fill_between_slices


def bar(axis=0):
    """A bar of 8 slices, of which two are drawn."""
    labels = np.zeros((12, 20, 20), np.uint8)
    labels[[2, 9], 5:12, 6:14] = 1
    return np.moveaxis(labels, 0, axis)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_bar_is_filled_between_its_ends_and_not_beyond(axis):
    filled = np.moveaxis(fill_between_slices(bar(axis), axis=axis, slices=(2, 9)), axis, 0)
    assert (filled[2:10] == bar()[2]).all()
    assert not filled[:2].any()
    assert not filled[10:].any()


def test_a_moving_disc_is_found_between_its_two_places():
    x, y = np.mgrid[:40, :40]
    labels = np.zeros((9, 40, 40), np.uint8)
    labels[1] = (x - 16) ** 2 + (y - 20) ** 2 <= 64
    labels[7] = (x - 24) ** 2 + (y - 20) ** 2 <= 64
    filled = fill_between_slices(labels, axis=0, slices=(1, 7))
    middle = np.argwhere(filled[4])
    assert middle.mean(axis=0) == pytest.approx((20, 20), abs=0.6)
    assert len(middle) == pytest.approx(labels[1].sum(), rel=0.15)


def test_labels_keep_their_values_and_type():
    labels = bar().astype(np.uint16) * 300
    labels[[2, 9], 13:17, 6:14] = 7
    filled = fill_between_slices(labels, axis=0, slices=(2, 9))
    assert filled.dtype == np.uint16
    assert set(np.unique(filled[5])) == {0, 7, 300}


@pytest.mark.parametrize("slices", [(), (4,)])
def test_nothing_is_filled_without_a_second_slice(slices):
    labels = np.zeros((9, 20, 20), np.uint8)
    labels[list(slices), 5:9, 5:9] = 1
    assert (fill_between_slices(labels, axis=0, slices=slices) == labels).all()


def test_python_exits_cleanly_after_the_filter_ran():
    code = """
import numpy as np
from medmeta.evaluation.baselines import fill_between_slices
i, j, k = np.mgrid[:35, :50, :35]
for radius in range(6, 16):
    labels = ((i - 17) ** 2 + (j - 25) ** 2 / 3 + (k - 17) ** 2 <= radius**2).astype(np.uint8)
    labels[:, j[0, :, 0] % 6 != 0] = 0
    fill_between_slices(labels, axis=1, slices=range(0, 50, 6))
"""
    environment = {k: v for k, v in os.environ.items() if k != "ITK_GLOBAL_DEFAULT_THREADER"}
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)
    # The crash is a race between threads, so that one run proves little.
    codes = [subprocess.run([sys.executable, "-c", code], env=environment, timeout=300).returncode for _ in range(3)]
    assert codes == [0, 0, 0]
