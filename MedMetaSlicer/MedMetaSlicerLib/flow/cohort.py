"""Other volumes, predicted by what was adapted last: those of the scene, of a folder of it, or of a folder on disk."""

import json
from pathlib import Path

import slicer

from medmeta.errors import CohortError, VolumeError
from MedMetaSlicerLib.scene.segmentations import addSegmentation
from MedMetaSlicerLib.scene.volumes import volumeFromNode
from MedMetaSlicerLib.work.cohort import FAILED, CohortItem, SceneCohort

CASE = "MedMetaSlicer.Case"
"""Attribute of a result's segmentation node: JSON with status, expected Dice and similarity; saved with the scene."""

VOLUME = "MedMetaSlicer.Volume"
"""Node reference of a result's segmentation node: the volume that it belongs to."""

TO_DO = ("waiting", "failed")
"""Statuses of cases that `start` predicts."""

DICOMDIR = "1.2.840.10008.1.3.10"
"""Class of the DICOM file that lists others."""

SCENE, FOLDER, DISK = SOURCES = ("all of the scene", "folder of the scene", "folder on disk")
"""Where the other volumes are."""


class Cohort:
    """The table of other volumes. What is known of a case lies in its result's node, or in the output folder.

    :param bench: MedMetaSlicerLib.flow.bench.Bench
    """

    def __init__(self, bench):
        self.bench = bench
        self.run = None
        self.items = []
        self._place = None  # task, input and output of the run on disk
        self._opened = {}  # case -> IDs of the nodes it was loaded into

    @property
    def running(self):
        """True while cases are predicted."""
        return self.run is not None and self.run.running

    @property
    def onDisk(self):
        """True where the cases are files."""
        p = self.bench.parameters
        return p is not None and p.cohortSource == DISK

    @property
    def possible(self):
        """True where there is something to predict by, and something to predict."""
        adapting = self.bench.adapting
        known = adapting.request is not None or adapting.ready is not None or self.bench.tasks.kept is not None
        there = self._pathsChosen() if self.onDisk else any(i.status in TO_DO for i in self.items)
        return known and there and not self.bench.busy

    def forget(self):
        """Drops a run and its cases."""
        if self.run is not None:
            self.run.cancel()
        self.run, self.items, self._place, self._opened = None, [], None, {}

    def refresh(self):
        """Looks again which volumes there are; not while they are predicted."""
        if self.running:
            return
        p = self.bench.parameters
        if p is None:
            self.items = []
        elif self.onDisk:
            self.items = self._folderRun().items if self._pathsChosen() and self.bench.tasks.kept else []
        else:
            failed = {item.key: item for item in self.items if item.status == FAILED}
            self.items = [self._item(node, failed.get(node.GetID())) for node in self._nodes()]

    def start(self):
        """Predicts those that wait, and those that failed before; adapts for other volumes first where that is due."""
        bench = self.bench
        if bench.busy or not bench.prepare():
            return
        start = bench.guarded(self._start)
        if bench.adapting.ready is None and bench.adapting.request is None:  # another day
            bench.tasks.use(bench.tasks.kept.name, lambda: start(bench.adapting.ready))
        else:
            bench.adapting.makeReady(start)

    def cancel(self):
        """Stops; what is done stays."""
        if self.running:
            self.run.cancel()

    def open(self, item):
        """Shows a case's volume and result in the views; a case on disk is loaded."""
        volumeNode, segmentationNode = self._loaded(item) if self.onDisk else self._nodesOf(item)
        if volumeNode is None:
            raise VolumeError(self.bench.tr("{name} was deleted.").format(name=item.name))
        self.bench.lookAt(volumeNode, segmentationNode)

    def judge(self, item, status):
        """Accepts or rejects a case; a rejected one's result is hidden, not deleted.

        :param status: "accepted" or "rejected"
        """
        if self.onDisk:
            (self.run.accept if status == "accepted" else self.run.reject)(item.key)
            return
        item.status = status
        node = self._nodesOf(item)[1]
        if node is not None:
            self._describe(node, item)
            node.SetDisplayVisibility(status == "accepted")

    def _start(self, task):
        bench, p = self.bench, self.bench.parameters
        options = {"device": p.device, "clean_up": p.cleanUp}
        if self.onDisk:
            if bench.tasks.kept is None:
                raise CohortError(bench.tr("The task could not be saved, and without it no folder can be worked on."))
            self._folderRun().start(**options)
        else:
            segments = task.segments
            self.run = SceneCohort(
                bench.session,
                lambda key: volumeFromNode(self._node(key)),
                lambda key, prediction: self._store(key, prediction, segments),
                self.items,
            )
            self.run.onChanged.append(self._changed)
            self.run.start(task.name, **options)
        bench.changed()

    def _changed(self):
        if self.onDisk:
            self.items = self.run.items
        if not self.running:
            problem = getattr(self.run, "problem", "")
            if problem:
                self.bench.fail(CohortError(problem))
                return
            count = {s: sum(i.status == s for i in self.items) for s in ("done", "failed", "waiting")}
            text = self.bench.tr("Other volumes: {done} done, {failed} failed, {waiting} waiting.")
            self.bench.status = text.format(**count)
        self.bench.changed()

    def _nodes(self):
        """Volumes of the scene, or of the chosen folder, but for the one that is drawn on."""
        scene = slicer.mrmlScene
        nodes = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
        nodes = [n for n in nodes if not n.IsA("vtkMRMLLabelMapVolumeNode") and n.GetImageData() is not None]
        p = self.bench.parameters
        if p.cohortSource == FOLDER:
            inside = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
            chosen = self.folders().get(p.cohortFolder)
            nodes = [
                n for n in nodes if chosen is not None and self._isBelow(inside, inside.GetItemByDataNode(n), chosen)
            ]
        drawnOn = p.volume if self.bench.drawing.complete else None
        return [n for n in nodes if n is not drawnOn]

    def folders(self):
        """Name -> item of the subject hierarchy's folders, patients and studies."""
        import vtk

        hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
        items = vtk.vtkIdList()
        hierarchy.GetItemChildren(hierarchy.GetSceneItemID(), items, True)
        every = [items.GetId(i) for i in range(items.GetNumberOfIds())]
        return {hierarchy.GetItemName(i): i for i in every if hierarchy.GetItemDataNode(i) is None}

    @staticmethod
    def _isBelow(hierarchy, item, folder):
        while item not in (0, hierarchy.GetSceneItemID()):
            if item == folder:
                return True
            item = hierarchy.GetItemParent(item)
        return False

    @staticmethod
    def _node(key):
        node = slicer.mrmlScene.GetNodeByID(key)
        if node is None:
            raise VolumeError("The volume was deleted.")
        return node

    def _item(self, volumeNode, failed):
        """A case as its result's node tells it, or what is known of its failure."""
        item = CohortItem(volumeNode.GetID(), volumeNode.GetName())
        result = self._resultOf(volumeNode)
        if result is not None:
            known = json.loads(result.GetAttribute(CASE))
            item.status, item.expected = known["status"], known["expected"]
            item.similarity = tuple(known["similarity"]) if known["similarity"] else None
            item.fraction, item.result = 1.0, result.GetID()
        elif failed is not None:  # which no node tells
            item.status, item.message = FAILED, failed.message
        return item

    @staticmethod
    def _resultOf(volumeNode):
        for node in slicer.util.getNodesByClass("vtkMRMLSegmentationNode"):
            if node.GetAttribute(CASE) and node.GetNodeReferenceID(VOLUME) == volumeNode.GetID():
                return node
        return None

    def _store(self, key, prediction, segments):
        """Adds a prediction to the scene; called when it is there, before the item is told of it."""
        volumeNode = self._node(key)
        name = slicer.mrmlScene.GenerateUniqueName(f"{volumeNode.GetName()} MedMeta")
        node = addSegmentation(prediction.labels.array, segments, volumeNode, name)
        node.SetNodeReferenceID(VOLUME, key)
        item = next(i for i in self.items if i.key == key)
        self._describe(node, item, "done", prediction)
        return node.GetID()

    @staticmethod
    def _describe(node, item, status=None, prediction=None):
        expected, similarity = item.expected, item.similarity
        if prediction is not None:
            known = [d for d in (prediction.expected.cases if prediction.expected else ()) if d is not None]
            expected = min(known) if known else None
            far = prediction.similarity
            similarity = (far.distance, far.threshold) if far is not None else None
        case = {"status": status or item.status, "expected": expected, "similarity": similarity}
        node.SetAttribute(CASE, json.dumps(case))

    def _nodesOf(self, item):
        volumeNode = slicer.mrmlScene.GetNodeByID(item.key)
        return volumeNode, slicer.mrmlScene.GetNodeByID(item.result) if item.result else None

    def _pathsChosen(self):
        p = self.bench.parameters
        return not {str(p.cohortInput), str(p.cohortOutput)} & {"", "."}

    def _folderRun(self):
        p = self.bench.parameters
        place = (self.bench.tasks.kept.path, Path(p.cohortInput), Path(p.cohortOutput))
        if self._place != place:
            self.run, self._place = self.bench.makeFolderCohort(*place), place
            self.run.onChanged.append(self._changed)
        return self.run

    def _fileOf(self, path):
        """What Slicer can load: in a folder with a DICOM series one of its files, which brings the others."""
        from medmeta.volumes.dicom_seg import STORAGE
        from medmeta.volumes.intact import dicom_class

        if not path.is_dir():
            return path
        for file in sorted(path.iterdir()):
            if file.is_file() and dicom_class(file) not in ("", STORAGE, DICOMDIR):
                return file
        raise VolumeError(self.bench.tr("{folder} holds no DICOM series any more.").format(folder=path))

    def _loaded(self, item):
        if not item.result:
            raise CohortError(self.bench.tr("{name} has no result yet.").format(name=item.name))
        if item.key not in self._opened:
            volumeNode = slicer.util.loadVolume(str(self._fileOf(Path(self.run.volume(item.key)))), {"name": item.name})
            segmentationNode = slicer.util.loadSegmentation(str(item.result))
            self._opened[item.key] = volumeNode.GetID(), segmentationNode.GetID()
        nodes = tuple(slicer.mrmlScene.GetNodeByID(nodeId) for nodeId in self._opened[item.key])
        if None in nodes:  # deleted since
            del self._opened[item.key]
            return self._loaded(item)
        return nodes
