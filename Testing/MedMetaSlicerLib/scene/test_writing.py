from types import SimpleNamespace

import numpy as np
import pytest

from medmeta.annotations import Segment
from medmeta.errors import AnnotationError

SHAPE = (14, 30, 40)
DRAWN = 6
"""The slice that is drawn."""


@pytest.fixture
def writing(scene):
    from MedMetaSlicerLib.scene import writing

    return writing


class Desk:
    """A drawing with a neighbour beside it, the answer for it, and the Segment Editor's settings."""

    def __init__(self, build, scene, writing, shared=False):
        from MedMetaSlicerLib.scene.preview import Preview
        from MedMetaSlicerLib.scene.slices import caseFromScene

        self.build, self.writing = build, writing
        self.volumeNode = build.volume(SHAPE)
        self.node, (self.liver, self.tumour, self.bone) = build.segmentation(self.volumeNode, "Liver", "Tumour", "Bone")
        drawn = np.zeros(SHAPE, dtype=bool)
        drawn[DRAWN, 8:22, 10:30] = True
        self.boneMask = np.zeros(SHAPE, dtype=bool)
        self.boneMask[3:11, 18:26, 24:36] = True  # reaches into what the answer gives to the liver
        self.boneMask[DRAWN] = False
        build.draw(self.node, self.liver, self.volumeNode, drawn)
        build.draw(self.node, self.bone, self.volumeNode, self.boneMask)
        if shared:
            self.node.GetSegmentation().CollapseBinaryLabelmaps(True)
            assert self.node.GetSegmentation().GetNumberOfLayers() == 1
        case = caseFromScene(self.volumeNode, self.node, segmentIds=[self.liver])
        self.labels = np.zeros(SHAPE, np.uint8)
        self.labels[3:11, 7:23, 9:31] = 1
        self.labels[5:8, 12:16, 14:18] = 2
        self.labels[DRAWN] = drawn[DRAWN]
        segments = (Segment(1, "Liver", (0.9, 0.3, 0.2)), Segment(2, "Tumour", (0.2, 0.8, 0.3)))
        self.preview = Preview()
        labels = self.labels.transpose(2, 1, 0)
        self.preview.show(labels, segments, self.volumeNode, self.node.GetID(), case.annotation)
        self.editor = scene.AddNewNodeByClass("vtkMRMLSegmentEditorNode")
        self.editor.SetAndObserveSegmentationNode(self.node)
        self.editor.SetAndObserveSourceVolumeNode(self.volumeNode)
        self.history = writing.History(self.node)
        self.saved = 0

    def saveState(self):
        self.saved += 1
        self.history.saveState()

    def accept(self, editor=True, **options):
        options.setdefault("saveState", self.saveState)
        editorNode = self.editor if editor else None
        return self.writing.acceptInto(self.preview.node, self.node, self.volumeNode, editorNode, **options)

    def mask(self, segmentId):
        return self.build.mask(self.node, segmentId, self.volumeNode)

    def state(self):
        """All that is in the segmentation, and what it looks like."""
        segmentation = self.node.GetSegmentation()
        ids = [segmentation.GetNthSegmentID(n) for n in range(segmentation.GetNumberOfSegments())]
        found = {}
        for segmentId in ids:
            segment = segmentation.GetSegment(segmentId)
            status = self.writing.slicer.vtkSlicerSegmentationsModuleLogic.GetSegmentStatus(segment)
            found[segmentId] = (segment.GetName(), segment.GetColor(), status, self.mask(segmentId).tobytes())
        return ids, found

    def wanted(self, value):
        return self.labels == value


@pytest.fixture(params=[False, True], ids=["own layers", "shared layer"])
def desk(request, build, scene, writing):
    return Desk(build, scene, writing, request.param)


def modes():
    import slicer

    return SimpleNamespace(
        all=slicer.vtkMRMLSegmentEditorNode.OverwriteAllSegments,
        visible=slicer.vtkMRMLSegmentEditorNode.OverwriteVisibleSegments,
        none=slicer.vtkMRMLSegmentEditorNode.OverwriteNone,
        area=slicer.vtkMRMLSegmentationNode,
        status=slicer.vtkSlicerSegmentationsModuleLogic,
    )


def test_the_answer_is_written_into_the_segments_that_it_belongs_to(desk):
    accepted = desk.accept(editor=False)
    assert (desk.mask(desk.liver) == desk.wanted(1)).all()
    assert (desk.mask(desk.tumour) == desk.wanted(2)).all()
    assert sorted(accepted.written) == ["Liver", "Tumour"]
    assert (accepted.added, accepted.locked, accepted.protected, accepted.outside) == ([], [], {}, {})


def test_without_an_editor_no_other_segment_loses_a_voxel(desk):
    desk.accept(editor=False)
    assert (desk.mask(desk.bone) == desk.boneMask).all()
    assert (desk.mask(desk.liver) & desk.boneMask).any()  # both have it


def test_where_overlap_is_allowed_no_other_segment_loses_a_voxel(desk):
    desk.editor.SetOverwriteMode(modes().none)
    desk.accept()
    assert (desk.mask(desk.bone) == desk.boneMask).all()
    assert (desk.mask(desk.liver) == desk.wanted(1)).all()


def test_where_all_segments_are_overwritten_the_answer_has_the_voxels(desk):
    desk.editor.SetOverwriteMode(modes().all)
    desk.accept()
    assert (desk.mask(desk.liver) == desk.wanted(1)).all()
    assert (desk.mask(desk.bone) == desk.boneMask & (desk.labels == 0)).all()


@pytest.mark.parametrize("visible", [True, False])
def test_where_visible_segments_are_overwritten_hidden_ones_are_not(desk, visible):
    desk.editor.SetOverwriteMode(modes().visible)
    desk.node.GetDisplayNode().SetSegmentVisibility(desk.bone, visible)
    desk.accept()
    expected = desk.boneMask & (desk.labels == 0) if visible else desk.boneMask
    assert (desk.mask(desk.bone) == expected).all()
    assert (desk.mask(desk.liver) == desk.wanted(1)).all()


@pytest.mark.parametrize("mode", ["all", "visible", "none"])
def test_a_completed_segment_keeps_every_voxel_in_every_mode(desk, mode):
    desk.editor.SetOverwriteMode(getattr(modes(), mode))
    modes().status.SetSegmentStatus(desk.node.GetSegmentation().GetSegment(desk.bone), modes().status.Completed)
    accepted = desk.accept()
    assert (desk.mask(desk.bone) == desk.boneMask).all()
    assert (desk.mask(desk.liver) == desk.wanted(1) & ~desk.boneMask).all()
    assert accepted.protected == {"Liver": int((desk.wanted(1) & desk.boneMask).sum())}


def test_a_completed_segment_is_not_written_into_and_the_user_is_told(desk):
    before = desk.mask(desk.liver)
    modes().status.SetSegmentStatus(desk.node.GetSegmentation().GetSegment(desk.liver), modes().status.Completed)
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
def test_nothing_changes_outside_of_the_editable_area(desk, area, closed):
    desk.editor.SetMaskMode(getattr(modes().area, area))
    desk.editor.SetMaskSegmentID(desk.bone)
    desk.editor.SetOverwriteMode(modes().none)
    before = desk.mask(desk.liver)
    accepted = desk.accept()
    mask = desk.boneMask if closed == "bone" else ~desk.boneMask
    assert (desk.mask(desk.liver) == np.where(mask, before, desk.wanted(1))).all()
    assert (desk.mask(desk.bone) == desk.boneMask).all()
    assert accepted.outside["Liver"] == int((mask & (before != desk.wanted(1)) & ~drawnSlice()).sum())


@pytest.mark.parametrize("area", ["EditAllowedInsideAllSegments", "EditAllowedInsideVisibleSegments"])
def test_the_editable_area_may_be_the_inside_of_segments(desk, area):
    desk.editor.SetMaskMode(getattr(modes().area, area))
    desk.editor.SetOverwriteMode(modes().none)
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


def test_nothing_changes_outside_of_the_editable_intensity_range(desk):
    import slicer

    image = slicer.util.arrayFromVolume(desk.volumeNode)
    image[:, :, 20:] = 300
    slicer.util.arrayFromVolumeModified(desk.volumeNode)
    desk.editor.SetSourceVolumeIntensityMask(True)
    desk.editor.SetSourceVolumeIntensityMaskRange(250, 1000)
    desk.editor.SetOverwriteMode(modes().none)
    before = desk.mask(desk.liver)
    desk.accept()
    bright = image >= 250
    assert (desk.mask(desk.liver) == np.where(bright, desk.wanted(1), before)).all()


def test_every_mode_is_one_step_to_undo_and_gives_back_exactly_what_was_there(desk):
    before = desk.state()
    for mode in ("all", "visible", "none"):
        desk.editor.SetOverwriteMode(getattr(modes(), mode))
        saved = desk.saved
        desk.accept()
        assert desk.saved == saved + 1
        after = desk.state()
        assert after != before
        assert desk.history.undo()
        assert desk.state() == before
        assert desk.history.redo()
        assert desk.state() == after
        assert desk.history.undo()


def test_nothing_to_change_is_nothing_to_undo(desk):
    desk.accept(editor=False)
    assert desk.saved == 1
    accepted = desk.accept(editor=False)
    assert desk.saved == 1
    assert accepted.written == []


def test_the_drawn_slice_stays_as_drawn(desk):
    drawn = desk.mask(desk.liver)[DRAWN]
    wrong = desk.labels.copy()
    wrong[DRAWN] = 2  # an answer that does not keep to its word
    show(desk, wrong)
    accepted = desk.accept()
    assert (desk.mask(desk.liver)[DRAWN] == drawn).all()
    assert not desk.mask(desk.tumour)[DRAWN].any()
    assert accepted.drawn == (DRAWN,)


def show(desk, labels):
    """Another answer for the same drawing."""
    from MedMetaSlicerLib.scene.preview import DRAWN as ATTRIBUTE

    node = desk.preview.node
    kept = node.GetAttribute(ATTRIBUTE)
    segments = (Segment(1, "Liver", (0.9, 0.3, 0.2)), Segment(2, "Tumour", (0.2, 0.8, 0.3)))
    desk.preview.show(labels.transpose(2, 1, 0), segments, desk.volumeNode, desk.node.GetID())
    node.SetAttribute(ATTRIBUTE, kept)


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


def test_only_the_chosen_segments_are_written(desk):
    before = desk.mask(desk.liver)
    desk.accept(chosen=[desk.tumour])
    assert (desk.mask(desk.liver) == before).all()
    assert (desk.mask(desk.tumour) == desk.wanted(2)).all()


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


def test_what_a_segment_loses_to_the_next_does_not_count_as_drawn(desk):
    from MedMetaSlicerLib.scene.slices import annotatedSlices

    desk.accept(editor=False)
    larger = desk.labels.copy()
    larger[:, 9:16][larger[:, 9:16] == 1] = 2
    larger[DRAWN] = desk.labels[DRAWN]
    show(desk, larger)
    desk.editor.SetOverwriteMode(modes().all)
    desk.accept(chosen=[desk.tumour])
    assert not (desk.mask(desk.liver) & desk.mask(desk.tumour)).any()
    assert desk.mask(desk.liver)[9].any()
    rows = annotatedSlices(desk.node, desk.volumeNode, segmentIds=[desk.liver, desk.tumour])
    assert [row.position for row in rows] == [DRAWN]


def test_segments_share_a_layer_as_long_as_they_do_not_overlap(build, scene, writing):
    desk = Desk(build, scene, writing, shared=True)
    segmentation = desk.node.GetSegmentation()
    desk.editor.SetOverwriteMode(modes().all)
    desk.accept()
    assert segmentation.GetNumberOfLayers() == 1
    desk.history.undo()
    desk.accept(editor=False)
    assert segmentation.GetNumberOfLayers() == 2


def test_a_segment_that_is_not_there_is_added_and_can_be_undone(desk):
    segmentation = desk.node.GetSegmentation()
    segmentation.RemoveSegment(desk.tumour)
    desk.history = desk.writing.History(desk.node)
    before = desk.state()
    accepted = desk.accept(editor=False)
    assert accepted.added == ["Tumour"]
    segmentId = segmentation.GetSegmentIdBySegmentName("Tumour")
    assert (desk.mask(segmentId) == desk.wanted(2)).all()
    assert segmentation.GetSegment(segmentId).GetColor() == pytest.approx((0.2, 0.8, 0.3))
    assert (desk.mask(desk.bone) == desk.boneMask).all()
    desk.history.undo()
    assert desk.state() == before


def test_into_another_segmentation_segments_are_found_by_name(build, desk):
    other, (bone, liver) = build.segmentation(desk.volumeNode, "Bone", "Liver", name="Other")
    desk.writing.acceptInto(desk.preview.node, other, desk.volumeNode)
    assert (build.mask(other, liver, desk.volumeNode) == desk.wanted(1)).all()
    assert not build.mask(other, bone, desk.volumeNode).any()


def test_a_segment_keeps_its_name_colour_and_surface(desk):
    segment = desk.node.GetSegmentation().GetSegment(desk.liver)
    segment.SetName("Hepar")
    segment.SetColor(0.1, 0.2, 0.3)
    desk.node.CreateClosedSurfaceRepresentation()
    before = segment.GetRepresentation("Closed surface").GetNumberOfPoints()
    desk.accept(editor=False)
    segment = desk.node.GetSegmentation().GetSegment(desk.liver)
    assert (segment.GetName(), segment.GetColor()) == ("Hepar", pytest.approx((0.1, 0.2, 0.3)))
    assert segment.GetRepresentation("Closed surface").GetNumberOfPoints() > before
    assert modes().status.GetSegmentStatus(segment) == modes().status.InProgress


def test_transforms_of_volume_and_segmentation_are_respected(build, desk):
    build.transform(build.rotated(25, axis=2, shift=(12, 3, -7)), desk.volumeNode, desk.node, desk.preview.node)
    desk.accept(editor=False)
    assert (desk.mask(desk.liver) == desk.wanted(1)).all()
    assert (desk.mask(desk.bone) == desk.boneMask).all()


def test_a_segmentation_that_is_moved_against_the_volume_gets_the_answer_where_it_lies(build, desk):
    build.transform(build.rotated(0, shift=(3, -2, 0)), desk.node)
    drawn = desk.mask(desk.liver)[DRAWN]
    desk.accept(editor=False)
    expected = desk.wanted(1).copy()
    expected[DRAWN] = drawn
    assert (desk.mask(desk.liver) == expected).all()


def test_a_segmentation_of_surfaces_is_refused_and_left_alone(desk):
    desk.node.CreateClosedSurfaceRepresentation()
    desk.node.GetSegmentation().SetSourceRepresentationName("Closed surface")
    with pytest.raises(AnnotationError, match="Drawing is stored as surfaces"):
        desk.accept()
    assert desk.saved == 0


def test_accepting_as_new_leaves_the_drawing_and_the_preview_alone(scene, desk):
    before = desk.state()
    node = desk.writing.acceptAsNew(desk.preview.node, desk.volumeNode, "CT MedMeta")
    assert desk.state() == before
    assert desk.preview.node.GetSegmentation().GetNumberOfSegments() == 2
    assert (desk.build.mask(node, desk.liver, desk.volumeNode) == desk.wanted(1)).all()
    from MedMetaSlicerLib.scene.preview import isPreview, sourceOf

    assert not isPreview(node)
    assert sourceOf(node, desk.liver) is None
    assert node.GetDisplayNode().GetVisibility2DFill()
    desk.preview.remove()
    assert (desk.build.mask(node, desk.tumour, desk.volumeNode) == desk.wanted(2)).all()


def test_the_history_says_when_there_is_nothing_to_undo(desk):
    assert not desk.history.undo()
    assert not desk.history.redo()
