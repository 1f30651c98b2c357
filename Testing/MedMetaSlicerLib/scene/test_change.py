import numpy as np
import pytest

SHAPE = (14, 30, 40)
DRAWN = 6
"""The slice that is drawn."""


def test_without_an_editor_no_other_segment_loses_a_voxel(desk):
    desk.accept(editor=False)
    assert (desk.mask(desk.bone) == desk.boneMask).all()
    assert (desk.mask(desk.liver) & desk.boneMask).any()  # both have it


def test_where_overlap_is_allowed_no_other_segment_loses_a_voxel(desk, modes):
    desk.editor.SetOverwriteMode(modes.none)
    desk.accept()
    assert (desk.mask(desk.bone) == desk.boneMask).all()
    assert (desk.mask(desk.liver) == desk.wanted(1)).all()


def test_where_all_segments_are_overwritten_the_answer_has_the_voxels(desk, modes):
    desk.editor.SetOverwriteMode(modes.all)
    desk.accept()
    assert (desk.mask(desk.liver) == desk.wanted(1)).all()
    assert (desk.mask(desk.bone) == desk.boneMask & (desk.labels == 0)).all()


@pytest.mark.parametrize("visible", [True, False])
def test_where_visible_segments_are_overwritten_hidden_ones_are_not(desk, visible, modes):
    desk.editor.SetOverwriteMode(modes.visible)
    desk.node.GetDisplayNode().SetSegmentVisibility(desk.bone, visible)
    desk.accept()
    expected = desk.boneMask & (desk.labels == 0) if visible else desk.boneMask
    assert (desk.mask(desk.bone) == expected).all()
    assert (desk.mask(desk.liver) == desk.wanted(1)).all()


@pytest.mark.parametrize("mode", ["all", "visible", "none"])
def test_a_completed_segment_keeps_every_voxel_in_every_mode(desk, mode, modes):
    desk.editor.SetOverwriteMode(getattr(modes, mode))
    modes.status.SetSegmentStatus(desk.node.GetSegmentation().GetSegment(desk.bone), modes.status.Completed)
    accepted = desk.accept()
    assert (desk.mask(desk.bone) == desk.boneMask).all()
    assert (desk.mask(desk.liver) == desk.wanted(1) & ~desk.boneMask).all()
    assert accepted.protected == {"Liver": int((desk.wanted(1) & desk.boneMask).sum())}


def test_a_completed_segment_is_not_written_into_and_the_user_is_told(desk, modes):
    before = desk.mask(desk.liver)
    modes.status.SetSegmentStatus(desk.node.GetSegmentation().GetSegment(desk.liver), modes.status.Completed)
    accepted = desk.accept()
    assert (desk.mask(desk.liver) == before).all()
    assert (desk.mask(desk.tumour) == desk.wanted(2)).all()
    assert (accepted.locked, accepted.written) == (["Liver"], ["Tumour"])


@pytest.mark.parametrize(
    ("area", "closed"),
    [
        ("EditAllowedOutsideAllSegments", "bone"),
        ("EditAllowedOutsideVisibleSegments", "bone"),
        ("EditAllowedInsideSingleSegment", "not bone"),
    ],
)
def test_nothing_changes_outside_of_the_editable_area(desk, area, closed, modes):
    desk.editor.SetMaskMode(getattr(modes.area, area))
    desk.editor.SetMaskSegmentID(desk.bone)
    desk.editor.SetOverwriteMode(modes.none)
    before = desk.mask(desk.liver)
    accepted = desk.accept()
    mask = desk.boneMask if closed == "bone" else ~desk.boneMask
    assert (desk.mask(desk.liver) == np.where(mask, before, desk.wanted(1))).all()
    assert (desk.mask(desk.bone) == desk.boneMask).all()
    assert accepted.outside["Liver"] == int((mask & (before != desk.wanted(1)) & ~drawnSlice()).sum())


@pytest.mark.parametrize("area", ["EditAllowedInsideAllSegments", "EditAllowedInsideVisibleSegments"])
def test_the_editable_area_may_be_the_inside_of_segments(desk, area, modes):
    desk.editor.SetMaskMode(getattr(modes.area, area))
    desk.editor.SetOverwriteMode(modes.none)
    before = desk.mask(desk.liver)
    inside = desk.boneMask | before
    if "Visible" in area:
        desk.node.GetDisplayNode().SetSegmentVisibility(desk.bone, False)
        inside = before
    desk.accept()
    assert (desk.mask(desk.liver) == np.where(inside, desk.wanted(1), before)).all()


def drawnSlice():
    mask = np.zeros(SHAPE, dtype=bool)
    mask[DRAWN] = True
    return mask


def test_nothing_changes_outside_of_the_editable_intensity_range(desk, modes):
    import slicer

    image = slicer.util.arrayFromVolume(desk.volumeNode)
    image[:, :, 20:] = 300
    slicer.util.arrayFromVolumeModified(desk.volumeNode)
    desk.editor.SetSourceVolumeIntensityMask(True)
    desk.editor.SetSourceVolumeIntensityMaskRange(250, 1000)
    desk.editor.SetOverwriteMode(modes.none)
    before = desk.mask(desk.liver)
    desk.accept()
    bright = image >= 250
    assert (desk.mask(desk.liver) == np.where(bright, desk.wanted(1), before)).all()


def test_segments_share_a_layer_as_long_as_they_do_not_overlap(makeDesk, modes):
    desk = makeDesk(shared=True)
    segmentation = desk.node.GetSegmentation()
    desk.editor.SetOverwriteMode(modes.all)
    desk.accept()
    assert segmentation.GetNumberOfLayers() == 1
    desk.history.undo()
    desk.accept(editor=False)
    assert segmentation.GetNumberOfLayers() == 2


def test_the_drawn_slice_stays_as_drawn(desk):
    drawn = desk.mask(desk.liver)[DRAWN]
    wrong = desk.labels.copy()
    wrong[DRAWN] = 2  # an answer that does not keep to its word
    desk.show(wrong)
    accepted = desk.accept()
    assert (desk.mask(desk.liver)[DRAWN] == drawn).all()
    assert not desk.mask(desk.tumour)[DRAWN].any()
    assert accepted.drawn == (DRAWN,)


def test_a_slice_that_was_drawn_while_the_engine_computed_stays_as_drawn(desk):
    mask = desk.mask(desk.liver)
    mask[9, 2:5, 2:5] = True
    desk.build.draw(desk.node, desk.liver, desk.volumeNode, mask)
    accepted = desk.accept(editor=False)
    assert (desk.mask(desk.liver)[9] == mask[9]).all()
    assert accepted.drawn == (DRAWN, 9)


def test_a_slice_that_was_left_out_gets_the_result(desk):
    mask = desk.mask(desk.liver)
    mask[9, 2:5, 2:5] = True
    desk.build.draw(desk.node, desk.liver, desk.volumeNode, mask)
    desk.accept(editor=False, leftOut=(9,))
    assert (desk.mask(desk.liver)[9] == desk.wanted(1)[9]).all()


def test_what_a_segment_loses_to_the_next_does_not_count_as_drawn(desk, modes):
    from MedMetaSlicerLib.scene.slices import annotatedSlices

    desk.accept(editor=False)
    larger = desk.labels.copy()
    larger[:, 9:16][larger[:, 9:16] == 1] = 2
    larger[DRAWN] = desk.labels[DRAWN]
    desk.show(larger)
    desk.editor.SetOverwriteMode(modes.all)
    desk.accept(chosen=[desk.tumour])
    assert not (desk.mask(desk.liver) & desk.mask(desk.tumour)).any()
    assert desk.mask(desk.liver)[9].any()
    rows = annotatedSlices(desk.node, desk.volumeNode, segmentIds=[desk.liver, desk.tumour])
    assert [row.position for row in rows] == [DRAWN]


def test_after_accepting_the_drawing_alone_counts_as_drawn_and_a_correction_too(desk):
    from MedMetaSlicerLib.scene.slices import annotatedSlices, caseFromScene

    def positions():
        return [row.position for row in annotatedSlices(desk.node, desk.volumeNode, segmentIds=[desk.liver])]

    desk.accept(editor=False)
    assert positions() == [DRAWN]
    mask = desk.mask(desk.liver)
    mask[9, 8, 9:12] = False
    desk.build.draw(desk.node, desk.liver, desk.volumeNode, mask)
    assert positions() == [DRAWN, 9]
    case = caseFromScene(desk.volumeNode, desk.node, segmentIds=[desk.liver])
    assert case.annotation.slices == (DRAWN, 9)
    assert (mask[9] == case.annotation.labels[:, :, 9].T).all()
    desk.history.undo()
    assert positions() == [DRAWN]
