"""The effect while the scene changes under it: nodes go, editors switch, scenes close, and it computes meanwhile."""

import time

import numpy as np
import pytest

SLOW = 1


@pytest.fixture
def computing(user):
    """A user for whom it computes, with a first answer there."""
    user.work.parameters.seed = SLOW
    user.press("initializeButton")
    user.wait(lambda: user.work.shown)
    return user


def idle(user):
    user.wait(lambda: not user.work.bench.busy, seconds=3)


def another(study, box, *slices):
    """A second volume and segmentation."""
    volume = study.makeVolume("MR")
    segmentation, (segment,) = study.makeSegmentation(volume, "kidney")
    study.drawInto(segmentation, segment, volume, box(*slices, corner=12))
    return volume, segmentation, segment


def previews():
    from MedMetaSlicerLib.effect.parameters import EffectParameters

    return EffectParameters.previews()


def test_an_answer_goes_to_its_segmentation_though_another_is_edited_by_then(user, study, box):
    volume, segmentation, segment = another(study, box, 2, 9)
    user.press("initializeButton")
    user.choose(segmentation, volume)
    user.wait(lambda: not user.work.bench.busy)
    assert not user.work.shown
    assert not user.can("applyButton")
    assert len(previews()) == 1
    user.initialize()
    assert len(previews()) == 2
    user.press("applyButton")
    assert study.maskOf(segmentation, segment, volume)[5].any()
    assert not study.mask()[5].any()
    user.choose(study.segmentation, study.volume)
    assert user.options.initializeButton.text == "Update"
    user.press("applyButton")
    assert study.mask()[5].any()
    assert previews() == []


def test_cancel_for_one_segmentation_leaves_the_preview_of_another(user, study, box):
    volume, segmentation, _ = another(study, box, 2, 9)
    user.choose(segmentation, volume)
    user.initialize()
    kept = user.work.parameters.preview
    user.choose(study.segmentation, study.volume)
    user.work.parameters.seed = SLOW
    user.press("initializeButton")
    user.wait(lambda: len(previews()) == 2)
    user.choose(segmentation, volume)
    user.press("cancelButton")
    idle(user)
    assert previews() == [kept]


@pytest.mark.parametrize("deleted", ["segmentation", "volume"])
def test_deleting_a_node_stops_what_is_computed_for_it(computing, study, scene, deleted):
    scene.RemoveNode(getattr(study, deleted))
    idle(computing)
    assert previews() == []
    assert not computing.can("applyButton")
    assert not computing.can("initializeButton")


def test_deleting_another_node_stops_nothing(computing, study, scene):
    scene.RemoveNode(study.makeVolume("other"))
    assert computing.work.bench.busy
    assert computing.work.adapting.state == "running"


def test_the_preview_goes_with_its_segmentation(user, study, scene):
    user.initialize()
    scene.RemoveNode(study.segmentation)
    assert previews() == []


def test_closing_the_scene_stops_it_and_the_next_scene_starts_anew(computing, study, scene, box):
    scene.Clear(0)
    computing.editor.useNode()
    idle(computing)
    assert scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 0
    volume = study.makeVolume()
    segmentation, (segment,) = study.makeSegmentation(volume, "liver")
    study.drawInto(segmentation, segment, volume, box(3, 6))
    computing.choose(segmentation, volume)
    computing.initialize()
    assert computing.work.shown


def test_what_was_computed_for_a_closed_scene_takes_nothing_from_the_next_which_has_the_same_ids(
    computing, scene, study, tmp_path
):
    from saved_scene import save

    save(scene, tmp_path)  # the first answer is in it
    known = computing.work.parameters.preview.GetID()
    scene.Clear(0)
    assert scene.Import()
    computing.editor.useNode()
    computing.open()
    assert computing.work.parameters.preview.GetID() == known
    idle(computing)
    assert computing.work.shown


def test_an_editor_that_goes_while_it_computes_ends_its_worker(computing):
    process = computing.work.bench.session._client.process
    computing.editor.close()
    end = time.monotonic() + 5
    while process.running and time.monotonic() < end:
        time.sleep(0.02)
    assert not process.running


def test_quitting_slicer_while_it_computes_ends_the_worker(computing):
    import slicer

    process = computing.work.bench.session._client.process
    slicer.app.aboutToQuit()
    assert not process.running


def test_the_effect_opens_without_any_node(makeUser, scene):
    found = makeUser()
    found.open()
    assert not found.can("initializeButton")
    assert not found.can("applyButton")
    assert "source volume" in found.status


def test_two_editors_show_the_same_preview(user, makeUser, study):
    user.initialize()
    other = makeUser("Another")
    other.choose(study.segmentation, study.volume)
    assert other.options.initializeButton.text == "Update"
    other.press("applyButton")
    assert study.mask()[5].any()
    user.paint()
    user.open()
    assert user.options.initializeButton.text == "Initialize"


def test_volume_and_segmentation_lie_under_transforms_on_different_grids(user, study, scene, box):
    import slicer
    import vtk

    matrix = vtk.vtkMatrix4x4()
    matrix.SetElement(0, 3, 25.0)
    matrix.SetElement(1, 1, -1.0)
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    transform.SetMatrixTransformToParent(matrix)
    study.volume.SetAndObserveTransformNodeID(transform.GetID())
    # The segmentation is on a grid of its own, twice as fine, at the same place in the world.
    finer = study.makeVolume("finer", shape=(14, 60, 80))
    finer.SetSpacing(0.5, 0.5, 2.5)
    finer.SetOrigin(-0.25, -0.25, 0.0)
    finer.SetAndObserveTransformNodeID(transform.GetID())
    finer.HardenTransform()
    segmentation, (segment,) = study.makeSegmentation(finer, "liver")
    study.drawInto(segmentation, segment, finer, np.kron(box(3, 6, 10), np.ones((1, 2, 2), bool)))
    user.choose(segmentation, study.volume)
    user.initialize()
    preview = user.work.parameters.preview
    found = study.maskOf(preview, preview.GetSegmentation().GetNthSegmentID(0), study.volume)
    assert found[3:11].any(axis=(1, 2)).all()
    before = study.maskOf(segmentation, segment, finer)
    user.press("applyButton")
    after = study.maskOf(segmentation, segment, finer)
    assert after[5].any()
    assert (after[[3, 6, 10]] == before[[3, 6, 10]]).all()
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 2
