import numpy as np
import pytest

from medmeta.annotations import AnnotatedVolume, Segment, SparseAnnotation
from medmeta.errors import AnnotationError
from medmeta.volumes import Geometry, Volume


def ball(shape=(30, 32, 34), radius=10):
    grid = np.meshgrid(*(np.arange(n) - n / 2 for n in shape), indexing="ij")
    return sum(g**2 for g in grid) < radius**2


def drawn(axis, slices, value=1):
    labels = np.zeros((30, 32, 34), np.uint8)
    index = [slice(None)] * 3
    index[axis] = slices
    labels[tuple(index)] = ball()[tuple(index)] * value
    return labels


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("slices", [[15], [10, 20], [8, 12, 15, 19]])
def test_axis_and_slices_are_found(axis, slices):
    annotation = SparseAnnotation.from_labels(drawn(axis, slices))
    assert annotation.axis == axis
    assert annotation.slices == tuple(slices)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_the_axis_is_found_for_two_organs_that_lie_far_apart(axis):
    grid = np.meshgrid(*map(np.arange, (120, 100, 30)), indexing="ij")
    drawing = np.zeros((120, 100, 30), np.uint8)
    for centre in (30, 90):
        drawing |= sum(((g - c) / r) ** 2 for g, c, r in zip(grid, (centre, 50, 15), (10, 8, 5.2), strict=True)) < 1
    drawing[:, :, [i for i in range(30) if i not in (11, 13, 15, 17, 19)]] = 0
    annotation = SparseAnnotation.from_labels(np.moveaxis(drawing, 2, axis))
    assert (annotation.axis, annotation.slices) == (axis, (11, 13, 15, 17, 19))


def test_the_axis_is_found_for_adjacent_slices_and_for_a_thin_wall():
    assert SparseAnnotation.from_labels(drawn(1, [15, 16, 17])).axis == 1
    shell = np.where(ball(radius=8), 0, drawn(2, [10, 13, 16, 19, 22]))
    assert SparseAnnotation.from_labels(shell).axis == 2


def test_the_axis_of_one_small_slice_is_found_but_not_that_of_one_voxel():
    labels = np.zeros((12, 12, 12), np.uint8)
    labels[5, 5, 5] = 1
    with pytest.raises(AnnotationError, match="--axis"):
        SparseAnnotation.from_labels(labels)
    assert SparseAnnotation.from_labels(labels, axis=0).slices == (5,)
    labels[6, 6, 5] = 1
    assert SparseAnnotation.from_labels(labels).axis == 2


def test_a_label_map_of_a_single_slice_is_refused_as_such():
    with pytest.raises(AnnotationError, match="single slice"):
        SparseAnnotation.from_labels(ball()[:, :, 17:18].astype(np.uint8))


def test_named_slices_count_although_empty():
    annotation = SparseAnnotation.from_labels(drawn(2, [12, 20]), axis=2, slices=[2, 12, 20])
    assert annotation.slices == (2, 12, 20)


def test_drawn_slices_that_are_not_named_are_left_out_and_reported():
    annotation = SparseAnnotation.from_labels(drawn(2, [12, 15, 20]), axis=2, slices=[12, 20])
    assert annotation.ignored == (15,)
    assert not annotation.labels[:, :, 15].any()


def test_the_axis_is_found_from_the_named_slices_alone():
    assert SparseAnnotation.from_labels(drawn(1, [12, 13, 14]), slices=[12, 13, 14]).axis == 1


def test_a_full_label_map_needs_its_annotated_slices_named():
    labels = ball().astype(np.uint8)
    with pytest.raises(AnnotationError, match="--axis"):
        SparseAnnotation.from_labels(labels)
    assert SparseAnnotation.from_labels(labels, axis=2, slices=[12, 17]).slices == (12, 17)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(labels=np.zeros((30, 32, 34), int)), "empty"),
        (dict(labels=-drawn(2, [12, 20]).astype(int)), "negative"),
        (dict(slices=[99], axis=2), r"no slice \[99\]"),
        (dict(slices=[3], axis=2), "Nothing is drawn"),
        (dict(axis=5), "Axis 5"),
        (dict(segments=[Segment(7, "x", (1, 0, 0))]), r"no label \[7\]"),
    ],
)
def test_what_cannot_be_meant_is_refused(arguments, message):
    with pytest.raises(AnnotationError, match=message):
        SparseAnnotation.from_labels(**{"labels": drawn(2, [12, 20]), "name": "drawing", **arguments})


def test_where_segments_overlap_the_later_one_has_the_voxel():
    one, two = drawn(2, [12, 20]) > 0, np.zeros((30, 32, 34), bool)
    two[10:16, 10:16, 12] = True
    segments = (Segment(1, "a", (1, 0, 0)), Segment(2, "b", (0, 1, 0)))
    annotation = SparseAnnotation.from_masks(np.stack([one, two]), segments)
    assert annotation.labels[12, 12, 12] == 2
    assert annotation.labels[18, 16, 12] == 1


def test_a_segment_that_lies_wholly_under_a_later_one_is_refused_by_name():
    masks = np.stack([drawn(2, [12]) > 0] * 2)
    with pytest.raises(AnnotationError, match=r"^Cyst in .*under later segments"):
        SparseAnnotation.from_masks(masks, (Segment(1, "Cyst", (1, 0, 0)), Segment(2, "Kidney", (0, 1, 0))))


def test_only_the_chosen_segments_are_taken():
    labels = drawn(2, [12, 20])
    labels[2:5, 2:5, 12] = 3
    annotation = SparseAnnotation.from_labels(labels, segments=[Segment(3, "c", (0, 0, 1))])
    assert set(np.unique(annotation.labels)) == {0, 3}
    assert annotation.slices == (12,)


def test_an_annotation_must_fit_its_volume():
    volume = Volume(np.zeros((5, 5, 5)), Geometry((5, 5, 5), (1, 1, 1), (0, 0, 0), (1, 0, 0, 0, 1, 0, 0, 0, 1)))
    with pytest.raises(AnnotationError, match="draw on this volume"):
        AnnotatedVolume(volume, SparseAnnotation.from_labels(drawn(2, [12])))


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_how_a_label_map_lies_in_memory_makes_no_difference(order, axis):
    labels = drawn(axis, [12, 15, 18]) + 2 * drawn(axis, [20])
    laid = np.ascontiguousarray(labels.transpose(order)).transpose(np.argsort(order))
    found = SparseAnnotation.from_labels(laid, axis=axis)
    assert found.slices == (12, 15, 18, 20)
    assert [segment.value for segment in found.segments] == [1, 2]
    np.testing.assert_array_equal(found.labels, labels)
    only = SparseAnnotation.from_labels(laid, axis=axis, segments=[Segment(2, "two", (1, 0, 0))])
    assert only.slices == (20,)
