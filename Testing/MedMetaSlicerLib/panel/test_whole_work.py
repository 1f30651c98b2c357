"""The work from its beginning to its end, as a user does it."""

import numpy as np
import slicer
from fake_worker import SLOW


def mask(node, volumeNode):
    segmentId = node.GetSegmentation().GetNthSegmentID(0)
    return slicer.util.arrayFromSegmentBinaryLabelmap(node, segmentId, volumeNode) > 0


def draw(segmentationNode, volumeNode, array):
    segmentId = segmentationNode.GetSegmentation().GetNthSegmentID(0)
    slicer.util.updateSegmentBinaryLabelmapFromArray(array.astype(np.uint8), segmentationNode, segmentId, volumeNode)


def test_choose_draw_adapt_cancel_adapt_accept_undo_cohort_save_and_load(panel, scene, ball, tmp_path):
    volumeNode, segmentationNode, truth = ball
    other = slicer.util.addVolumeFromArray(slicer.util.arrayFromVolume(volumeNode).copy(), name="Follow-up")
    other.CopyOrientation(volumeNode)
    draw(segmentationNode, volumeNode, np.zeros_like(truth))

    panel.choose("volumeSelector", volumeNode)
    panel.choose("segmentationSelector", segmentationNode)
    assert not panel.ui.adaptButton.enabled
    drawn = np.zeros_like(truth)
    for count, position in enumerate((4, 9), start=1):
        drawn[position] = truth[position]
        draw(segmentationNode, volumeNode, drawn)
        panel.wait(lambda count=count: panel.ui.slicesTable.rowCount == count)

    panel.expand("advancedCollapsibleButton")
    panel.enter("seedSpinBox", SLOW)
    panel.click("adaptButton")
    panel.wait(lambda: panel.logic.bench.result.shown, 20)
    panel.click("cancelButton")
    panel.wait(lambda: not panel.logic.bench.busy, 2)
    assert not panel.logic.bench.result.shown

    panel.enter("seedSpinBox", 0)
    panel.click("adaptButton")
    panel.wait(lambda: not panel.logic.bench.busy, 20)
    panel.click("acceptIntoButton")
    full = mask(segmentationNode, volumeNode)
    assert full.sum() > drawn.sum()
    panel.click("undoButton")
    assert np.array_equal(mask(segmentationNode, volumeNode), drawn)
    panel.click("acceptNewButton")

    panel.expand("cohortCollapsibleButton")
    panel.wait(lambda: panel.ui.cohortTable.rowCount == 1)
    panel.click("startCohortButton")
    panel.wait(lambda: not panel.logic.bench.busy, 30)
    assert panel.ui.cohortTable.item(0, 1).text() == "done"

    file = panel.saveScene(tmp_path / "saved")
    panel.closeScene()
    panel.loadScene(file)
    panel.wait(lambda: panel.ui.slicesTable.rowCount == 2 and panel.ui.cohortTable.rowCount == 1)
    assert panel.ui.cohortTable.item(0, 1).text() == "done"
    assert np.array_equal(mask(scene.GetFirstNodeByName("Ball MedMeta"), scene.GetFirstNodeByName("Ball")), full)
    assert panel.desktop.errors == []


def test_quitting_while_it_computes_ends_the_engine(ready):
    ready.expand("advancedCollapsibleButton")
    ready.enter("seedSpinBox", SLOW)
    ready.click("adaptButton")
    ready.wait(lambda: ready.logic.bench.result.shown, 20)
    process = ready.logic.bench.session._client.process
    ready.quit()
    ready.logic.close()
    assert not process.running
    assert ready.desktop.errors == []
