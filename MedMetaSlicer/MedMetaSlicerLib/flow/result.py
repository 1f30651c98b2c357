"""The engine's answer: shown as an outline until the user accepts or discards it."""

import json

import slicer

from medmeta.errors import AnnotationError
from MedMetaSlicerLib.flow.words import keptBackText
from MedMetaSlicerLib.scene.preview import Preview
from MedMetaSlicerLib.scene.segmentations import segmentsOf
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


class Result:
    """The preview and what becomes of it. Its node is saved with the scene.

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
        self._undo = None

    def attach(self):
        """Takes up the parameter node's preview, which was saved with the scene."""
        p = self.bench.parameters
        node = p.preview if p is not None else None
        if self.preview.node is not node:
            self.preview = Preview(node)
            self._undo = None
        self.apply()

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
        """True where something was accepted that can be taken back."""
        return self._undo is not None

    def show(self, request, labels, quality=()):
        """Shows an answer in place of the last one to the same request; the user may have turned to another meanwhile.

        :param request: MedMetaSlicerLib.flow.adapting.Request
        :param labels: medmeta.volumes.Volume
        :param quality: of medmeta.adaptation.results.SegmentQuality
        """
        volumeNode = request.volumeNode
        known = previewOf(request.segmentationId, request.volumeId)
        if known is None or known is not self.preview.node:
            self.preview = Preview(known)
        segments, in3D = request.case.annotation.segments, self.in3D
        node = self.preview.show(labels.array, segments, volumeNode, request.segmentationId, request.case.annotation)
        node.SetNodeReferenceID(VOLUME, request.volumeId)
        node.SetNodeReferenceID(SEGMENTATION, request.segmentationId)
        node.SetAttribute(QUALITY, json.dumps([q.row() for q in quality]))
        if in3D:
            showIn3D(node)
        self.bench.parameters.preview = node
        self.attach()
        self.bench.changed()

    def apply(self):
        """Brings the views in line with the parameter node."""
        p = self.bench.parameters
        if self.shown and p is not None:
            self.preview.visible = p.previewVisible
            self.preview.opacity = p.previewOpacity
            self.preview.filled = p.previewFilled

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

        self._accepted(undo, self.bench.tr("Accepted as {name}.").format(name=node.GetName()))
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
        self._accepted(self.undoState, f"{text} {kept}".strip())
        return True

    def undo(self):
        """Takes the last acceptance back; the answer is shown again."""
        undo, self._undo = self._undo, None
        if undo is not None:
            undo()
            self.bench.drawing.refresh()
            self.bench.parameters.previewVisible = True
            self.apply()
            self.bench.say(self.bench.tr("Taken back."))

    @property
    def in3D(self):
        """True where the answer is shown as a surface."""
        return self.shown and self.preview.node.GetSegmentation().ContainsRepresentation(SURFACE)

    def show3D(self, on):
        """Shows the answer, or what was accepted of it, as a surface."""
        if self.shown:
            showIn3D(self.preview.node, on)

    def _accepted(self, undo, text):
        self._undo = undo
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
