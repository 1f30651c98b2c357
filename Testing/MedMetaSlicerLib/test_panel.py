"""The panel on a real scene; its widgets are stand-ins, since Qt is not there."""

from types import SimpleNamespace

import pytest

from medmeta.errors import Cancelled
from medmeta.progress import Progress


class Signals:
    """A widget: attributes, and slots by the name of the signal."""

    def __init__(self, **attributes):
        self.slots = {}
        self.__dict__.update(attributes)

    def connect(self, signal, slot):
        self.slots[signal] = slot

    def click(self):
        if self.enabled:
            self.slots["clicked()"]()


class Timer(Signals):
    def __init__(self):
        super().__init__(running=False)

    def start(self, milliseconds):
        self.running = True

    def stop(self):
        self.running = False


class Desk:
    """A panel with everything round it."""

    def __init__(self, engine, volumeNode, segmentationNode, others=()):
        from MedMetaSlicerLib.panel import Panel
        from MedMetaSlicerLib.process import Process

        self.errors = []
        self.agrees = True
        self.ui = SimpleNamespace(
            volumeSelector=SimpleNamespace(currentNode=lambda: volumeNode),
            segmentationSelector=SimpleNamespace(currentNode=lambda: segmentationNode),
            otherVolumesSelector=Signals(checkedNodes=lambda: list(others)),
            deviceSelector=SimpleNamespace(currentText="cpu"),
            seedSpinBox=SimpleNamespace(value=0.0),
            learnerSelector=SimpleNamespace(currentText="auto"),
            budgetSpinBox=SimpleNamespace(value=0),
            cleanUpCheckBox=SimpleNamespace(checked=True),
            progressBar=SimpleNamespace(value=0, maximum=1),
            statusLabel=SimpleNamespace(text=""),
            adaptButton=Signals(enabled=True),
            predictButton=Signals(enabled=True),
            cancelButton=Signals(enabled=True),
        )
        self.timer = Timer()
        self.panel = Panel(
            self.ui, Process(engine), self.timer, lambda text: text, lambda: self.agrees, self.errors.append
        )
        self.panel.update()

    def finish(self):
        assert self.timer.running
        assert self.panel.job.wait(30)
        self.timer.slots["timeout()"]()


@pytest.fixture
def ball(scene):
    from MedMetaSlicerLib.selftest import ballInAVolume

    return ballInAVolume()


def segmentations(scene):
    return scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode")


def otherVolume(volumeNode):
    import slicer

    node = slicer.util.addVolumeFromArray(slicer.util.arrayFromVolume(volumeNode).copy(), name="other")
    node.CopyOrientation(volumeNode)
    return node


def test_adapt_is_offered_once_a_volume_and_a_segmentation_are_chosen(ball, interpolation):
    volumeNode, segmentationNode, _ = ball
    assert Desk(interpolation, volumeNode, segmentationNode).ui.adaptButton.enabled
    empty = Desk(interpolation, volumeNode, None).ui
    assert not empty.adaptButton.enabled
    assert not empty.predictButton.enabled
    assert not empty.cancelButton.enabled


def test_adapt_brings_a_new_segmentation_and_says_so(scene, ball, interpolation):
    desk = Desk(interpolation, *ball[:2])
    desk.ui.adaptButton.click()
    assert desk.panel.busy
    assert not desk.ui.adaptButton.enabled
    assert desk.ui.cancelButton.enabled
    desk.finish()
    assert segmentations(scene) == 2
    assert "Done" in desk.ui.statusLabel.text
    assert not desk.timer.running
    assert desk.ui.adaptButton.enabled
    assert interpolation.forOtherVolumes == [False]
    assert desk.errors == []


def test_the_other_volumes_are_predicted_with_it(scene, ball, interpolation):
    volumeNode, segmentationNode, _ = ball
    desk = Desk(interpolation, volumeNode, segmentationNode, [volumeNode, otherVolume(volumeNode)])
    desk.ui.adaptButton.click()
    desk.finish()
    assert segmentations(scene) == 3
    assert interpolation.forOtherVolumes == [True]


def test_a_volume_that_does_not_look_like_the_annotated_one_is_named(scene, ball, interpolation):
    volumeNode, segmentationNode, _ = ball
    interpolation.inRange = False
    desk = Desk(interpolation, volumeNode, segmentationNode, [otherVolume(volumeNode)])
    desk.ui.adaptButton.click()
    desk.finish()
    assert desk.ui.statusLabel.text.endswith("Unlike the annotated volume, check: other.")
    assert segmentations(scene) == 3


def test_volumes_that_are_chosen_later_are_predicted_and_adapted_for_only_once(scene, ball, interpolation):
    others = []
    desk = Desk(interpolation, *ball[:2], others)
    desk.ui.adaptButton.click()
    desk.finish()
    assert not desk.ui.predictButton.enabled
    others.append(otherVolume(ball[0]))
    desk.ui.otherVolumesSelector.slots["checkedNodesChanged()"]()
    for count in (1, 2):
        desk.ui.predictButton.click()
        desk.finish()
        assert segmentations(scene) == 2 + count
    assert interpolation.forOtherVolumes == [False, True]


def test_a_cancelled_job_leaves_the_scene_as_it_was(scene, ball, interpolation):
    desk = Desk(interpolation, *ball[:2])

    def adapt(cases, *, progress, **_):
        desk.panel.cancel()
        progress(Progress("adapt", 1, 2))

    interpolation.adapt = adapt
    desk.ui.adaptButton.click()
    desk.finish()
    assert segmentations(scene) == 1
    assert "ancelled" in desk.ui.statusLabel.text
    assert desk.errors == []


def test_a_failure_is_shown_and_the_panel_can_be_used_again(scene, ball, interpolation):
    desk = Desk(interpolation, *ball[:2])
    works = interpolation.adapt

    def adapt(cases, **_):
        raise RuntimeError("out of memory")

    interpolation.adapt = adapt
    desk.ui.adaptButton.click()
    desk.finish()
    assert desk.errors == ["out of memory"]
    interpolation.adapt = works
    desk.ui.adaptButton.click()
    desk.finish()
    assert segmentations(scene) == 2


def test_an_empty_segmentation_is_refused_before_any_work(scene, ball, interpolation):
    empty = scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    desk = Desk(interpolation, ball[0], empty)
    desk.ui.adaptButton.click()
    assert not desk.panel.busy
    assert len(desk.errors) == 1


def test_nothing_starts_where_the_user_declines_the_packages(ball, interpolation):
    desk = Desk(interpolation, *ball[:2])
    desk.agrees = False
    desk.ui.adaptButton.click()
    assert not desk.panel.busy


def test_a_closed_scene_drops_the_job_and_its_result(scene, ball, interpolation):
    desk = Desk(interpolation, *ball[:2])
    desk.ui.adaptButton.click()
    job = desk.panel.job
    desk.panel.forget()
    assert job.wait(30)
    assert isinstance(job.error, Cancelled | None)
    assert not desk.panel.busy
    assert not desk.timer.running
    assert segmentations(scene) == 1
