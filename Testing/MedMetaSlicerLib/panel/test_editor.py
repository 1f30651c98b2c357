"""The Segment Editor within the panel behaves as that of Slicer's own module does."""

import sys
from pathlib import Path

import numpy as np
import pytest
import slicer

ANOTHER = Path(__file__).parents[2] / "slicer_stand_ins_tests/sample_module/SegmentEditorSample/SegmentEditorEffect.py"


@pytest.fixture
def native(panel):
    """The stand-in behind the panel's editor."""
    from slicer_stand_ins.python_qt.conversion import unwrapped

    return unwrapped(panel.ui.segmentEditorWidget)


def mask(ball):
    volumeNode, segmentationNode, _ = ball
    segmentId = segmentationNode.GetSegmentation().GetNthSegmentID(0)
    return slicer.util.arrayFromSegmentBinaryLabelmap(segmentationNode, segmentId, volumeNode) > 0


def test_once_the_module_is_left_a_click_in_a_view_draws_no_more(ready, native):
    editor = ready.ui.segmentEditorWidget
    editor.setActiveEffectByName("Paint")
    assert native._viewsObserved
    ready.leave()
    assert not editor.mrmlSegmentEditorNode().GetActiveEffectName()
    assert not native._viewsObserved
    ready.open()
    assert not editor.mrmlSegmentEditorNode().GetActiveEffectName()


def test_slicers_keys_choose_effects_and_undo_until_the_module_is_left(ready):
    editor = ready.ui.segmentEditorWidget
    ready.pressInMainWindow("2")
    assert editor.mrmlSegmentEditorNode().GetActiveEffectName() == "Paint"
    before = mask(ready.ball)
    editor.saveStateForUndo()
    segmentId = ready.ball[1].GetSegmentation().GetNthSegmentID(0)
    everywhere = np.ones(before.shape, np.uint8)
    slicer.util.updateSegmentBinaryLabelmapFromArray(everywhere, ready.ball[1], segmentId, ready.ball[0])
    ready.pressInMainWindow("Z")
    assert np.array_equal(mask(ready.ball), before)
    ready.leave()
    ready.pressInMainWindow("2")
    assert not editor.mrmlSegmentEditorNode().GetActiveEffectName()


def test_effects_are_in_slicers_order_and_those_that_come_later_follow(ready, native, monkeypatch):
    from qSlicerSegmentationsEditorEffectsPythonQt import qSlicerSegmentEditorScriptedEffect

    assert ready.ui.segmentEditorWidget.availableEffectNames()[0] != "Threshold"
    assert native.shownEffects()[:4] == ["Threshold", "Paint", "Draw", "Erase"]
    monkeypatch.delitem(sys.modules, "SegmentEditorSample", raising=False)
    registered = qSlicerSegmentEditorScriptedEffect(None)
    registered.setPythonSource(str(ANOTHER))
    registered.self().register()
    assert native.shownEffects()[-1] == "Sample"
    assert "MedMeta" in native.availableEffectNames()
    assert "MedMeta" not in native.shownEffects()


def test_a_volume_without_a_segmentation_is_no_error(panel, native, ball):
    errors = []
    native._logic.AddObserver("ErrorEvent", lambda *_: errors.append(1))
    panel.choose("volumeSelector", ball[0])
    panel.choose("segmentationSelector", ball[1])
    assert native.sourceVolumeNode() is ball[0]
    assert errors == []
