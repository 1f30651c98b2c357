import numpy as np
import slicer
from fake_worker import CRASH, SLOW


def cells(table, column):
    return [table.item(row, column).text() for row in range(table.rowCount)]


def segmentations(scene):
    return scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode")


def mask(node, volumeNode):
    segmentId = node.GetSegmentation().GetNthSegmentID(0)
    return slicer.util.arrayFromSegmentBinaryLabelmap(node, segmentId, volumeNode) > 0


def paint(ready, array):
    volumeNode, segmentationNode, _ = ready.ball
    segmentId = segmentationNode.GetSegmentation().GetNthSegmentID(0)
    slicer.util.updateSegmentBinaryLabelmapFromArray(array.astype(np.uint8), segmentationNode, segmentId, volumeNode)


def test_an_empty_scene_says_what_to_do_and_offers_nothing(panel):
    assert panel.ui.statusLabel.text == "Load a volume and choose it above."
    for name in ("adaptButton", "cancelButton", "acceptNewButton", "undoButton", "startCohortButton"):
        assert not getattr(panel.ui, name).enabled, name


def test_drawn_slices_appear_by_themselves(ready):
    assert cells(ready.ui.slicesTable, 1) == ["4", "7", "10"]
    assert cells(ready.ui.slicesTable, 2) == ["axial"] * 3
    assert cells(ready.ui.slicesTable, 3) == ["Ball"] * 3
    drawn = mask(ready.ball[1], ready.ball[0])
    drawn[12] = drawn[10]
    paint(ready, drawn)
    ready.wait(lambda: ready.ui.slicesTable.rowCount == 4)


def test_a_slice_is_left_out_by_its_check_box(ready):
    import qt

    ready.ui.slicesTable.item(1, 0).setCheckState(qt.Qt.Unchecked)
    ready.settle()
    assert ready.logic.bench.drawing.case().annotation.slices == (4, 10)
    assert "2 of 3 slices count" in ready.ui.slicesLabel.text


def test_adapt_shows_a_preview_and_what_to_expect(adapted, scene):
    assert segmentations(scene) == 2
    assert "Done" in adapted.ui.statusLabel.text
    assert cells(adapted.ui.qualityTable, 0) == ["Ball"]
    assert adapted.ui.acceptNewButton.enabled
    assert not adapted.ui.progressBar.visible


def test_progress_is_shown_while_it_computes_and_the_panel_can_be_used(ready):
    ready.expand("advancedCollapsibleButton")
    ready.enter("seedSpinBox", SLOW)
    ready.click("adaptButton")
    ready.wait(lambda: ready.ui.progressBar.visible and ready.ui.progressBar.value > 0, 20)
    assert ready.ui.cancelButton.enabled
    assert not ready.ui.adaptButton.enabled
    assert ready.ui.timeLabel.text
    ready.click("cleanUpCheckBox")
    assert not ready.logic.getParameterNode().cleanUp


def test_cancel_leaves_the_scene_as_it_was_and_adapt_works_again(ready, scene):
    ready.expand("advancedCollapsibleButton")
    ready.enter("seedSpinBox", SLOW)
    ready.click("adaptButton")
    ready.wait(lambda: segmentations(scene) == 2, 20)
    ready.click("cancelButton")
    ready.wait(lambda: not ready.logic.bench.busy, 1.5)
    assert segmentations(scene) == 1
    assert "Cancelled" in ready.ui.statusLabel.text
    ready.enter("seedSpinBox", 0)
    ready.click("adaptButton")
    ready.wait(lambda: ready.logic.bench.result.shown, 20)
    assert ready.desktop.errors == []


def test_a_worker_that_dies_is_told_in_a_dialog_and_nothing_is_lost(ready, scene):
    drawn = mask(ready.ball[1], ready.ball[0])
    ready.expand("advancedCollapsibleButton")
    ready.enter("seedSpinBox", CRASH)
    ready.click("adaptButton")
    ready.wait(lambda: ready.desktop.errors, 20)
    assert "Nothing that was drawn is lost" in ready.desktop.errors[0]
    assert np.array_equal(mask(ready.ball[1], ready.ball[0]), drawn)


def test_before_and_after_by_a_check_box_and_outline_by_default(adapted):
    display = adapted.logic.getParameterNode().preview.GetDisplayNode()
    assert (display.GetVisibility(), display.GetVisibility2DFill(), display.GetVisibility2DOutline()) == (1, 0, 1)
    adapted.click("previewCheckBox")
    assert not display.GetVisibility()
    adapted.click("previewCheckBox")
    adapted.click("fillCheckBox")
    assert (display.GetVisibility(), display.GetVisibility2DFill()) == (1, 1)
    adapted.enter("opacitySlider", 0.5)
    assert display.GetOpacity2DOutline() == 0.5


def test_accept_into_the_drawing_and_take_back(adapted):
    volumeNode, segmentationNode, _ = adapted.ball
    drawn = mask(segmentationNode, volumeNode)
    adapted.click("acceptIntoButton")
    assert mask(segmentationNode, volumeNode).sum() > drawn.sum()
    adapted.click("undoButton")
    assert np.array_equal(mask(segmentationNode, volumeNode), drawn)
    assert not adapted.ui.undoButton.enabled


def test_accept_as_new_and_take_back(adapted, scene):
    adapted.click("acceptNewButton")
    assert segmentations(scene) == 3
    adapted.click("undoButton")
    assert segmentations(scene) == 2


def test_correct_and_adapt_again(adapted):
    adapted.click("acceptIntoButton")
    volumeNode, segmentationNode, _ = adapted.ball
    mended = mask(segmentationNode, volumeNode)
    mended[1] = False
    mended[1, 20:25, 20:25] = True
    paint(adapted, mended)
    adapted.wait(lambda: cells(adapted.ui.slicesTable, 1) == ["1", "4", "7", "10"])
    assert adapted.ui.adaptButton.text == "Adapt again"
    adapted.click("adaptButton")
    adapted.wait(lambda: not adapted.logic.bench.busy, 20)
    assert adapted.desktop.errors == []
    preview = mask(adapted.logic.getParameterNode().preview, volumeNode)
    assert np.array_equal(preview[0], mended[1])


def test_the_next_slice_to_draw_is_offered(adapted):
    adapted.wait(lambda: adapted.ui.nextSliceButton.enabled, 10)
    assert adapted.ui.nextSliceButton.text.startswith("Next slice to draw: ")
    adapted.click("nextSliceButton")


def test_the_preview_is_saved_with_the_scene_and_can_be_accepted_after_it_is_loaded(adapted, scene, tmp_path):
    before = mask(adapted.logic.getParameterNode().preview, adapted.ball[0])
    file = adapted.saveScene(tmp_path / "saved")
    adapted.closeScene()
    assert not adapted.ui.acceptNewButton.enabled
    adapted.loadScene(file)
    adapted.wait(lambda: adapted.ui.acceptNewButton.enabled)
    assert cells(adapted.ui.qualityTable, 0) == ["Ball"]
    adapted.click("acceptNewButton")
    node = scene.GetFirstNodeByName("Ball MedMeta")
    assert np.array_equal(mask(node, scene.GetFirstNodeByName("Ball")), before)


def test_closing_the_scene_while_it_computes_is_safe(ready, scene):
    ready.expand("advancedCollapsibleButton")
    ready.enter("seedSpinBox", SLOW)
    ready.click("adaptButton")
    ready.wait(lambda: segmentations(scene) == 2, 20)
    ready.closeScene()
    ready.wait(lambda: not ready.logic.bench.busy, 2)
    assert segmentations(scene) == 0
    assert ready.desktop.errors == []


def test_deleting_the_nodes_while_it_computes_is_safe(ready, scene):
    ready.click("adaptButton")
    scene.RemoveNode(ready.ball[0])
    scene.RemoveNode(ready.ball[1])
    ready.wait(lambda: not ready.logic.bench.busy, 20)
    assert segmentations(scene) == 0
    assert "deleted" in ready.ui.statusLabel.text


def test_another_module_can_be_chosen_while_it_computes(ready, scene):
    ready.click("adaptButton")
    ready.leave()
    ready.wait(lambda: not ready.logic.bench.busy, 20)
    ready.open()
    assert ready.logic.bench.result.shown
    assert ready.ui.acceptNewButton.enabled


def test_reloading_the_module_keeps_what_is_chosen_and_the_result(adapted):
    adapted.reload()
    adapted.wait(lambda: adapted.ui.acceptNewButton.enabled)
    assert adapted.ui.volumeSelector.currentNode() is adapted.ball[0]
    assert cells(adapted.ui.slicesTable, 1) == ["4", "7", "10"]


def test_a_key_adapts(ready):
    ready.pressInMainWindow("Ctrl+Alt+A")
    ready.wait(lambda: ready.logic.bench.result.shown, 20)


def test_marks_of_one_patient_are_none_of_the_next_and_come_back_with_the_scene(ready, scene, tmp_path):
    from MedMetaSlicerLib.selftest import ballInAVolume

    ready.tickCell("slicesTable", 1, 0, on=False)
    file = ready.saveScene(tmp_path / "saved")
    volumeNode, segmentationNode, _ = ballInAVolume()
    volumeNode.SetName("Next")
    segmentationNode.SetName("Next drawing")
    ready.choose("volumeSelector", volumeNode)
    ready.choose("segmentationSelector", segmentationNode)
    ready.wait(lambda: "3 of 3 slices count" in ready.ui.slicesLabel.text)
    ready.closeScene()
    ready.loadScene(file)
    ready.wait(lambda: "2 of 3 slices count" in ready.ui.slicesLabel.text)


def test_a_stroke_after_accepting_is_not_what_take_back_takes_back(adapted):
    adapted.click("acceptIntoButton")
    adapted.ui.segmentEditorWidget.saveStateForUndo()
    mended = mask(adapted.ball[1], adapted.ball[0])
    mended[2] = False
    paint(adapted, mended)
    adapted.wait(lambda: not adapted.ui.undoButton.enabled)
    adapted.logic.bench.result.undo()
    assert np.array_equal(mask(adapted.ball[1], adapted.ball[0]), mended)


def test_the_next_patient_has_no_result_yet_and_the_last_ones_stays(adapted, scene):
    from MedMetaSlicerLib.selftest import ballInAVolume

    adapted.wait(lambda: adapted.ui.nextSliceButton.enabled, 10)
    first = adapted.logic.getParameterNode().preview
    volumeNode, segmentationNode, _ = ballInAVolume()
    volumeNode.SetName("Next")
    segmentationNode.SetName("Next drawing")
    adapted.choose("volumeSelector", volumeNode)
    adapted.choose("segmentationSelector", segmentationNode)
    for name in ("acceptIntoButton", "acceptNewButton", "discardButton", "nextSliceButton"):
        assert not getattr(adapted.ui, name).enabled, name
    assert adapted.ui.adaptButton.text == "Adapt"
    drawn = mask(adapted.ball[1], adapted.ball[0])
    adapted.click("adaptButton")
    adapted.wait(lambda: not adapted.logic.bench.busy, 30)
    adapted.click("acceptIntoButton")
    assert mask(segmentationNode, volumeNode)[5].any()
    assert np.array_equal(mask(adapted.ball[1], adapted.ball[0]), drawn)
    adapted.click("discardButton")
    assert scene.IsNodePresent(first)
    adapted.choose("volumeSelector", adapted.ball[0])
    adapted.choose("segmentationSelector", adapted.ball[1])
    assert adapted.logic.bench.result.preview.node is first


def test_a_scene_that_is_added_to_an_open_panel_is_shown(ready, scene, tmp_path):
    ready.click("adaptButton")
    ready.wait(lambda: not ready.logic.bench.busy, 30)
    file = ready.saveScene(tmp_path / "saved")
    ready.closeScene()
    assert ready.ui.volumeSelector.currentNode() is None
    ready.addScene(file)
    assert ready.ui.volumeSelector.currentNode().GetName() == "Ball"
    assert ready.ui.segmentEditorWidget.segmentationNode().GetName() == "Drawing"
    ready.wait(lambda: cells(ready.ui.slicesTable, 1) == ["4", "7", "10"])
    assert ready.ui.acceptIntoButton.enabled


def test_a_segmentation_brings_its_volume_and_one_that_is_chosen_afterwards_holds(ready, scene):
    from MedMetaSlicerLib.selftest import ballInAVolume

    volumeNode, segmentationNode, _ = ballInAVolume()
    volumeNode.SetName("Next")
    segmentationNode.SetName("Next drawing")
    ready.choose("segmentationSelector", segmentationNode)
    assert ready.logic.getParameterNode().volume is volumeNode
    assert ready.ui.volumeSelector.currentNode() is volumeNode
    assert ready.ui.segmentEditorWidget.sourceVolumeNode() is volumeNode
    ready.choose("volumeSelector", ready.ball[0])
    assert ready.logic.getParameterNode().volume is ready.ball[0]
    ready.leave()
    ready.open()
    assert ready.logic.getParameterNode().volume is ready.ball[0]


def test_there_is_a_segmentation_to_draw_in_once_there_is_a_volume(panel, scene):
    assert segmentations(scene) == 0
    panel.leave()
    slicer.util.addVolumeFromArray(np.zeros((4, 5, 6), np.float32), name="CT")
    panel.open()
    assert segmentations(scene) == 1
    assert panel.ui.segmentEditorWidget.segmentationNode() is panel.logic.getParameterNode().segmentation
    assert panel.ui.segmentEditorWidget.sourceVolumeNode().GetName() == "CT"
    assert "Add a segment" in panel.ui.statusLabel.text
    panel.leave()
    panel.open()
    assert segmentations(scene) == 1
