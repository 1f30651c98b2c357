"""The picture shows the right slices the right way round."""

import numpy as np
import pytest

from medmeta.evaluation.montage import COLORS, montage, slices_to_show
from medmeta.volumes import Geometry, Volume

IDENTITY = (1.0, 0, 0, 0, 1.0, 0, 0, 0, 1.0)


def volume(direction=IDENTITY, spacing=(1.0, 1.0, 2.0)):
    array = np.random.default_rng(0).random((40, 30, 20)).astype(np.float32)
    return Volume(array, Geometry(array.shape, spacing, (0.0, 0.0, 0.0), direction), "noise")


def corner():
    """A block near the low I and low J corner: right and anterior where the directions are LPS."""
    labels = np.zeros((40, 30, 20), np.uint8)
    labels[2:10, 2:8, 4:14] = 1
    labels[25:38, 20:28, 4:14] = 2
    return labels


def centre_of(page, color):
    """Mean column and first row of all pixels of a colour in the page's last row of tiles."""
    pixels = np.asarray(page)
    rows, columns = np.nonzero((pixels == color).all(axis=2))
    last = rows > 86 + (pixels.shape[0] - 86) * 0.67  # below title, legend and two rows of three
    return columns[last].mean(), rows[last].min()


@pytest.mark.parametrize(
    ("direction", "left_of", "above"),
    [(IDENTITY, True, True), ((-1.0, 0, 0, 0, -1.0, 0, 0, 0, 1.0), False, False)],
)
def test_right_is_left_and_anterior_is_up_on_the_page(direction, left_of, above):
    page = montage(volume(direction), corner(), corner(), axis=2, annotation=corner(), slices=(8,))
    (x1, y1), (x2, y2) = centre_of(page, COLORS[0]), centre_of(page, COLORS[1])
    assert (x1 < x2) == left_of
    assert (y1 < y2) == above


def test_head_is_up_in_a_coronal_view():
    labels = np.zeros((40, 30, 20), np.uint8)
    labels[10:20, 5:25, 2:6] = 1
    labels[10:20, 5:25, 14:18] = 2
    page = montage(volume(), labels, labels, axis=1, slices=(10,), annotation=labels)
    assert centre_of(page, COLORS[1])[1] < centre_of(page, COLORS[0])[1]


def test_tiles_keep_the_proportions_in_millimetres():
    labels = np.ones((40, 30, 20), np.uint8)
    square = montage(volume(spacing=(1.0, 1.0, 1.0)), labels, labels, axis=2, slices=(3,), annotation=labels)
    tall = montage(volume(spacing=(1.0, 4.0, 1.0)), labels, labels, axis=2, slices=(3,), annotation=labels)
    assert tall.height / tall.width > 2 * square.height / square.width


def test_one_annotated_slice_and_some_others_are_shown():
    reference = corner()
    shown = slices_to_show(reference, 2, (5, 8, 11), count=5)
    assert shown == tuple(sorted(set(shown)))
    assert [i for i in shown if i in (5, 8, 11)] == [8]
    assert len(shown) == 5
    assert min(shown) >= 4
    assert max(shown) <= 13


@pytest.mark.parametrize("count", [1, 2, 7])
def test_thin_structures_get_fewer_columns(count):
    reference = np.zeros((5, 5, 9), np.uint8)
    reference[2, 2, :count] = 1
    assert len(slices_to_show(reference, 2, (0,))) == min(count, 5)


def test_the_drawing_is_shown_on_drawn_slices_alone():
    labels = corner()
    page = np.asarray(montage(volume(), 0 * labels, labels, axis=2, slices=(8,), annotation=labels))
    first = page[86 : 86 + (page.shape[0] - 86) // 3]
    columns = np.flatnonzero((first == COLORS[0]).all(axis=2).any(axis=0))
    assert len(columns)
    assert np.ptp(columns) < page.shape[1] / 5  # one of five tiles


def test_a_volume_without_an_annotation_can_be_shown():
    page = montage(volume(), corner(), corner(), axis=2, title="other volume", names={1: "a", 2: "b"})
    assert page.width > 400


def test_a_constant_image_and_a_missed_structure_can_be_shown():
    flat = Volume(np.zeros((40, 30, 20)), volume().geometry, "flat")
    assert montage(flat, np.zeros((40, 30, 20), np.uint8), corner(), axis=2, slices=(8,)).height > 400
