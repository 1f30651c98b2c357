import numpy as np
import pytest
import slicer


@pytest.fixture
def cohort(adapted):
    """The panel with a result and two more volumes, one of which cannot be predicted."""
    values = slicer.util.arrayFromVolume(adapted.ball[0])
    for name, array in (("good", values.copy()), ("constant", np.zeros_like(values))):
        node = slicer.util.addVolumeFromArray(array, name=name)
        node.CopyOrientation(adapted.ball[0])
    adapted.expand("cohortCollapsibleButton")
    adapted.wait(lambda: adapted.ui.cohortTable.rowCount == 2)
    return adapted


def rows(panel):
    table = panel.ui.cohortTable
    return [[table.item(row, column).text() for column in range(4)] for row in range(table.rowCount)]


def run(panel):
    panel.click("startCohortButton")
    panel.wait(lambda: not panel.logic.bench.busy, 30)


def test_the_held_out_dice_is_shown_before_time_is_spent(cohort):
    assert "Ball 0.50" in cohort.ui.heldOutLabel.text


def test_one_volume_that_fails_is_told_in_its_row_and_the_other_is_done(cohort):
    run(cohort)
    assert [row[:2] for row in rows(cohort)] == [["good", "done"], ["constant", "failed"]]
    assert "constant" in cohort.ui.cohortTable.item(1, 0).toolTip()
    assert cohort.ui.startCohortButton.text == "Go on with the others"


def test_a_result_is_opened_accepted_and_rejected(cohort):
    run(cohort)
    cohort.ui.cohortTable.selectRow(0)
    cohort.settle()
    cohort.click("acceptCaseButton")
    assert rows(cohort)[0][1] == "accepted"
    cohort.click("rejectCaseButton")
    assert rows(cohort)[0][1] == "rejected"
    cohort.click("openCaseButton")
    assert cohort.desktop.errors == []


def layers(scene):
    """A slice view's layers, as the application makes them."""
    node = scene.AddNewNodeByClass("vtkMRMLSliceCompositeNode")
    node.SetLayoutName("Red")
    return node


def test_opening_a_case_hides_what_belongs_to_the_drawn_volume_and_a_drawn_slice_brings_it_back(cohort, scene):
    view = layers(scene)
    run(cohort)
    volumeNode, segmentationNode, _ = cohort.ball
    preview = cohort.logic.getParameterNode().preview
    cohort.ui.cohortTable.selectRow(0)
    cohort.settle()
    cohort.click("openCaseButton")
    result = scene.GetFirstNodeByName("good MedMeta")
    assert view.GetBackgroundVolumeID() == scene.GetFirstNodeByName("good").GetID()
    assert [bool(n.GetDisplayVisibility()) for n in (result, segmentationNode, preview)] == [True, False, False]
    cohort.clickCell("slicesTable", 1, 1)
    assert view.GetBackgroundVolumeID() == volumeNode.GetID()
    assert [bool(n.GetDisplayVisibility()) for n in (result, segmentationNode, preview)] == [False, True, True]


def test_a_row_without_a_result_cannot_be_opened(cohort):
    cohort.ui.cohortTable.selectRow(0)
    cohort.settle()
    assert not cohort.ui.openCaseButton.enabled


def test_what_is_done_is_there_again_when_the_scene_is_loaded(cohort, tmp_path):
    run(cohort)
    file = cohort.saveScene(tmp_path / "saved")
    cohort.closeScene()
    cohort.loadScene(file)
    cohort.wait(lambda: cohort.ui.cohortTable.rowCount == 2)
    assert sorted(row[:2] for row in rows(cohort)) == [["constant", "waiting"], ["good", "done"]]


def test_the_folder_on_disk_asks_for_its_paths(cohort, tmp_path):
    cohort.choose("sourceSelector", "folder on disk")
    assert cohort.ui.inputPath.visible
    assert not cohort.ui.startCohortButton.enabled


def browse(panel, name):
    """Presses the button with three dots."""
    from PySide6.QtWidgets import QToolButton

    panel.find(name).findChild(QToolButton).click()
    panel.settle()


def test_folders_are_asked_for_as_folders_and_a_list_as_a_file(cohort, tmp_path):
    cohort.choose("sourceSelector", "folder on disk")
    assert [cohort.ui.inputPath.currentPath, cohort.ui.outputPath.currentPath] == ["", ""]
    cohort.desktop.answers.extend([str(tmp_path / "in"), str(tmp_path / "out")])
    browse(cohort, "inputPath")
    browse(cohort, "outputPath")
    assert [kind for kind, _, _ in cohort.desktop.shown] == ["getExistingDirectory"] * 2
    parameters = cohort.logic.getParameterNode()
    assert (parameters.cohortInput, parameters.cohortOutput) == (tmp_path / "in", tmp_path / "out")
    cohort.desktop.answers.append(str(tmp_path / "list.csv"))
    cohort.click("inputListButton")
    assert cohort.ui.inputPath.currentPath == str(tmp_path / "list.csv")
    assert cohort.logic.getParameterNode().cohortInput == tmp_path / "list.csv"


def test_paths_are_those_of_the_scene_and_are_not_changed_while_they_are_typed(cohort, tmp_path):
    cohort.choose("sourceSelector", "folder on disk")
    cohort.ui.outputPath.currentPath = f"{tmp_path}/"
    cohort.settle()
    assert cohort.ui.outputPath.currentPath == f"{tmp_path}/"
    file = cohort.saveScene(tmp_path / "saved")
    cohort.closeScene()
    assert cohort.ui.outputPath.currentPath == ""
    cohort.loadScene(file)
    assert cohort.ui.outputPath.currentPath == str(tmp_path)
