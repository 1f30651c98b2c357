"""The module's work for scripts, without a widget: read the scene, have the worker compute, write new nodes.

Each of the three can run alone: reading and writing on the main thread, computing anywhere.
"""

from contextlib import suppress
from dataclasses import dataclass

from medmeta.annotations import AnnotatedVolume
from medmeta.errors import MedMetaError
from MedMetaSlicerLib.scene.segmentations import addSegmentation, annotationFromSegmentation
from MedMetaSlicerLib.scene.volumes import addVolumeLike, volumeFromNode
from MedMetaSlicerLib.work.blocking import BlockingWorker
from MedMetaSlicerLib.work.interpreter import pythonExecutable
from MedMetaSlicerLib.work.shared import SharedClient


def makeClient():
    """A medmeta.worker.client.WorkerClient whose worker is run by Slicer's Python.

    :raises MedMetaError: there is none
    """
    import slicer

    from medmeta.worker.client import WorkerClient

    home = getattr(getattr(slicer, "app", None), "slicerHome", None)
    return WorkerClient(python=pythonExecutable(home))


CLIENT = SharedClient(makeClient)
"""Panel, effect and scripts have one worker: it loads its packages once, and takes a GPU's memory once."""

WORKER = BlockingWorker(CLIENT.lend)
"""For all scripts of this process: started when it is first needed, and warm from then on."""


@dataclass
class Request:
    """What to compute: plain arrays, no nodes.

    :param case: medmeta.annotations.AnnotatedVolume
    :param others: medmeta.volumes.Volume of each other volume
    :param device: "auto", "cpu" or "cuda"
    :param seed: whole number
    :param learner: "auto", "maml", "siamese" or "lstm"
    :param budget: seconds for adapting; None for no limit
    :param cleanUp: take stray parts away and fill holes
    """

    case: AnnotatedVolume
    others: tuple = ()
    device: str = "auto"
    seed: int = 0
    learner: str = "auto"
    budget: float | None = None
    cleanUp: bool = True


@dataclass
class Outcome:
    """What was computed: the adaptation, and a prediction for each other volume."""

    adaptation: object
    others: tuple = ()


class Process:
    """Adapts to a segmentation's drawn slices and predicts volumes; blocks until it is done.

    :param engine: has adapt(cases, ...), predict(task, volume, ...), forget(task); None for the worker that all share
    """

    def __init__(self, engine=None):
        self.engine = engine or WORKER

    def read(self, volumeNode, segmentationNode, otherVolumeNodes=(), slices=None, axis="auto", **options):
        """Takes all that is needed out of the scene. Main thread only; changes nothing.

        :param options: of Request: device, seed, learner, budget, cleanUp
        :raises MedMetaError: something is missing or cannot be used; the message says what to do
        """
        volume = volumeFromNode(volumeNode)
        annotation = annotationFromSegmentation(segmentationNode, volumeNode, slices=slices, axis=axis)
        others = tuple(volumeFromNode(node) for node in otherVolumeNodes)
        return Request(AnnotatedVolume(volume, annotation), others, **options)

    def compute(self, request, progress=None, checkpoint=None):
        """The work itself, in any thread: knows no node.

        :param progress: told medmeta.progress.Progress; may raise Cancelled, which stops the work within a second
        :param checkpoint: path or bundled name of weights to use alone
        :raises MedMetaError: as the engine; Cancelled where progress raised it
        """
        options = {
            "device": request.device,
            "progress": progress,
            "checkpoint": checkpoint,
            "cleanUp": request.cleanUp,
        }
        adaptation = self.engine.adapt(
            [request.case],
            forOtherVolumes=bool(request.others),
            seed=request.seed,
            learner=request.learner,
            budget=request.budget,
            **options,
        )
        return Outcome(adaptation, self.predictAll(adaptation.task, request.others, options))

    def predictAll(self, task, volumes, options):
        """Predicts volumes with an adapted task, in any thread."""
        return tuple(self.engine.predict(task, volume, **options) for volume in volumes)

    def write(self, request, outcome, volumeNode, otherVolumeNodes=(), confidence=False):
        """Puts the results into the scene as new nodes. Main thread only.

        :return: list of new vtkMRMLSegmentationNode, the annotated volume's first
        """
        nodes = [volumeNode, *otherVolumeNodes]
        predictions = [outcome.adaptation.predictions[0], *outcome.others]
        return self.add(nodes, predictions, request.case.annotation.segments, confidence)

    def add(self, volumeNodes, predictions, segments, confidence=False):
        """Adds a new segmentation node for each predicted volume. Main thread only.

        :return: list of new vtkMRMLSegmentationNode
        """
        added = []
        for node, prediction in zip(volumeNodes, predictions, strict=True):
            added.append(addSegmentation(prediction.labels.array, segments, node, f"{node.GetName()} MedMeta"))
            if confidence:
                addVolumeLike(node, prediction.confidence.array, f"{node.GetName()} MedMeta confidence")
        return added

    def __call__(
        self,
        volumeNode,
        segmentationNode,
        otherVolumeNodes=(),
        slices=None,
        axis="auto",
        confidence=False,
        progress=None,
        checkpoint=None,
        **options,
    ):
        """All of it, one after the other; for scripts.

        :param slices: numbers of the drawn slices, empty ones among them; None for those where something is drawn
        :param axis: of the volume's IJK that the slices lie across; "auto" to see which
        :param confidence: also add volumes of the probability of each voxel's label
        :param progress, checkpoint: see compute
        :param options: of Request: device, seed, learner, budget, cleanUp
        :return: list of new vtkMRMLSegmentationNode, the annotated volume's first
        """
        request = self.read(volumeNode, segmentationNode, otherVolumeNodes, slices, axis, **options)
        outcome = self.compute(request, progress, checkpoint)
        added = self.write(request, outcome, volumeNode, otherVolumeNodes, confidence)
        with suppress(MedMetaError):  # nothing is lost where the worker has died by now
            self.engine.forget(outcome.adaptation.task)
        return added
