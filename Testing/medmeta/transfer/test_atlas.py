from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.ndimage import map_coordinates

from medmeta.adaptation import AdaptationSettings, adapt, predict
from medmeta.adaptation.frame import SliceFrame
from medmeta.errors import Cancelled
from medmeta.transfer.atlas import MARGIN, Atlas, count_stages, fused
from medmeta.transfer.prediction import Predictor
from medmeta.transfer.template import Template
from medmeta.volumes import Volume

QUICK = AdaptationSettings(steps=(0, 2), usual_steps=2, folds=2, other_steps=3)


def frame_of(volume):
    return SliceFrame.along(2, volume.geometry.spacing, volume.geometry.direction)


def atlas_of(volume, template, **more):
    frame = frame_of(volume)
    return Atlas(frame.to_slices(volume.array), frame, [template.on("cpu", 2)], **more)


def bent(volume, labels, wave=9.0):
    """Another patient: pushed about smoothly, in waves of so many pixels a radian."""
    points = np.stack(np.meshgrid(*(np.arange(n, dtype=float) for n in labels.shape), indexing="ij"))
    points[0] += 1 + 1.5 * np.sin(points[1] / wave)
    points[1] += 1.5 * np.cos(points[0] / wave)
    image = map_coordinates(volume.array, points, order=1, mode="nearest")
    return replace(volume, array=image), map_coordinates(labels, points, order=0, mode="nearest")


def dice(one, two):
    return 2 * (one & two).sum() / (one.sum() + two.sum())


@pytest.fixture
def template(scan):
    volume, labels = scan()
    return Template.of(volume, labels, frame_of(volume), (1, 2))


def test_segments_are_where_they_are_in_another_patient(scan, template):
    other, truth = bent(*scan())
    found = atlas_of(other, template)
    assert found.fits
    place = found.place(1.0, MARGIN)
    distances = [shapes[0] for shapes in found.distances(place)]
    window, slices = place.window, frame_of(other).to_slices(truth)
    for segment, value in enumerate((1, 2)):
        inside = np.zeros(slices.shape, bool)
        found = window.enlarged(distances[segment], slices.shape[1:])
        inside[place.first : place.stop, *window.visible(slices.shape[1:])] = found.numpy() > 0
        assert dice(inside, slices == value) > 0.85


def test_the_place_holds_all_segments_and_is_no_larger_than_the_volume(scan, template):
    other, truth = bent(*scan())
    place = atlas_of(other, template).place(0.5, MARGIN)
    window, slices = place.window, frame_of(other).to_slices(truth)
    kept = np.zeros(slices.shape, bool)
    kept[
        place.first : place.stop, window.top : window.top + window.height, window.left : window.left + window.width
    ] = True
    assert (slices[~kept] == 0).all()
    assert 0 <= place.first < place.stop <= len(slices)
    assert window.top >= 0
    assert window.top + window.height <= slices.shape[1]
    assert window.left + window.width <= slices.shape[2]
    assert window.zoom == pytest.approx(2, rel=0.15)


def test_a_volume_that_shows_something_else_is_not_believed(scan, template):
    volume, _ = scan()
    rng = np.random.default_rng(3)
    assert not atlas_of(replace(volume, array=rng.normal(size=volume.array.shape)), template).fits


def test_without_a_template_that_fits_the_answer_is_the_network_s_alone(scan, task, checkpoint):
    volume, _ = scan()
    assert task.templates
    other = replace(volume, array=np.random.default_rng(3).normal(size=volume.array.shape))
    where = {"device": "cpu", "checkpoint": checkpoint}
    with_template = predict(task, other, **where)
    without = predict(replace(task, templates=()), other, **where)
    np.testing.assert_array_equal(with_template.labels.array, without.labels.array)
    np.testing.assert_array_equal(with_template.confidence.array, without.confidence.array)


def test_an_untrained_network_with_a_template_finds_the_segments_of_another_patient(scan, task, checkpoint):
    volume, labels = scan()
    other, truth = bent(volume, labels)
    found = predict(task, other, device="cpu", checkpoint=checkpoint)
    scores = [dice(found.labels.array == value, truth == value) for value in (1, 2)]
    assert min(scores) > 0.85
    assert found.expected.cases == pytest.approx(scores, abs=0.2)
    assert found.confidence.array[found.labels.array == 0].mean() > 0.95


def test_no_template_is_kept_where_none_is_wanted(scan, annotated, checkpoint):
    volume, labels = scan()
    how = replace(QUICK, template=False)
    assert adapt([annotated(volume, labels)], checkpoint=checkpoint, device="cpu", settings=how).task.templates == ()


def test_every_annotated_volume_becomes_a_template_and_takes_part(scan, annotated, checkpoint):
    first, second = scan(), scan(shift=0.1)
    cases = [annotated(*first), annotated(*second)]
    task = adapt(cases, checkpoint=checkpoint, device="cpu", settings=QUICK).task
    assert len(task.templates) == 2
    other, _ = bent(*first)
    frame = frame_of(other)
    found = Atlas(frame.to_slices(other.array), frame, [template.on("cpu", 2) for template in task.templates])
    assert [len(shapes) for shapes in found.distances(found.place(1.0, MARGIN))] == [2, 2]


def test_registration_is_told_and_can_be_cancelled(scan, task, checkpoint):
    volume, labels = scan()
    seen = []

    def cancel(event):
        if event.phase == "register":
            seen.append(event.done)
            if event.done == 2:
                raise Cancelled("cancelled")

    with pytest.raises(Cancelled):
        predict(task, bent(volume, labels)[0], device="cpu", checkpoint=checkpoint, progress=cancel)
    assert sorted(set(seen)) == [0, 1, 2]
    assert count_stages(len(task.templates)) > 2


def test_maps_of_templates_are_made_once_for_all_volumes(scan, annotated, checkpoint, monkeypatch):
    volume, labels = scan()
    task = adapt([annotated(volume, labels)], checkpoint=checkpoint, device="cpu", settings=QUICK).task
    made, on = [], Template.on
    monkeypatch.setattr(Template, "on", lambda *arguments: made.append(1) or on(*arguments))
    predictor = Predictor(task, "cpu", checkpoint)
    assert not made
    one, two = (predictor(bent(volume, labels)[0]) for _ in range(2))
    assert made == [1]
    np.testing.assert_array_equal(one.labels.array, two.labels.array)


def test_each_segment_is_laid_finer_than_the_whole_volume_is(scan):
    volume, labels = scan()
    room = ((90, 90), (90, 90), (0, 0))
    labels = np.pad(labels, room)
    volume = Volume(np.pad(volume.array, room, mode="edge"), replace(volume.geometry, size=labels.shape))
    other, truth = bent(volume, labels, wave=3.0)
    frame, finer = frame_of(volume), Template.of(volume, labels, frame_of(volume), (1, 2))
    slices, scores = frame.to_slices(truth), []
    for template in (replace(finer, near=None), finer):
        found = atlas_of(other, template)
        place = found.place(1.0, MARGIN)
        inside = np.zeros((2, *slices.shape), bool)
        for part, (shape,) in zip(inside, found.distances(place), strict=True):
            part[place.first : place.stop, *place.window.visible(slices.shape[1:])] = (
                place.window.enlarged(shape, slices.shape[1:]).numpy() > 0
            )
        scores.append(np.mean([dice(part, slices == value) for part, value in zip(inside, (1, 2), strict=True)]))
    assert scores[1] > scores[0] + 0.005


def test_a_sure_network_does_not_take_a_thin_structure_away():
    profile = torch.tensor([-1.0, 1.0, -1.0]).reshape(1, 1, 1, 1, 3)
    found = fused(torch.full((1, 1, 1, 3), -9.0), profile, torch.ones(1, 1, 1, 3), pixel=1.0)
    assert [bool(x > 0) for x in found.flatten()] == [False, True, False]
    thick = torch.tensor([-1.0, 0.5, 9.0]).reshape(1, 1, 1, 1, 3)
    found = fused(torch.full((1, 1, 1, 3), -9.0), thick, torch.ones(1, 1, 1, 3), pixel=1.0)
    assert [bool(x > 0) for x in found.flatten()] == [False, False, True]


def test_the_network_turns_over_what_the_atlas_is_not_sure_of_alone():
    distances = torch.tensor([3.0, -0.1, -3.0]).reshape(1, 1, 1, 1, 3)
    logits = torch.full((1, 1, 1, 3), 5.0).half()
    found = fused(logits, distances, torch.ones(1, 1, 1, 3), pixel=1.0)
    assert found.dtype == logits.dtype
    assert [bool(x > 0) for x in found.flatten()] == [True, True, False]


def test_a_template_of_a_volume_stored_the_other_way_round_fits_as_well(scan, template):
    other, _ = bent(*scan())
    g = other.geometry
    turned = Volume(other.array[::-1], replace(g, direction=(-1.0, 0, 0, 0, 1, 0, 0, 0, 1)))
    frame = SliceFrame.like(frame_of(other).direction, g.spacing, turned.geometry.direction)
    one = atlas_of(other, template)
    two = Atlas(frame.to_slices(turned.array), frame, [template.on("cpu", 2)])
    assert one.place(1.0, MARGIN) == two.place(1.0, MARGIN)
    place = one.place(1.0, MARGIN)
    torch.testing.assert_close(list(one.distances(place)), list(two.distances(place)), atol=0.05, rtol=0)  # mm


def test_a_template_without_weight_has_no_say():
    logits = torch.zeros(1, 1, 1, 2)
    good = torch.tensor([3.0, -3.0]).reshape(1, 1, 1, 2)
    far = torch.tensor([-8.0, 8.0]).reshape(1, 1, 1, 2)
    weights = torch.tensor([0.5, 0.0, 0.5]).reshape(3, 1, 1, 1).expand(3, 1, 1, 2)
    together = fused(logits.clone(), [torch.cat([good, far, good])], weights, pixel=1.0)
    alone = fused(logits.clone(), [good], torch.ones(1, 1, 1, 2), pixel=1.0)
    torch.testing.assert_close(together, alone)


def test_weights_of_templates_lie_on_the_grid_of_their_distances(scan, template):
    other, _ = bent(*scan())
    frame = frame_of(other)
    found = Atlas(frame.to_slices(other.array), frame, 2 * [template.on("cpu", 2)])
    place = found.place(1.0, MARGIN)
    weights = found.weights(place)
    assert weights.shape == next(found.distances(place)).shape
    torch.testing.assert_close(weights, torch.full_like(weights, 0.5), atol=1e-3, rtol=0)
