from dataclasses import replace

import numpy as np
import pytest
import torch

from medmeta.adaptation.frame import SliceFrame
from medmeta.registration.raster import Raster
from medmeta.transfer.template import LABEL_SIDE, MOST, NEAR_SIDE, SIDE, Template, made_templates, templates_of
from medmeta.volumes import Geometry, Volume


def frame_of(volume, axis=2):
    return SliceFrame.along(axis, volume.geometry.spacing, volume.geometry.direction)


def made(volume, labels, values=(1, 2)):
    return Template.of(volume, labels, frame_of(volume), values)


def test_distances_say_where_each_segment_is(scan):
    volume, labels = scan()
    frame = frame_of(volume)
    distances = made(volume, labels).on("cpu", 2).distances
    first = np.rint(np.divide(distances.lattice.origin, frame.spacing)).astype(int)
    stop = first + distances.lattice.size
    slices = np.pad(frame.to_slices(labels), 8)[tuple(slice(a + 8, b + 8) for a, b in zip(first, stop, strict=True))]
    for segment in (0, 1):
        np.testing.assert_array_equal(distances.voxels[segment].numpy() > 0, slices == segment + 1)


def test_the_grey_values_are_those_of_the_volume(scan):
    volume, labels = scan()
    grey = made(volume, labels).on("cpu", 2).grey
    slices = frame_of(volume).to_slices(volume.array)
    assert np.corrcoef(grey.voxels.flatten(), slices.flatten())[0, 1] > 0.99
    assert grey.lattice.spacing == pytest.approx(frame_of(volume).spacing)


def test_points_near_the_segments_count_most(scan):
    volume, labels = scan()
    room = ((60, 60), (0, 0), (0, 0))
    volume = Volume(np.pad(volume.array, room), replace(volume.geometry, size=(160, *volume.geometry.size[1:])))
    weights = made(volume, np.pad(labels, room)).on("cpu", 2).weights
    along = weights.voxels.amax((0, 2)).numpy()
    assert along.max() == pytest.approx(1.0)
    assert 0.1 <= along[[0, -1]].max() < 0.5
    middle = np.average(np.arange(len(along)), weights=along - 0.1) * weights.lattice.spacing[1]
    drawn = np.flatnonzero(np.pad(labels, room).any((1, 2)))
    assert abs(middle - drawn.mean()) < 8


def test_a_large_volume_is_kept_small(scan):
    volume, labels = scan(size=(230, 200, 12))
    template = made(volume, labels)
    assert max(template.image.shape) <= SIDE
    assert max(template.labels.shape) <= LABEL_SIDE
    extent = [n * mm for n, mm in zip(template.image.shape, template.spacing, strict=True)]
    assert extent == pytest.approx([12 * 2.5, 230, 200])


def test_round_the_segments_grey_values_are_kept_finer(scan):
    volume, labels = scan(size=(230, 200, 12))
    template = made(volume, labels)
    near = template.on("cpu", 2).near
    assert max(near.lattice.size) <= NEAR_SIDE
    assert near.lattice.spacing[1] < 0.8 * template.spacing[1]
    slices = frame_of(volume).to_slices(volume.array)
    first = np.subtract(near.lattice.origin, np.subtract(near.lattice.spacing, frame_of(volume).spacing) / 2)
    box = [
        slice(round(o / mm), round((o + e) / mm))
        for o, e, mm in zip(first, near.lattice.extent, frame_of(volume).spacing, strict=True)
    ]
    there = frame_of(volume).to_slices(labels)
    assert (there[tuple(box)] > 0).sum() == (there > 0).sum()
    whole = Raster.of(np.ascontiguousarray(slices[tuple(box)]), frame_of(volume).spacing, first)
    expected = whole.laid_on(near.lattice).voxels.flatten()
    assert np.corrcoef(near.voxels.flatten(), expected)[0, 1] > 0.999


def test_room_round_small_segments_is_small_however_far_apart_they_lie(scan):
    volume, _ = scan(size=(230, 200, 12))
    labels = np.zeros(volume.array.shape, np.uint8)
    labels[20:26, 20:26, 4:7], labels[200:206, 170:176, 4:7] = 1, 2
    near = made(volume, labels).on("cpu", 2).near
    low = np.subtract(near.lattice.origin, np.divide(near.lattice.spacing, 2))
    assert (low[1:] > 10).all()
    assert (low[1:] + near.lattice.extent[1:] < (215, 185)).all()


def test_segments_are_numbered_in_their_order_whatever_their_values(scan):
    volume, labels = scan()
    one, two = made(volume, labels, (1, 2)), made(volume, labels.astype(np.uint16) * 300, (600, 300))
    np.testing.assert_array_equal(one.labels == 1, two.labels == 2)


def test_nothing_is_made_where_no_segment_was_found(scan):
    volume, labels = scan()
    assert made(volume, np.zeros_like(labels)) is None
    assert made(volume, labels, tuple(range(1, 300))) is None


def test_a_segment_that_is_nowhere_has_no_inside(scan):
    volume, labels = scan()
    assert made(volume, labels, (1, 7)).on("cpu", 2).distances.voxels[1].max() < 0


def test_only_so_many_annotated_volumes_are_kept(scan, annotated):
    volume, labels = scan()
    cases = [annotated(volume, labels)] * (MOST + 2)
    assert len(made_templates(cases, [labels] * len(cases), [frame_of(volume)] * len(cases))) == MOST


def test_no_name_is_kept(scan):
    volume, labels = scan()
    named = replace(volume, name="DOE^JANE")
    assert "DOE" not in repr(made(named, labels))


def file_parts(template):
    tensors = {f"templates.0.{name}": torch.from_numpy(value) for name, value in template.voxels().items()}
    return [template.places()], tensors


def test_what_a_file_holds_is_the_template(scan):
    template = made(*scan())
    rows, tensors = file_parts(template)
    (found,) = templates_of(rows, tensors, "templates.", 2)
    assert not tensors
    np.testing.assert_array_equal(found.image, template.image)
    np.testing.assert_array_equal(found.labels, template.labels)
    np.testing.assert_array_equal(found.near, template.near)
    assert found.places() == template.places()


@pytest.mark.parametrize("size", [(120, 120, 4), (256, 8, 100)])
def test_what_a_file_holds_of_a_flat_volume_can_be_read(size):
    labels = np.zeros(size, np.uint8)
    labels[40:80, 2:6, 1:3] = 1
    array = np.random.default_rng(0).normal(labels * 100.0).astype(np.float32)
    geometry = Geometry(size, (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), (1.0, 0, 0, 0, 1, 0, 0, 0, 1))
    template = made(Volume(array, geometry), labels, (1,))
    rows, tensors = file_parts(template)
    assert min(template.image.shape) < 4
    assert templates_of(rows, tensors, "templates.", 1)[0].image.shape == template.image.shape


def test_a_file_without_fine_grey_values_is_read_as_well(scan):
    template = replace(made(*scan()), near=None)
    rows, tensors = file_parts(template)
    (found,) = templates_of(rows, tensors, "templates.", 2)
    assert found.near is None
    assert found.on("cpu", 2).near is None
    assert found.places() == template.places()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r, t: (None, t), "no list"),
        (lambda r, t: (r * (MOST + 1), t), "no list"),
        (lambda r, t: ([{**r[0], "spacing": [1, 1]}], t), "spacing"),
        (lambda r, t: ([{**r[0], "spacing": [0, 1, 1]}], t), "spacing"),
        (lambda r, t: ([{**r[0], "origin": [float("nan"), 1, 1]}], t), "origin"),
        (lambda r, t: ([{**r[0], "more": 1}], t), "lacks"),
        (lambda r, t: ([{n: v for n, v in r[0].items() if n != "near_origin"}], t), "lacks"),
        (lambda r, t: ([{**r[0], "near_spacing": [0, 1, 1]}], t), "near_spacing"),
        (lambda r, t: (r, {**t, "templates.0.near": torch.zeros(9, 9, 129, dtype=torch.uint8)}), "near"),
        (lambda r, t: (r, {n: v for n, v in t.items() if not n.endswith("near")}), "no near"),
        (lambda r, t: (r, {}), "no image"),
        (lambda r, t: (r, {**t, "templates.0.image": torch.zeros(9, 9, 9)}), "no image"),
        (lambda r, t: (r, {**t, "templates.0.image": torch.zeros(9, 9, dtype=torch.uint8)}), "no image"),
        (lambda r, t: (r, {**t, "templates.0.image": torch.zeros(9, 9, 200, dtype=torch.uint8)}), "shape"),
        (lambda r, t: (r, {**t, "templates.0.labels": torch.zeros(0, 9, 9, dtype=torch.uint8)}), "shape"),
        (lambda r, t: (r, {**t, "templates.0.labels": torch.full((9, 9, 9), 3, dtype=torch.uint8)}), "more labels"),
    ],
)
def test_what_makes_no_sense_is_refused(scan, change, message):
    rows, tensors = change(*file_parts(made(*scan())))
    with pytest.raises(ValueError, match=message):
        templates_of(rows, dict(tensors), "templates.", 2)


def test_a_template_lies_as_the_frame_does_not_as_the_file(scan):
    volume, labels = scan()
    g = volume.geometry
    turned = Volume(
        volume.array[::-1], Geometry(g.size, g.spacing, g.origin, (-1.0, 0, 0, 0, 1, 0, 0, 0, 1)), volume.name
    )
    reference = frame_of(volume).direction
    frame = SliceFrame.like(reference, turned.geometry.spacing, turned.geometry.direction)
    one, two = made(volume, labels), Template.of(turned, labels[::-1], frame, (1, 2))
    np.testing.assert_array_equal(one.image, two.image)
    np.testing.assert_array_equal(one.labels, two.labels)
