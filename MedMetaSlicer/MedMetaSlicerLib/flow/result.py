"""The engine's answer: shown as an outline until the user accepts or discards it."""

import json

import slicer

from medmeta.errors import AnnotationError
from MedMetaSlicerLib.flow.words import keptBackText
from MedMetaSlicerLib.scene.preview import Preview
from MedMetaSlicerLib.scene.segmentations import contentOf, segmentsOf
from MedMetaSlicerLib.scene.views import SURFACE, showIn3D
from MedMetaSlicerLib.scene.writing import acceptAsNew, acceptInto

QUALITY = "MedMetaSlicer.Quality"
"""Attribute of the preview node: JSON, a list with an object for each segment, as SegmentQuality.row gives it."""

VOLUME = "MedMetaSlicer.Volume"
SEGMENTATION = "MedMetaSlicer.Segmentation"
"""Node references of the preview node: what it belongs to."""


def previewOf(segmentationId, volumeId):
    """The answer that was shown for a segmentation over a volume and is neither accepted nor discarded.

    :return: vtkMRMLSegmentationNode or None
    """
    for node in slicer.util.getNodesByClass("vtkMRMLSegmentationNode"):
        if (node.GetNodeReferenceID(SEGMENTATION), node.GetNodeReferenceID(VOLUME)) == (segmentationId, volumeId):
            return node
    return None


def caseOf(parameters):
    """IDs of the segmentation and the volume that are chosen; None where they are not."""
    if parameters is None or parameters.segmentation is None or parameters.volume is None:
        return None
    return parameters.segmentation.GetID(), parameters.volume.GetID()


class Result:
    """The preview of what is chosen, and what becomes of it. Its node is saved with the scene.

    Each segmentation has a preview of its own for each volume: one can leave it and come back to it.

    :param bench: MedMetaSlicerLib.flow.bench.Bench
    """

    def __init__(self, bench):
        self.bench = bench
        self.saveState = None
        self.undoState = None
        self.forget()

    def forget(self):
        """Nothing is shown."""
        self.preview = Preview()
        self._case = self._undo = self._applied = None

    def attach(self):
        """Takes up the preview of what is chosen now; that of what was chosen before is hidden, and stays."""
        p = self.bench.parameters
        if caseOf(p) != self._case:
            self._case, self._undo = caseOf(p), None  # with the segmentation the Segment Editor forgets its steps
        node, last = self._known(p), self.preview
        if node is not last.node:
            self.preview, self._applied = Preview(node), None
            if last.node is not None and last.node is not (p and p.segmentation):
                last.visible = False
        if p is not None and p.preview is not node:
            p.preview = node
        self.apply()

    def _known(self, p):
        """The preview node of what is chosen; one whose drawing was deleted can still be accepted as new."""
        known = previewOf(*self._case) if self._case is not None else None
        if known is None and p is not None and self._inScene(p.preview):
            orphan = p.preview.GetNodeReference(SEGMENTATION) is None
            known = p.preview if orphan and p.preview.GetNodeReference(VOLUME) is p.volume else None
        return known

    @property
    def shown(self):
        """True where there is an answer that was neither accepted nor discarded."""
        return self._inScene(self.preview.node)

    @property
    def volumeNode(self):
        """The volume that the answer belongs to, or None."""
        return self.preview.node.GetNodeReference(VOLUME) if self.shown else None

    @property
    def segmentationNode(self):
        """The segmentation that was drawn in, or None."""
        return self.preview.node.GetNodeReference(SEGMENTATION) if self.shown else None

    @property
    def quality(self):
        """What to expect of each segment: rows as of SegmentQuality."""
        text = self.preview.node.GetAttribute(QUALITY) if self.shown else None
        return json.loads(text) if text else []

    @property
    def segments(self):
        """(segment ID, name) of the answer's segments."""
        if not self.shown:
            return []
        return [(segmentId, segment.name) for segmentId, segment in segmentsOf(self.preview.node)]

    @property
    def canUndo(self):
        """True where something was accepted, and what it was written into is as it was then."""
        if self._undo is None:
            return False
        _, nodeId, content = self._undo
        node = slicer.mrmlScene.GetNodeByID(nodeId)
        return node is not None and contentOf(node) == content

    def show(self, request, labels, quality=()):
        """Shows an answer in place of the last one to the same request; the user may have turned to another meanwhile.

        :param request: MedMetaSlicerLib.flow.adapting.Request
        :param labels: medmeta.volumes.Volume
        :param quality: of medmeta.adaptation.results.SegmentQuality
        """
        volumeNode = request.volumeNode
        known = previewOf(request.segmentationId, request.volumeId)
        preview = Preview(known)
        segments, in3D = request.case.annotation.segments, _in3D(known)
        node = preview.show(labels.array, segments, volumeNode, request.segmentationId, request.case.annotation)
        node.SetNodeReferenceID(VOLUME, request.volumeId)
        node.SetNodeReferenceID(SEGMENTATION, request.segmentationId)
        node.SetAttribute(QUALITY, json.dumps([q.row() for q in quality]))
        if in3D:
            showIn3D(node)
        p = self.bench.parameters
        p.preview = node
        if caseOf(p) == (request.segmentationId, request.volumeId):
            p.previewVisible, self._applied = True, None
        else:
            preview.visible = False
        self.attach()
        self.bench.changed()

    def apply(self, again=False):
        """Brings the views in line with the parameter node, where that has changed.

        :param again: also where it has not: what was changed in another module, such as Data, counts no more
        """
        p = self.bench.parameters
        if not self.shown or p is None:
            return
        wanted = self.preview.node.GetID(), p.previewVisible, p.previewOpacity, p.previewFilled
        if wanted != self._applied or again:
            self._applied = wanted
            _, self.preview.visible, self.preview.opacity, self.preview.filled = wanted

    def discard(self, request=None):
        """Takes the answer away; what was drawn stays.

        :param request: MedMetaSlicerLib.flow.adapting.Request whose answer goes; None for that which is shown
        """
        p, node = self.bench.parameters, self.preview.node
        if request is not None:
            node = previewOf(request.segmentationId, request.volumeId)
        if self._inScene(node):
            if p is not None and p.preview is node:
                p.preview = None
            (self.preview if node is self.preview.node else Preview(node)).remove()
        self.bench.changed()

    def acceptAsNew(self):
        """The answer becomes a segmentation of its own.

        :return: the new vtkMRMLSegmentationNode
        """
        volumeNode = self._present(self.volumeNode, self.bench.tr("The volume of this result was deleted."))
        name = self.bench.tr("{volume} MedMeta").format(volume=volumeNode.GetName())
        node = acceptAsNew(self.preview.node, volumeNode, slicer.mrmlScene.GenerateUniqueName(name))
        nodeId = node.GetID()

        def undo():
            added = slicer.mrmlScene.GetNodeByID(nodeId)
            if added is not None:
                slicer.mrmlScene.RemoveNode(added)

        self._accepted(node, undo, self.bench.tr("Accepted as {name}.").format(name=node.GetName()))
        return node

    def acceptInto(self, chosen=None, editorNode=None):
        """Writes the answer into the segments that were drawn, as the Segment Editor's settings allow.

        :param chosen: IDs of the preview's segments; None for all
        :param editorNode: vtkMRMLSegmentEditorNode whose masking and overwriting hold
        :return: True where something was written
        """
        tr = self.bench.tr
        volumeNode = self._present(self.volumeNode, tr("The volume of this result was deleted."))
        target = self._present(self.segmentationNode, tr("The segmentation was deleted: accept as a new one."))
        p = self.bench.parameters
        accepted = acceptInto(
            self.preview.node,
            target,
            volumeNode,
            editorNode=editorNode,
            chosen=chosen,
            saveState=self.saveState,
            leftOut=p.leftOut if target is p.segmentation else (),
        )
        kept = keptBackText(accepted, tr)
        if not accepted.written and not accepted.added:
            self.bench.say(f"{tr('Nothing was written.')} {kept}".strip())
            return False
        text = tr("Written into {name}.").format(name=target.GetName())
        self._accepted(target, self.undoState, f"{text} {kept}".strip())
        return True

    def undo(self):
        """Takes the last acceptance back; the answer is shown again.

        Not once something else was changed there: the Segment Editor would take back that.
        """
        possible, accepted, self._undo = self.canUndo, self._undo, None
        if possible:
            accepted[0]()
            self.bench.drawing.refresh()
            self.bench.parameters.previewVisible = True
            self.apply()
            self.bench.say(self.bench.tr("Taken back."))
        elif accepted is not None:
            self.bench.say(self.bench.tr("It was changed since: use Undo of the Segment Editor."))

    @property
    def in3D(self):
        """True where the answer is shown as a surface."""
        return self.shown and _in3D(self.preview.node)

    def show3D(self, on):
        """Shows the answer, or what was accepted of it, as a surface."""
        if self.shown:
            showIn3D(self.preview.node, on)

    def _accepted(self, node, undo, text):
        self._undo = (undo, node.GetID(), contentOf(node)) if undo is not None else None
        self.bench.drawing.refresh()
        self.bench.parameters.previewVisible = False
        self.apply()
        self.bench.say(text)

    def _present(self, node, otherwise):
        if not self._inScene(node):
            raise AnnotationError(otherwise)
        return node

    @staticmethod
    def _inScene(node):
        return node is not None and slicer.mrmlScene.IsNodePresent(node) != 0


def _in3D(node):
    return node is not None and bool(node.GetSegmentation().ContainsRepresentation(SURFACE))
