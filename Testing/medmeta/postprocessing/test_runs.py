import numpy as np
import pytest
import torch
from scipy.ndimage import binary_fill_holes, gaussian_filter, label

from medmeta.errors import Cancelled
from medmeta.postprocessing import runs as module
from medmeta.postprocessing.runs import Runs, labelled_runs


def some_labels(seed):
    """Labels 0 to 3 in irregular parts, on a small grid."""
    random = np.random.default_rng(seed)
    field = gaussian_filter(random.normal(size=random.integers(1, 14, 3)), random.uniform(0, 1.5))
    return np.digitize(field, np.quantile(field, [0.4, 0.7, 0.9])).astype(np.uint8)


def filled(runs, numbers=True):
    """Runs as a (Z, H, W) array."""
    found = np.zeros(runs.shape, int)
    found.ravel()[runs.voxels()] = np.repeat(numbers, runs.lengths) if np.ndim(numbers) else numbers
    return found


@pytest.mark.parametrize("seed", range(5))
def test_runs_are_all_voxels_that_are_labelled(seed, monkeypatch):
    labels = some_labels(seed)
    monkeypatch.setattr(module, "AT_ONCE", 50 * seed + 1)  # slice by slice, and many at once
    runs, values = labelled_runs(torch.from_numpy(labels))
    np.testing.assert_array_equal(filled(runs, values), labels)
    assert (np.diff(runs.starts) > 0).all()


@pytest.mark.parametrize("corners", [True, False])
def test_parts_are_those_that_scipy_finds(corners):
    for seed in range(20):
        labels = some_labels(seed)
        runs, values = labelled_runs(torch.from_numpy(labels))
        own = runs.where(values == 2)
        expected, count = label(labels == 2, np.ones((3, 3, 3)) if corners else None)
        pairs = {*zip(expected.ravel().tolist(), filled(own, own.parts(corners) + 1).ravel().tolist(), strict=True)}
        assert len(pairs) == len({one for one, _ in pairs}) == len({other for _, other in pairs})
        assert len(pairs) - (labels != 2).any() == count


def test_what_runs_enclose_is_what_scipy_fills():
    some = 0
    for seed in range(40):
        labels = some_labels(seed)
        runs, values = labelled_runs(torch.from_numpy(labels))
        own = runs.where(values == 1)
        expected = binary_fill_holes(labels == 1) & (labels != 1)
        np.testing.assert_array_equal(filled(own.enclosed()), expected)
        # Without the other labels' voxels in it.
        np.testing.assert_array_equal(filled(own.enclosed().without(runs)), expected & (labels == 0))
        some += expected.any() and (expected & (labels != 0)).any()
    assert some


def test_no_runs_have_no_parts_and_enclose_nothing():
    none, _ = labelled_runs(torch.zeros(3, 4, 5, dtype=torch.uint8))
    assert len(none) == len(none.parts(True)) == len(none.enclosed()) == len(none.without(none)) == 0


def test_runs_at_the_ends_of_rows_and_slices_do_not_touch():
    labels = np.zeros((2, 2, 3), np.uint8)
    labels[0, 0, 2] = labels[0, 1, 0] = labels[1, 0, 0] = 1
    runs, _ = labelled_runs(torch.from_numpy(labels))
    assert isinstance(runs, Runs)
    assert len(set(runs.parts(False).tolist())) == 3
    assert len(set(runs.parts(True).tolist())) == 2  # the last two, by an edge


def test_it_can_be_cancelled(monkeypatch):
    monkeypatch.setattr(module, "AT_ONCE", 1)

    def cancel():
        raise Cancelled("cancelled")

    with pytest.raises(Cancelled):
        labelled_runs(torch.zeros(3, 4, 5, dtype=torch.uint8), cancel)
