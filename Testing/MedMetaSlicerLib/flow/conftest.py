import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "work"))

from event_loop import Loop
from filling_worker import FILLING

from medmeta.worker.client import WorkerClient


def parameters(volumeNode, segmentationNode):
    """What a parameter node holds."""
    from MedMetaSlicerLib.scene.marks import mark

    class Parameters(SimpleNamespace):
        leftOut, empty = mark("leftOut"), mark("empty")

    return Parameters(
        volume=volumeNode,
        segmentation=segmentationNode,
        preview=None,
        previewVisible=True,
        previewFilled=False,
        previewOpacity=1.0,
        cohortSource="all of the scene",
        cohortFolder="",
        cohortInput=Path(),
        cohortOutput=Path(),
        task="",
        learner="auto",
        device="auto",
        budget=0,
        seed=0,
        cleanUp=True,
    )


class Installer:
    """All is installed, unless it is said that it is not and that the user declines."""

    def __init__(self):
        self.agrees = True

    def ensure(self, device="auto"):
        return self.agrees

    def missing(self):
        return [] if self.agrees else ["torch"]


class Desk:
    """A bench in a scene with a ball that is drawn on three slices."""

    def __init__(self, folder):
        from MedMetaSlicerLib.flow.bench import Bench
        from MedMetaSlicerLib.scene.segmentations import segmentsOf
        from MedMetaSlicerLib.selftest import ballInAVolume
        from MedMetaSlicerLib.work.folder_cohort import FolderCohort
        from MedMetaSlicerLib.work.session import Session
        from MedMetaSlicerLib.work.tasks import TaskLibrary

        self.loop = Loop()
        self.errors = []
        self.installer = Installer()
        self.session = Session(lambda: WorkerClient(command=FILLING, parent=folder), self.loop.timer())
        self.bench = Bench(
            self.session,
            TaskLibrary(folder / "tasks"),
            lambda *place: FolderCohort(sys.executable, *place, self.loop.timer()),
            str,
            self.installer,
            self.errors.append,
        )
        self.volumeNode, self.segmentationNode, self.ball = ballInAVolume()
        self.segmentId = segmentsOf(self.segmentationNode)[0][0]
        self.undone = []
        self.bench.result.saveState = lambda: self.undone.append(self.mask().copy())
        self.bench.result.undoState = lambda: self.paint(self.undone.pop())
        self.p = parameters(self.volumeNode, self.segmentationNode)
        self.bench.attach(self.p)

    def finish(self, seconds=30):
        """Runs the event loop until nothing is computed any more."""
        self.loop.until(lambda: not self.bench.busy, seconds)

    def adapt(self):
        """Adapts to what is drawn."""
        self.bench.adapting.adapt()
        self.finish()

    def mask(self, node=None):
        """(K, J, I) boolean: what is drawn."""
        import slicer

        node = node or self.segmentationNode
        segmentId = node.GetSegmentation().GetNthSegmentID(0)
        return slicer.util.arrayFromSegmentBinaryLabelmap(node, segmentId, self.volumeNode) > 0

    def paint(self, mask):
        """Draws."""
        import slicer

        slicer.util.updateSegmentBinaryLabelmapFromArray(
            mask.astype("uint8"), self.segmentationNode, self.segmentId, self.volumeNode
        )


@pytest.fixture
def desk(scene, tmp_path):
    found = Desk(tmp_path)
    yield found
    found.bench.close()
