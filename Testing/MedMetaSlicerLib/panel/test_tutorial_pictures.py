"""The pictures of docs/tutorial.md: the panel and a slice view, with the real engine on the ICBM 152 brain.

`scripts/screenshots` runs it and writes them into Resources/Screenshots.
"""

import pytest
import slicer
from brain_pictures import BETWEEN, DRAWN, brain, folder, sideBySide, view  # noqa: F401

pytestmark = pytest.mark.slow


@pytest.fixture
def workplace(slicerPython, monkeypatch, tmp_path):
    """The real worker; saved tasks in a folder of the test's."""
    from MedMetaSlicerLib import application

    monkeypatch.setattr(application, "taskFolder", lambda: tmp_path / "tasks")
    return tmp_path


def test_from_five_drawn_slices_to_a_cohort(panel, brain, view, tmp_path):  # noqa: F811
    volumeNode, segmentationNode, truth = brain

    def shot(name, position, what="not drawn"):
        panel.screenshot(tmp_path / "panel.png", width=420)
        view(position, tmp_path / "view.png")
        caption, path = f"Axial slice {position}: {what}", folder(tmp_path) / f"tutorial_{name}.png"
        sideBySide(tmp_path / "view.png", tmp_path / "panel.png", caption, path)

    panel.choose("volumeSelector", volumeNode)
    panel.choose("segmentationSelector", segmentationNode)
    panel.wait(lambda: panel.ui.slicesTable.rowCount == len(DRAWN))
    shot("1_draw", DRAWN[1], "drawn")
    panel.click("drawCollapsibleButton")
    panel.click("adaptButton")
    panel.wait(lambda: panel.ui.progressBar.visible and panel.logic.bench.result.shown, 120)
    shot("2_adapting", BETWEEN)
    panel.wait(lambda: not panel.logic.bench.busy, 300)
    panel.click("slicesCollapsibleButton")
    shot("3_result", BETWEEN)
    node = panel.logic.getParameterNode().preview
    found = slicer.util.arrayFromSegmentBinaryLabelmap(node, node.GetSegmentation().GetNthSegmentID(1), volumeNode) > 0
    white = truth.transpose(2, 1, 0) == 2
    assert 2 * (found & white).sum() / (found.sum() + white.sum()) > 0.8
    panel.click("resultCollapsibleButton")
    panel.expand("cohortCollapsibleButton")
    panel.wait(lambda: panel.ui.cohortTable.rowCount == 1)
    panel.click("startCohortButton")
    panel.wait(lambda: not panel.logic.bench.busy, 600)
    assert panel.ui.cohortTable.item(0, 1).text() == "done"
    panel.ui.cohortTable.selectRow(0)
    panel.settle()
    panel.click("openCaseButton")
    panel.expand("tasksCollapsibleButton")
    shot("4_cohort", BETWEEN, "nothing drawn in this volume")
