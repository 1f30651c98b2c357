"""qMRMLSegmentEditorWidget: nodes, segments and undo are Slicer's own."""

import numpy as np
import pytest

slicer = pytest.importorskip("slicer", reason="needs the optional dependency 'scene'")


@pytest.fixture
def editor(slicerPython, scene):
    widget = slicer.qMRMLSegmentEditorWidget()
    widget.setMRMLScene(scene)
    widget.setMRMLSegmentEditorNode(scene.AddNewNodeByClass("vtkMRMLSegmentEditorNode"))
    return widget


def drawn(segmentation, volume):
    segmentID = segmentation.GetSegmentation().GetNthSegmentID(0)
    return slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, segmentID, volume)


def test_a_segmentation_brings_its_volume_and_its_first_segment(editor, ball):
    volume, segmentation, _ = ball
    seen = []
    editor.connect("segmentationNodeChanged(vtkMRMLSegmentationNode*)", seen.append)
    editor.connect("sourceVolumeNodeChanged(vtkMRMLVolumeNode*)", seen.append)
    editor.connect("currentSegmentIDChanged(QString)", seen.append)
    editor.setSegmentationNode(segmentation)
    assert editor.segmentationNode() is segmentation
    assert editor.sourceVolumeNode() is volume
    first = segmentation.GetSegmentation().GetNthSegmentID(0)
    assert editor.currentSegmentID() == first
    assert seen == [segmentation, volume, first]


def test_the_editor_node_says_what_is_shown(editor, ball):
    volume, segmentation, _ = ball
    node = editor.mrmlSegmentEditorNode()
    node.SetAndObserveSegmentationNode(segmentation)
    assert editor.segmentationNode() is segmentation
    editor.setSegmentationNode(None)
    assert node.GetSegmentationNode() is None
    assert volume is not None


def test_one_saved_state_is_one_step_back(editor, ball):
    volume, segmentation, _ = ball
    editor.setSegmentationNode(segmentation)
    before = drawn(segmentation, volume).copy()
    editor.saveStateForUndo()
    segmentID = segmentation.GetSegmentation().GetNthSegmentID(0)
    slicer.util.updateSegmentBinaryLabelmapFromArray(np.ones_like(before), segmentation, segmentID, volume)
    assert drawn(segmentation, volume).all()
    editor.undo()
    assert (drawn(segmentation, volume) == before).all()
    editor.redo()
    assert drawn(segmentation, volume).all()


def test_a_segment_that_is_added_is_seen(editor, ball):
    import qt

    _, segmentation, _ = ball
    editor.setSegmentationNode(segmentation)
    segmentation.GetSegmentation().AddEmptySegment("", "Second", [0, 0, 1])
    (table,) = editor.findChildren(qt.QTableWidget)
    assert [table.item(row, 1).text() for row in range(table.rowCount)] == ["Ball", "Second"]


def test_effects_are_chosen_by_name(editor, ball):
    editor.setSegmentationNode(ball[1])
    assert "Paint" in editor.availableEffectNames()
    editor.setActiveEffectByName("Paint")
    assert editor.mrmlSegmentEditorNode().GetActiveEffectName() == "Paint"
    editor.setActiveEffectByName("no such effect")
    assert not editor.mrmlSegmentEditorNode().GetActiveEffectName()


def test_parts_are_hidden_by_properties(editor):
    editor.segmentationNodeSelectorVisible = False
    assert not editor.segmentationNodeSelectorVisible
    assert editor.maskingSectionVisible


def test_closing_the_scene_under_it_is_safe(editor, ball, scene):
    editor.setSegmentationNode(ball[1])
    scene.Clear(0)
    assert editor.segmentationNode() is None


def test_a_deleted_editor_is_not_called_any_more(editor, ball):
    node = editor.mrmlSegmentEditorNode()
    editor.setSegmentationNode(ball[1])
    editor.delete()
    node.SetOverwriteMode(1)
    ball[1].GetSegmentation().AddEmptySegment("", "Second", [0, 0, 1])
