import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

for folder in (Path(__file__).parent, Path(__file__).parents[1]):
    sys.path.insert(0, str(folder))


@pytest.fixture
def workerCommand():
    """What the effect computes with: a worker whose answer is known."""
    from filling_worker import FILLING

    return FILLING


@pytest.fixture
def Editor(slicerPython, application, monkeypatch, tmp_path, workerCommand):
    """Makes Segment Editors of a Slicer in which the effect is registered; (tag) -> editor_with_effects.Editor."""
    import slicer
    from editor_with_effects import Editor

    from slicer_stand_ins.python_qt import faults
    from slicer_stand_ins.widgets.segment_editor_effect import qSlicerSegmentEditorEffectFactory

    monkeypatch.setattr(qSlicerSegmentEditorEffectFactory, "_only", None)
    monkeypatch.delitem(sys.modules, "SegmentEditorMedMeta", raising=False)

    import qt
    from slicer.i18n import tr

    from medmeta.worker.client import WorkerClient
    from MedMetaSlicerLib.effect import registration
    from MedMetaSlicerLib.flow.bench import Bench
    from MedMetaSlicerLib.work.session import Session
    from MedMetaSlicerLib.work.tasks import TaskLibrary

    errors = []

    def makeBench():
        session = Session(lambda: WorkerClient(command=workerCommand, parent=tmp_path), qt.QTimer())
        installer = SimpleNamespace(ensure=lambda *_: True, missing=lambda: [])
        return Bench(session, TaskLibrary(tmp_path / "tasks"), None, tr, installer, errors.append)

    registration.register(makeBench)
    made = []

    def make(tag="SegmentEditor"):
        made.append(Editor(slicer.mrmlScene, application.app_logic, tag))
        return made[-1]

    make.errors = errors
    with faults.watched():
        yield make
        for editor in made:
            editor.close()
        registration.closeAll()


@pytest.fixture
def errors(Editor):
    """Messages that the user got in a dialog."""
    return Editor.errors


def box(*slices, corner=8, shape=(14, 30, 40)):
    """(K, J, I) boolean: a square on some axial slices."""
    mask = np.zeros(shape, bool)
    mask[list(slices), corner:-8, corner:-8] = True
    return mask


@pytest.fixture(name="box")
def box_fixture():
    return box


@pytest.fixture
def study(scene):
    """A volume, a segmentation with one segment that is drawn on three of fourteen slices, and means to draw more."""
    import slicer

    from MedMetaSlicerLib.scene.grids import gridOfVolume, maskOnGrid

    def volume(name="CT", shape=(14, 30, 40)):
        node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
        node.SetSpacing(1.0, 1.0, 2.5)
        node.CreateDefaultDisplayNodes()
        noise = np.random.default_rng(0).normal(100, 10, shape).astype(np.float32)
        slicer.util.updateVolumeFromArray(node, noise)
        return node

    def segmentation(volumeNode, *names):
        node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Drawing")
        node.CreateDefaultDisplayNodes()
        node.SetReferenceImageGeometryParameterFromVolumeNode(volumeNode)
        return node, [node.GetSegmentation().AddEmptySegment("", name) for name in names]

    def draw(segmentationNode, segmentId, volumeNode, mask):
        slicer.util.updateSegmentBinaryLabelmapFromArray(mask.astype(np.uint8), segmentationNode, segmentId, volumeNode)

    def mask(segmentationNode, segmentId, volumeNode):
        return maskOnGrid(segmentationNode, segmentId, gridOfVolume(volumeNode, volumeNode), volumeNode)

    found = SimpleNamespace(makeVolume=volume, makeSegmentation=segmentation, drawInto=draw, maskOf=mask)
    found.volume = volume()
    found.segmentation, (found.segment,) = segmentation(found.volume, "liver")
    found.draw = lambda mask, segment=None: draw(found.segmentation, segment or found.segment, found.volume, mask)
    found.mask = lambda segment=None: mask(found.segmentation, segment or found.segment, found.volume)
    found.draw(box(3, 6, 10))
    return found


class User:
    """Works with the effect in an editor as a user does: by its buttons.

    :param editor: editor_with_effects.Editor
    """

    def __init__(self, editor):
        self.editor = editor
        self.effect = next(effect for effect in editor.effects if effect.name == "MedMeta")

    @property
    def options(self):
        return self.effect.self().options

    @property
    def work(self):
        return self.effect.self().work

    @property
    def status(self):
        return self.options.statusLabel.text

    def choose(self, segmentationNode, volumeNode):
        self.editor.edit(segmentationNode, volumeNode)
        self.open()

    def open(self):
        """Presses the effect's button in the editor."""
        self.editor.choose("MedMeta")

    def paint(self):
        """Presses another effect's button."""
        self.editor.choose("Paint")

    def press(self, name):
        button = getattr(self.options, name)
        assert button.enabled, f"{name} is disabled: {self.status}"
        button.click()

    def can(self, name):
        return getattr(self.options, name).enabled

    def wait(self, until, seconds=20):
        from PySide6.QtWidgets import QApplication

        end = time.monotonic() + seconds
        while not until():
            assert time.monotonic() < end, f"not in {seconds} s; status: {self.status}"
            QApplication.processEvents()
            time.sleep(0.005)

    def initialize(self):
        """Presses Initialize or Update, and waits for its end."""
        self.press("initializeButton")
        self.wait(lambda: not self.work.bench.busy)


@pytest.fixture
def makeUser(Editor):
    return lambda *arguments: User(Editor(*arguments))


@pytest.fixture
def user(makeUser, study):
    """A user who has drawn three slices and opened the effect."""
    found = makeUser()
    found.choose(study.segmentation, study.volume)
    return found
