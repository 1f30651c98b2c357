"""The effect as its users have it: by its buttons, in an editor, over a real scene."""

import json
import time

import numpy as np
import pytest

SLOW = 1  # as seed: the worker takes its time after a first answer


def previewed(user, study, number=0, volume=None):
    """(K, J, I) boolean: what the preview shows of a segment."""
    preview = user.work.parameters.preview
    return study.maskOf(preview, preview.GetSegmentation().GetNthSegmentID(number), volume or study.volume)


def nodes(scene):
    return sorted(scene.GetNthNode(i).GetID() for i in range(scene.GetNumberOfNodes()))


def test_initialize_shows_the_completed_segment_and_changes_nothing_that_was_drawn(user, study):
    before = study.mask()
    user.initialize()
    assert previewed(user, study)[3:11].any(axis=(1, 2)).all()
    assert (study.mask() == before).all()
    assert user.options.initializeButton.text == "Update"
    assert user.can("applyButton")
    assert user.status.startswith("Done in")


def test_slices_that_were_drawn_meanwhile_are_counted_when_the_user_comes_back(user, study, box):
    assert user.status == "Drawn slices: 3."
    user.paint()
    study.draw(box(3, 6, 8, 10))
    user.open()
    assert user.status == "Drawn slices: 4."
    user.paint()
    study.draw(box(*range(14)))
    user.open()
    assert "drawn throughout" in user.status


def test_how_good_the_preview_is_likely_to_be_is_said_with_it(user):
    from MedMetaSlicerLib.flow.result import QUALITY

    user.initialize()
    rows = [{"segment": "liver", "expected_dice": 0.914}, {"segment": "tumour", "expected_dice": None}]
    user.work.parameters.preview.SetAttribute(QUALITY, json.dumps(rows))
    user.paint()
    user.open()
    assert user.status.endswith("Dice to expect on the other slices: liver 0.91.")


@pytest.mark.alone
def test_initialize_returns_at_once_and_progress_is_shown_while_the_user_works_on(user):
    user.work.parameters.seed = SLOW
    begun = time.monotonic()
    user.press("initializeButton")
    assert time.monotonic() - begun < 0.5
    assert user.can("cancelButton")
    assert not user.can("initializeButton")
    user.wait(lambda: user.options.progressBar.value > 0)
    assert user.options.progressBar.visible or not user.effect.optionsFrame().isVisible()


def test_update_takes_a_corrected_slice_for_the_truth(user, study, box):
    user.initialize()
    assert previewed(user, study)[8].sum() == box(8).sum()
    user.paint()
    study.draw(box(3, 6, 10) | box(8, corner=14))
    user.open()
    user.initialize()
    assert (previewed(user, study)[8] == box(8, corner=14)[8]).all()


def test_apply_writes_the_preview_and_is_one_undo(user, study, scene):
    before, known = study.mask(), nodes(scene)
    user.initialize()
    wanted = previewed(user, study)
    user.press("applyButton")
    assert (study.mask() == wanted).all()
    assert nodes(scene) == known
    assert not user.can("applyButton")
    assert user.options.initializeButton.text == "Initialize"
    assert "Written" in user.status
    user.editor.undo()
    assert (study.mask() == before).all()
    assert not user.editor.logic.CanUndo()


def test_after_apply_slices_that_are_mended_count_and_those_that_were_filled_in_do_not(user, study, box):
    user.initialize()
    user.press("applyButton")
    user.paint()
    study.draw((study.mask() & ~box(5)) | box(5, corner=12))
    user.open()
    user.initialize()
    assert user.work.bench.adapting.request.case.annotation.slices == (3, 5, 6, 10)


def test_after_undo_the_drawn_slices_count_as_before(user, study):
    user.initialize()
    user.press("applyButton")
    user.editor.undo()
    user.initialize()
    assert user.work.bench.adapting.request.case.annotation.slices == (3, 6, 10)


def test_cancel_takes_the_preview_away_and_leaves_the_scene_as_it_was(user, study, scene):
    before, known = study.mask(), nodes(scene)
    user.initialize()
    user.press("cancelButton")
    assert nodes(scene) == known
    assert (study.mask() == before).all()
    assert user.options.initializeButton.text == "Initialize"
    assert not user.can("cancelButton")


@pytest.mark.alone
def test_cancel_while_it_computes_takes_less_than_a_second_and_leaves_the_scene_as_it_was(user, scene):
    known = nodes(scene)
    user.work.parameters.seed = SLOW
    user.press("initializeButton")
    user.wait(lambda: user.work.shown)  # a first answer
    begun = time.monotonic()
    user.press("cancelButton")
    user.wait(lambda: not user.work.bench.busy)
    assert time.monotonic() - begun < 1.0
    assert nodes(scene) == known
    user.work.parameters.seed = 0
    user.initialize()
    assert user.work.shown


def test_cancel_of_an_update_keeps_the_preview_that_was_there(user, study):
    user.initialize()
    before = previewed(user, study)
    user.work.parameters.seed = SLOW
    user.press("initializeButton")
    user.press("cancelButton")
    user.wait(lambda: not user.work.bench.busy)
    assert (previewed(user, study) == before).all()
    assert user.can("applyButton")


def test_painting_with_another_effect_goes_on_while_it_computes_and_the_preview_comes(user, study):
    user.press("initializeButton")
    user.paint()
    user.wait(lambda: not user.work.bench.busy)
    assert user.work.shown
    user.open()
    assert user.options.initializeButton.text == "Update"


def test_all_visible_segments_are_completed_and_a_hidden_one_is_left_alone(user, study, box):
    tumour = study.segmentation.GetSegmentation().AddEmptySegment("", "tumour")
    full = study.segmentation.GetSegmentation().AddEmptySegment("", "finished long ago")
    study.draw(box(3, 6, corner=16), tumour)
    beside = np.zeros((14, 30, 40), bool)
    beside[:, :, :6] = True
    study.draw(beside, full)
    study.segmentation.GetDisplayNode().SetSegmentVisibility(full, False)
    before = study.mask(full)
    user.initialize()
    assert [name for _, name in user.work.bench.result.segments] == ["liver", "tumour"]
    user.press("applyButton")
    assert study.mask(tumour)[4:6].any(axis=(1, 2)).all()
    assert (study.mask(full) == before).all()


def test_a_segment_that_is_finished_is_hidden_and_the_next_begun(user, study, box):
    user.initialize()
    user.press("applyButton")
    study.segmentation.GetDisplayNode().SetSegmentVisibility(study.segment, False)
    spleen = study.segmentation.GetSegmentation().AddEmptySegment("", "spleen")
    study.draw(box(2, 12, corner=15), spleen)
    user.initialize()
    assert user.work.bench.adapting.request.case.annotation.slices == (2, 12)
    assert [s.name for s in user.work.bench.adapting.request.case.annotation.segments] == ["spleen"]


def test_the_next_segment_may_be_drawn_along_another_direction(user, study):
    user.initialize()
    user.press("applyButton")
    study.segmentation.GetDisplayNode().SetSegmentVisibility(study.segment, False)
    spleen = study.segmentation.GetSegmentation().AddEmptySegment("", "spleen")
    coronal = np.zeros((14, 30, 40), bool)
    coronal[3:11, [8, 14, 20], 30:38] = True
    study.draw(coronal, spleen)
    user.initialize()
    annotation = user.work.bench.adapting.request.case.annotation
    assert (annotation.axis, annotation.slices) == (1, (8, 14, 20))


def test_of_two_segments_with_one_name_the_visible_one_is_completed(user, study, box):
    segmentation = study.segmentation.GetSegmentation()
    twin = segmentation.AddEmptySegment("", "liver")
    study.draw(box(3, 6, 10, corner=16), twin)
    study.segmentation.GetDisplayNode().SetSegmentVisibility(study.segment, False)
    before = study.mask()
    user.initialize()
    user.press("applyButton")
    assert (study.mask() == before).all()
    assert study.mask(twin)[3:11].any(axis=(1, 2)).all()


def test_what_is_wrong_is_said(user, study, errors, box):
    study.segmentation.GetDisplayNode().SetSegmentVisibility(study.segment, False)
    user.press("initializeButton")
    assert "hidden" in errors.pop()
    study.segmentation.GetDisplayNode().SetSegmentVisibility(study.segment, True)
    study.draw(box())
    user.press("initializeButton")
    assert "empty" in errors.pop()
    study.draw(box(*range(14)))
    user.press("initializeButton")
    assert "drawn throughout" in errors[-1]
    assert "--axis" not in errors.pop()
    spleen = study.segmentation.GetSegmentation().AddEmptySegment("", "spleen")
    study.draw(box(3, 6, corner=20), spleen)
    user.press("initializeButton")
    assert "hide those that are finished" in errors.pop()
    assert not user.work.bench.busy


def test_a_slice_is_said_to_be_empty_and_counts(user, study, monkeypatch):
    from MedMetaSlicerLib.flow import drawing

    monkeypatch.setattr(drawing, "currentPosition", lambda volumeNode, axis: 12)  # there is no slice view here
    user.press("emptyButton")
    assert user.status == "Drawn slices: 4."
    user.initialize()
    assert user.work.bench.adapting.request.case.annotation.slices == (3, 6, 10, 12)


def test_display_and_learner_are_set_by_widgets_and_kept_in_the_editors_node(user):
    user.initialize()
    user.options.showCheckBox.click()
    user.options.learnerBox.setCurrentIndex(2)
    user.options.budgetBox.setValue(30)
    assert not user.work.bench.result.preview.visible
    node = user.editor.node
    assert node.GetAttribute("MedMeta.PreviewVisible") == "0"
    assert node.GetAttribute("MedMeta.Learner") == "maml"
    assert user.work.bench.adapting.options()["learner"] == "maml"
    assert user.work.bench.adapting.options()["budget"] == 30


def test_the_result_in_3d_follows_an_update(user, study, box):
    user.initialize()
    user.press("show3DButton")
    assert user.work.bench.result.in3D
    study.draw(box(3, 6, 10) | box(8, corner=14))
    user.initialize()
    assert user.options.show3DButton.checked
    assert user.work.bench.result.in3D
    user.press("show3DButton")
    assert not user.work.bench.result.in3D


def test_a_point_may_be_placed_without_leaving_the_effect(user, scene):
    import slicer

    interaction = scene.AddNewNodeByClass("vtkMRMLInteractionNode")
    interaction.SetCurrentInteractionMode(slicer.vtkMRMLInteractionNode.Place)
    user.effect.interactionNodeModified(interaction)
    assert user.effect.active()
