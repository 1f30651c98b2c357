"""qMRMLSegmentEditorWidget: nodes, segments and undo are Slicer's own."""

import sys
from pathlib import Path

import numpy as np
import pytest

slicer = pytest.importorskip("slicer", reason="needs the optional dependency 'scene'")

EFFECT = Path(__file__).parents[1] / "sample_module/SegmentEditorSample/SegmentEditorEffect.py"


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


@pytest.fixture
def effect(slicerPython, monkeypatch):
    """An effect in Python, registered as extensions do; what happens to its copies."""
    import qSlicerSegmentationsEditorEffectsPythonQt as effects

    monkeypatch.delitem(sys.modules, "SegmentEditorSample", raising=False)
    registered = effects.qSlicerSegmentEditorScriptedEffect(None)
    registered.setPythonSource(str(EFFECT))
    registered.self().register()
    yield sys.modules["SegmentEditorSample"].events
    del sys.modules["SegmentEditorSample"]


def test_a_registered_effect_is_among_the_others_and_shows_its_options(effect, editor, ball):
    import qt

    editor.setSegmentationNode(ball[1])
    assert "Sample" in editor.availableEffectNames()
    (button,) = [child for child in editor.findChildren(qt.QToolButton) if child.text == "Sample effect"]
    (go,) = [child for child in editor.findChildren(qt.QPushButton) if child.name == "goButton"]
    editor.show()
    assert not go.visible
    button.click()
    assert go.visible
    assert editor.activeEffect() is editor.effectByName("Sample")
    assert editor.mrmlSegmentEditorNode().GetActiveEffectName() == "Sample"
    assert editor.activeEffect().parameter("Size") == "3"
    assert effect == ["volume", "activate"]


def test_an_effect_saves_a_state_of_its_editor(effect, editor, ball):
    import qt

    editor.setSegmentationNode(ball[1])
    editor.setActiveEffectByName("Sample")
    (go,) = [child for child in editor.findChildren(qt.QPushButton) if child.name == "goButton"]
    (undo,) = [child for child in editor.findChildren(qt.QPushButton) if child.text == "Undo"]
    assert not undo.enabled
    before = drawn(ball[1], ball[0]).copy()
    go.click()
    segmentID = ball[1].GetSegmentation().GetNthSegmentID(0)
    slicer.util.updateSegmentBinaryLabelmapFromArray(np.ones_like(before), ball[1], segmentID, ball[0])
    assert undo.enabled
    undo.click()
    assert (drawn(ball[1], ball[0]) == before).all()


def test_an_effect_is_left_with_its_segmentation_and_cleaned_up_with_its_editor(effect, editor, ball):
    editor.setSegmentationNode(ball[1])
    editor.setActiveEffectByName("Sample")
    effect.clear()
    editor.setSegmentationNode(None)
    assert effect[0] == "deactivate"
    editor.delete()
    assert effect[-1] == "cleanup"


def test_an_effect_that_is_registered_later_appears_once_the_editor_is_told_to_look(editor, ball, request):
    request.getfixturevalue("effect")
    assert "Sample" not in editor.availableEffectNames()
    editor.updateEffectList()
    assert "Sample" in editor.availableEffectNames()
