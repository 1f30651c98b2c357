import numpy as np
import pytest
import slicer

from medmeta.errors import AnnotationError


@pytest.fixture
def adapted(desk):
    desk.adapt()
    assert desk.bench.result.shown
    return desk


def test_accepting_as_new_adds_a_segmentation_and_hides_the_preview(adapted, scene):
    drawn = adapted.mask()
    node = adapted.bench.result.acceptAsNew()
    assert node.GetName() == "Ball MedMeta"
    assert np.array_equal(adapted.mask(node), adapted.mask(adapted.p.preview))
    assert np.array_equal(adapted.mask(), drawn)
    assert not adapted.p.previewVisible


def test_that_can_be_taken_back(adapted, scene):
    node = adapted.bench.result.acceptAsNew()
    adapted.bench.result.undo()
    assert not scene.IsNodePresent(node)
    assert adapted.p.previewVisible
    assert not adapted.bench.result.canUndo


def test_accepting_into_the_drawing_is_one_undo_step(adapted):
    drawn = adapted.mask()
    adapted.bench.result.acceptInto()
    assert np.array_equal(adapted.mask(), adapted.mask(adapted.p.preview))
    assert len(adapted.undone) == 1
    adapted.bench.result.undo()
    assert np.array_equal(adapted.mask(), drawn)


def test_two_results_of_the_same_volume_have_names_of_their_own(adapted):
    names = {adapted.bench.result.acceptAsNew().GetName() for _ in range(2)}
    assert len(names) == 2


def test_where_the_segmentation_was_deleted_it_can_still_be_accepted_as_new(adapted, scene):
    scene.RemoveNode(adapted.segmentationNode)
    with pytest.raises(AnnotationError, match="accept as a new one"):
        adapted.bench.result.acceptInto()
    assert adapted.bench.result.acceptAsNew() is not None


def test_discarding_takes_the_preview_away_and_nothing_else(adapted, scene):
    drawn = adapted.mask()
    adapted.bench.result.discard()
    assert adapted.p.preview is None
    assert not adapted.bench.result.shown
    assert scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 1
    assert np.array_equal(adapted.mask(), drawn)


def test_before_and_after(adapted):
    display = adapted.p.preview.GetDisplayNode()
    assert display.GetVisibility()
    adapted.p.previewVisible = False
    adapted.bench.result.apply()
    assert not display.GetVisibility()
    adapted.p.previewVisible = True
    adapted.bench.result.apply()
    assert display.GetVisibility()


def test_a_preview_of_a_loaded_scene_is_taken_up_with_what_was_expected(adapted, tmp_path, scene):
    adapted.bench.result.forget()
    assert not adapted.bench.result.shown
    adapted.bench.attach(adapted.p)
    assert adapted.bench.result.shown
    assert adapted.bench.result.quality[0]["segment"] == "Ball"
    node = adapted.bench.result.acceptAsNew()
    assert slicer.mrmlScene.IsNodePresent(node)
