import numpy as np
import pytest
import slicer
from fake_worker import CRASH, REFUSED, SLOW


def segmentations(scene):
    return scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode")


def ids(scene):
    return {scene.GetNthNode(i).GetID() for i in range(scene.GetNumberOfNodes())}


def test_adapt_brings_a_preview_and_leaves_the_drawing_alone(desk):
    drawn = desk.mask()
    desk.adapt()
    assert desk.errors == []
    assert desk.bench.result.shown
    preview = desk.mask(desk.p.preview)
    assert (preview[5] == drawn[4]).all()
    assert np.array_equal(desk.mask(), drawn)


def test_what_is_said_names_time_and_device_and_why(desk):
    desk.adapt()
    assert "on the CPU (no CUDA GPU was found)" in desk.bench.status
    desk.p.device = "cpu"
    desk.adapt()
    assert "on the CPU (as chosen)" in desk.bench.status


def test_what_to_expect_is_kept_with_the_preview(desk):
    desk.adapt()
    (row,) = desk.bench.result.quality
    assert (row["segment"], row["held_out_dice"], row["learner"]) == ("Ball", 0.5, "siamese")
    assert desk.bench.adapting.heldOut == {"Ball": 0.5}


def test_the_first_preview_is_there_while_it_still_computes(desk):
    desk.p.seed = SLOW
    desk.bench.adapting.adapt()
    desk.loop.until(lambda: desk.bench.result.shown)
    assert desk.bench.busy


def test_cancel_leaves_the_scene_as_it_was(desk, scene):
    before = ids(scene)
    desk.p.seed = SLOW
    desk.bench.adapting.adapt()
    desk.loop.until(lambda: desk.bench.result.shown)
    desk.session.cancel()
    desk.finish(seconds=1.5)
    assert ids(scene) == before
    assert not desk.bench.result.shown
    assert "Cancelled" in desk.bench.status
    assert desk.errors == []


def test_cancelling_a_second_adaptation_keeps_the_first_ones_result(desk):
    desk.adapt()
    preview = desk.mask(desk.p.preview)
    desk.p.seed = SLOW
    desk.bench.adapting.adapt()
    desk.session.cancel()
    desk.finish()
    assert np.array_equal(desk.mask(desk.p.preview), preview)


@pytest.mark.parametrize(("seed", "text"), [(CRASH, "Nothing that was drawn is lost"), (REFUSED, "choose auto or cpu")])
def test_a_failure_is_shown_and_the_next_adaptation_works(desk, scene, seed, text):
    desk.p.seed = seed
    desk.adapt()
    assert len(desk.errors) == 1
    assert text in desk.errors[0]
    assert segmentations(scene) == 1
    desk.p.seed = 0
    desk.adapt()
    assert desk.bench.result.shown


def test_a_volume_that_is_deleted_meanwhile_drops_the_result(desk, scene):
    desk.p.seed = SLOW
    desk.bench.adapting.adapt()
    desk.loop.until(lambda: desk.bench.result.shown)
    desk.bench.adapting.forget()
    desk.p.seed = 0
    desk.session.cancel()
    desk.finish()
    desk.bench.adapting.adapt()
    scene.RemoveNode(desk.volumeNode)
    desk.finish()
    assert not desk.bench.result.shown
    assert "deleted" in desk.bench.status


def test_nothing_starts_where_the_user_declines_the_packages(desk):
    desk.installer.agrees = False
    desk.bench.adapting.adapt()
    assert not desk.bench.busy


def test_the_next_slice_to_draw_is_suggested_and_shown(desk, monkeypatch):
    jumps = []
    monkeypatch.setattr("MedMetaSlicerLib.flow.drawing.jumpToSlice", lambda *where: jumps.append(where))
    desk.adapt()
    assert desk.bench.adapting.suggestions
    desk.bench.adapting.jumpToNext()
    ((volumeNode, axis, position),) = jumps
    assert (volumeNode, axis) == (desk.volumeNode, 2)
    assert position not in (4, 7, 10)


def test_after_it_was_made_ready_for_others_it_goes_on_from_there(desk):
    desk.adapt()
    adapting = desk.bench.adapting
    assert adapting.start(adapting.request) is None
    taken = []
    adapting.makeReady(taken.append)
    desk.finish()
    assert taken == [adapting.ready]
    assert adapting.start(adapting.request) == adapting.ready.name
    adapting.makeReady(taken.append)
    assert len(taken) == 2
    desk.adapt()
    assert not adapting.readyIsCurrent


def test_another_set_of_segments_starts_anew(desk):
    desk.adapt()
    adapting = desk.bench.adapting
    adapting.makeReady(lambda task: None)
    desk.finish()
    segmentation = desk.segmentationNode.GetSegmentation()
    second = segmentation.AddEmptySegment("", "Core", [0, 0, 1])
    mask = np.zeros(desk.ball.shape, np.uint8)
    mask[7, 22:26, 20:24] = 1
    slicer.util.updateSegmentBinaryLabelmapFromArray(mask, desk.segmentationNode, second, desk.volumeNode)
    desk.bench.drawing.refresh()
    desk.adapt()
    assert desk.errors == []
    assert adapting.start(adapting.request) is None


def test_a_scene_that_closes_drops_what_is_computed(desk, scene):
    desk.p.seed = SLOW
    desk.bench.adapting.adapt()
    desk.bench.forget()
    scene.Clear()
    desk.finish()
    assert segmentations(scene) == 0
    assert desk.errors == []
