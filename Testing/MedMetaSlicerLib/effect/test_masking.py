"""Apply keeps to what the user has set in the Segment Editor."""

import numpy as np
import pytest


@pytest.fixture
def spleen(study, box):
    """A second segment, hidden, beside the first and in its way on slice 5."""
    segment = study.segmentation.GetSegmentation().AddEmptySegment("", "spleen")
    study.draw(box(5, corner=12), segment)
    study.segmentation.GetDisplayNode().SetSegmentVisibility(segment, False)
    return segment


def test_by_default_the_result_overwrites_as_painting_would(user, study, spleen):
    user.initialize()
    user.press("applyButton")
    assert study.mask()[5].any()
    assert not (study.mask() & study.mask(spleen)).any()


def test_overwriting_visible_segments_only_leaves_a_hidden_one(user, study, spleen):
    before = study.mask(spleen)
    user.editor.node.SetOverwriteMode(user.editor.node.OverwriteVisibleSegments)
    user.initialize()
    user.press("applyButton")
    assert (study.mask(spleen) == before).all()
    assert (study.mask() & before).any()


def test_segments_may_overlap_where_the_user_allows_it(user, study, spleen):
    before = study.mask(spleen)
    user.editor.node.SetOverwriteMode(user.editor.node.OverwriteNone)
    user.initialize()
    user.press("applyButton")
    assert (study.mask(spleen) == before).all()


def test_outside_of_the_editable_area_nothing_changes_and_the_user_is_told(user, study, spleen):
    import slicer

    node = user.editor.node
    node.SetMaskMode(slicer.vtkMRMLSegmentationNode.EditAllowedInsideSingleSegment)
    node.SetMaskSegmentID(spleen)
    before, area = study.mask(), study.mask(spleen)
    user.initialize()
    user.press("applyButton")
    changed = study.mask() != before
    assert changed.any()
    assert not (changed & ~area).any()
    assert "outside of the editable area" in user.status


def test_outside_of_the_intensity_range_nothing_changes(user, study):
    import slicer

    user.editor.node.SetSourceVolumeIntensityMask(True)
    user.editor.node.SetSourceVolumeIntensityMaskRange(95.0, 105.0)
    before = study.mask()
    user.initialize()
    user.press("applyButton")
    voxels = slicer.util.arrayFromVolume(study.volume)
    changed = study.mask() != before
    assert changed.any()
    assert voxels[changed].min() >= 95.0
    assert voxels[changed].max() <= 105.0


def test_where_nothing_may_be_written_the_preview_stays_and_nothing_can_be_undone(user, study):
    user.editor.node.SetSourceVolumeIntensityMask(True)
    user.editor.node.SetSourceVolumeIntensityMaskRange(10000.0, 10001.0)
    before = study.mask()
    user.initialize()
    user.press("applyButton")
    assert (study.mask() == before).all()
    assert "Nothing was written" in user.status
    assert user.can("applyButton")
    assert not user.editor.logic.CanUndo()


def test_a_segment_that_is_marked_as_completed_keeps_its_voxels(user, study, spleen):
    import slicer

    logic = slicer.vtkSlicerSegmentationsModuleLogic
    logic.SetSegmentStatus(study.segmentation.GetSegmentation().GetSegment(spleen), logic.Completed)
    before = study.mask(spleen)
    user.initialize()
    user.press("applyButton")
    assert (study.mask(spleen) == before).all()
    assert not (study.mask() & before).any()
    assert "marked as completed" in user.status


def test_drawn_slices_stay_as_drawn(user, study):
    before = study.mask()
    user.initialize()
    user.press("applyButton")
    drawn = [3, 6, 10]
    assert (study.mask()[drawn] == before[drawn]).all()
    assert np.count_nonzero(study.mask()) > np.count_nonzero(before)


def test_all_that_was_overwritten_comes_back_by_one_undo(user, study, spleen):
    before = study.mask(), study.mask(spleen)
    user.initialize()
    user.press("applyButton")
    assert not (study.mask(spleen) == before[1]).all()
    user.editor.undo()
    assert (study.mask() == before[0]).all()
    assert (study.mask(spleen) == before[1]).all()
