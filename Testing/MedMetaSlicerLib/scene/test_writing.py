import numpy as np
import pytest

from medmeta.errors import AnnotationError

DRAWN = 6
"""The slice that is drawn."""


def test_the_answer_is_written_into_the_segments_that_it_belongs_to(desk):
    accepted = desk.accept(editor=False)
    assert (desk.mask(desk.liver) == desk.wanted(1)).all()
    assert (desk.mask(desk.tumour) == desk.wanted(2)).all()
    assert sorted(accepted.written) == ["Liver", "Tumour"]
    assert (accepted.added, accepted.locked, accepted.protected, accepted.outside) == ([], [], {}, {})


def test_every_mode_is_one_step_to_undo_and_gives_back_exactly_what_was_there(desk, modes):
    before = desk.state()
    for mode in ("all", "visible", "none"):
        desk.editor.SetOverwriteMode(getattr(modes, mode))
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


def test_only_the_chosen_segments_are_written(desk):
    before = desk.mask(desk.liver)
    desk.accept(chosen=[desk.tumour])
    assert (desk.mask(desk.liver) == before).all()
    assert (desk.mask(desk.tumour) == desk.wanted(2)).all()


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


def test_a_segment_keeps_its_name_colour_and_surface(desk, modes):
    segment = desk.node.GetSegmentation().GetSegment(desk.liver)
    segment.SetName("Hepar")
    segment.SetColor(0.1, 0.2, 0.3)
    desk.node.CreateClosedSurfaceRepresentation()
    before = segment.GetRepresentation("Closed surface").GetNumberOfPoints()
    desk.accept(editor=False)
    segment = desk.node.GetSegmentation().GetSegment(desk.liver)
    assert (segment.GetName(), segment.GetColor()) == ("Hepar", pytest.approx((0.1, 0.2, 0.3)))
    assert segment.GetRepresentation("Closed surface").GetNumberOfPoints() > before
    assert modes.status.GetSegmentStatus(segment) == modes.status.InProgress


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


def test_a_segmentation_on_a_finer_grid_keeps_its_grid(build, desk):
    fine = build.volume((14, 60, 80), spacing=(0.5, 0.5, 2.5), name="Fine")
    fine.SetOrigin(-0.25, -0.25, 0.0)  # two by two of its pixels are one of the volume's
    node, (liver,) = build.segmentation(fine, "Liver", name="Finer")
    drawn = np.zeros((14, 60, 80), dtype=bool)
    drawn[DRAWN, 21:39, 31:51] = True
    build.draw(node, liver, fine, drawn)
    segment = node.GetSegmentation().GetSegment(liver)
    desk.preview.node.SetNodeReferenceID("MedMetaSlicer.Source", node.GetID())
    desk.preview.node.GetSegmentation().GetSegment(desk.liver).SetTag("MedMetaSlicer.Segment", liver)
    desk.writing.acceptInto(desk.preview.node, node, desk.volumeNode, chosen=[desk.liver])
    assert segment.GetRepresentation("Binary labelmap").GetSpacing() == pytest.approx((0.5, 0.5, 2.5))
    expected = np.repeat(np.repeat(desk.wanted(1), 2, axis=1), 2, axis=2)
    expected[DRAWN] = drawn[DRAWN]
    assert (build.mask(node, liver, fine) == expected).all()


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
