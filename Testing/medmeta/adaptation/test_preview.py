import numpy as np
import pytest

from medmeta.adaptation.preview import interpolated
from medmeta.adaptation.render import AT_ONCE
from medmeta.adaptation.settings import AdaptationSettings
from medmeta.adaptation.support import annotated_stacks
from medmeta.errors import Cancelled


def preview_of(case, on_slice=lambda: None):
    (stack,), _ = annotated_stacks([case], AdaptationSettings().region)
    return interpolated(case, stack, on_slice)


@pytest.mark.parametrize("axis", [1, 2])
def test_drawn_slices_stay_as_drawn_and_shapes_fill_those_between(scan, annotated, axis):
    volume, labels = scan(size=(40, 44, 34), spacing=(1.0, 1.0, 1.0))
    middle = labels.shape[axis] // 2
    case = annotated(volume, labels, axis=axis, slices=(middle - 4, middle, middle + 4))
    found = preview_of(case)
    assert found.shape == labels.shape
    for position in range(middle - 4, middle + 5):
        one, truth = found.take(position, axis), labels.take(position, axis)
        if position in case.annotation.slices:
            np.testing.assert_array_equal(one, truth)
        for value in (1, 2):
            sizes = (one == value).sum() + (truth == value).sum()
            assert 2 * ((one == value) & (truth == value)).sum() >= 0.8 * sizes


def test_it_says_nothing_far_beyond_the_ends(scan, annotated):
    volume, labels = scan()
    found = preview_of(annotated(volume, labels, slices=(6, 7)))
    assert found[:, :, 6].any()
    assert not found[:, :, [0, 13]].any()


def test_it_can_be_cancelled_every_few_slices(scan, annotated, monkeypatch):
    volume, labels = scan()
    monkeypatch.setitem(AT_ONCE, "cpu", 1)
    seen = []
    one_by_one = preview_of(annotated(volume, labels), lambda: seen.append(1))
    assert len(seen) == labels.shape[2]
    monkeypatch.undo()
    assert np.array_equal(preview_of(annotated(volume, labels)), one_by_one)

    def cancel():
        raise Cancelled("cancelled")

    with pytest.raises(Cancelled):
        preview_of(annotated(volume, labels), cancel)
