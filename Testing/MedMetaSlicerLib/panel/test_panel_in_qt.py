"""The panel with its real .ui file in a real Qt, over a real scene."""

import pytest
import slicer


@pytest.fixture
def ball(scene):
    from MedMetaSlicerLib.selftest import ballInAVolume

    return ballInAVolume()


@pytest.fixture
def ready(desk, ball, interpolation):
    """A panel with a volume and a segmentation chosen, and an engine that is quick."""
    desk.logic.process.engine = interpolation
    desk.choose("volumeSelector", ball[0])
    desk.choose("segmentationSelector", ball[1])
    return desk


def segmentations(scene):
    return scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode")


def test_an_empty_scene_offers_nothing_to_adapt_to(desk):
    assert desk.ui.statusLabel.text.startswith("Draw")
    assert not desk.ui.adaptButton.enabled
    assert desk.ui.volumeSelector.currentNode() is None


def test_adapt_brings_a_new_segmentation(ready, scene):
    ready.click("adaptButton")
    ready.wait(lambda: segmentations(scene) == 2)
    assert "Done" in ready.ui.statusLabel.text
    assert ready.ui.adaptButton.enabled


def test_a_failure_is_told_in_a_dialog(ready, interpolation):
    def fail(*_, **__):
        raise RuntimeError("out of memory")

    interpolation.adapt = fail
    ready.click("adaptButton")
    ready.wait(lambda: ready.ui.adaptButton.enabled)
    assert ready.desktop.errors == ["out of memory"]


def test_other_volumes_are_ticked_and_predicted(ready, scene, ball):
    other = slicer.util.addVolumeFromArray(slicer.util.arrayFromVolume(ball[0]).copy(), name="other")
    other.CopyOrientation(ball[0])
    ready.tick("otherVolumesSelector", other)
    ready.click("adaptButton")
    ready.wait(lambda: segmentations(scene) == 3)


def test_what_is_chosen_is_saved_with_the_scene_and_comes_back(ready, scene, tmp_path):
    ready.expand("advancedCollapsibleButton")
    ready.choose("learnerSelector", "maml")
    ready.enter("seedSpinBox", 7)
    ready.click("cleanUpCheckBox")
    file = ready.saveScene(tmp_path)
    ready.closeScene()
    assert ready.ui.learnerSelector.currentText == "auto"
    assert ready.ui.volumeSelector.currentNode() is None
    ready.loadScene(file)
    assert ready.ui.learnerSelector.currentText == "maml"
    assert ready.ui.seedSpinBox.value == 7
    assert not ready.ui.cleanUpCheckBox.checked
    assert ready.ui.volumeSelector.currentNode().GetName() == "Ball"
    assert ready.ui.segmentationSelector.currentNode().GetName() == "Drawing"


def test_leaving_and_coming_back_keeps_what_is_chosen(ready, ball):
    ready.leave()
    ready.open()
    assert ready.ui.segmentationSelector.currentNode() is ball[1]
