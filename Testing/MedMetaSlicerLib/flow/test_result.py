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


def turnToAnother(desk):
    """Chooses another volume and another drawing; the function that is returned turns back."""
    from MedMetaSlicerLib.selftest import ballInAVolume

    p, before = desk.p, (desk.p.volume, desk.p.segmentation)
    p.volume, p.segmentation, _ = ballInAVolume()
    desk.bench.attach(p)

    def back():
        p.volume, p.segmentation = before
        desk.bench.attach(p)

    return back


def test_each_drawing_has_a_result_of_its_own(adapted, scene):
    result, first = adapted.bench.result, adapted.p.preview
    back = turnToAnother(adapted)
    assert not result.shown
    assert adapted.p.preview is None
    assert not first.GetDisplayNode().GetVisibility()
    assert adapted.bench.adapting.suggestions == ()
    adapted.adapt()
    second = adapted.p.preview
    assert second is not first
    assert result.segmentationNode is adapted.p.segmentation
    result.acceptInto()
    assert not adapted.mask()[5].any()
    result.discard()
    assert scene.IsNodePresent(first)
    back()
    assert adapted.p.preview is first
    adapted.p.previewVisible = True
    result.apply()
    assert first.GetDisplayNode().GetVisibility()


def test_suggestions_are_of_the_drawing_that_is_chosen(adapted):
    assert adapted.bench.adapting.suggestions
    back = turnToAnother(adapted)
    assert adapted.bench.adapting.suggestions == ()
    back()
    assert adapted.bench.adapting.suggestions


def test_an_answer_that_comes_when_the_user_has_turned_to_another_drawing_waits_for_its_own(desk):
    desk.bench.adapting.adapt()
    back = turnToAnother(desk)
    desk.finish()
    assert desk.errors == []
    assert not desk.bench.result.shown
    assert desk.p.preview is None
    back()
    assert desk.bench.result.shown
    assert desk.p.preview.GetDisplayNode().GetVisibility()


def test_a_new_answer_is_shown_though_the_last_was_accepted(adapted):
    adapted.bench.result.acceptInto()
    assert not adapted.p.previewVisible
    adapted.adapt()
    assert adapted.p.preview.GetDisplayNode().GetVisibility()


def test_once_something_is_drawn_after_accepting_there_is_nothing_to_take_back(adapted):
    result = adapted.bench.result
    result.acceptInto()
    assert result.canUndo
    mended = adapted.mask()
    mended[2] = False
    adapted.paint(mended)
    assert not result.canUndo
    result.undo()
    assert np.array_equal(adapted.mask(), mended)
    assert "changed since" in adapted.bench.status


def test_once_another_drawing_was_chosen_there_is_nothing_to_take_back(adapted):
    adapted.bench.result.acceptInto()
    accepted = adapted.mask()
    back = turnToAnother(adapted)
    assert not adapted.bench.result.canUndo
    back()
    adapted.bench.result.undo()
    assert np.array_equal(adapted.mask(), accepted)


def test_a_new_segmentation_that_was_drawn_in_is_not_taken_back(adapted, scene):
    node = adapted.bench.result.acceptAsNew()
    node.GetSegmentation().AddEmptySegment("", "Core", [0, 0, 1])
    adapted.bench.result.undo()
    assert scene.IsNodePresent(node)


def test_what_another_module_hides_stays_hidden_until_the_panel_says_otherwise(adapted):
    display, result = adapted.p.preview.GetDisplayNode(), adapted.bench.result
    display.SetVisibility(False)
    display.SetOpacity2DOutline(0.25)
    result.attach()
    result.apply()
    assert not display.GetVisibility()
    assert display.GetOpacity2DOutline() == 0.25
    adapted.p.previewFilled = True
    result.apply()
    assert display.GetVisibility()
