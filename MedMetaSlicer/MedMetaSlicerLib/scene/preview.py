"""The engine's answer before it is accepted: an outline over the slice views."""

import numpy as np
import slicer
import vtk

from MedMetaSlicerLib.scene.grids import LABELMAP, boundingBox, gridOfVolume, imageFromArray, imageMatrix
from MedMetaSlicerLib.scene.segmentations import TERMINOLOGY_TAG

PREVIEW = "MedMetaSlicer.Preview"
"""Attribute that tells a preview from other segmentations."""
SOURCE = "MedMetaSlicer.Source"
"""Node reference to the segmentation that was drawn in."""
DRAWN = "MedMetaSlicer.Drawn"
"""Attribute: which slices were drawn, "axis:position,position"."""
SEGMENT_TAG = "MedMetaSlicer.Segment"
"""Tag of a preview's segment: ID of the segment that it belongs to."""
LINE = 2
"""Width of the outline, pixels."""


class Preview:
    """An answer in a segmentation node of its own, which is saved with the scene: what is not accepted is not lost.

    The node is never that of the drawing, which stays as it is. Settings (opacity, visible, filled) are the display
    node's and are saved with it.

    :param node: vtkMRMLSegmentationNode of a preview that is there already; None to make one when it is needed
    """

    def __init__(self, node=None):
        self._node = node

    @classmethod
    def find(cls, sourceNode=None):
        """The preview in the scene, after it was loaded, say.

        :param sourceNode: the segmentation whose preview is meant; None for any
        :return: Preview or None
        """
        for node in slicer.util.getNodesByClass("vtkMRMLSegmentationNode"):
            if isPreview(node) and (sourceNode is None or node.GetNodeReference(SOURCE) is sourceNode):
                return cls(node)
        return None

    @property
    def node(self):
        """vtkMRMLSegmentationNode; None where there is none, or it was deleted."""
        if self._node is not None and self._node.GetScene() is None:
            self._node = None
        return self._node

    def show(self, labels, segments, volumeNode, sourceId=None, annotation=None):
        """Shows an answer in place of the one before; opacity and the like stay as they were set.

        :param labels: (I, J, K) label map on the volume's grid
        :param segments: medmeta.annotations.Segment's, numbered as in the label map
        :param volumeNode: vtkMRMLScalarVolumeNode
        :param sourceId: ID of the segmentation node that was drawn in; None where nothing was drawn in this volume
        :param annotation: the medmeta.annotations.SparseAnnotation that was learned from, so that accepting leaves
            its slices as they are drawn; None where nothing was drawn in this volume
        :return: vtkMRMLSegmentationNode
        """
        node = self.node or self._make()
        sourceNode = slicer.mrmlScene.GetNodeByID(sourceId) if sourceId else None
        node.SetName(f"{(sourceNode or volumeNode).GetName()} preview")
        node.SetNodeReferenceID(SOURCE, sourceId if sourceNode is not None else None)
        drawn = None if annotation is None else f"{annotation.axis}:{','.join(map(str, annotation.slices))}"
        node.SetAttribute(DRAWN, drawn)
        node.SetReferenceImageGeometryParameterFromVolumeNode(volumeNode)
        node.SetAndObserveTransformNodeID(volumeNode.GetTransformNodeID())
        fill(node, np.asarray(labels), segments, volumeNode, sourceNode)
        self._dress()
        return node

    @property
    def opacity(self):
        """Of the outline, 0 to 1."""
        return self._display().GetOpacity2DOutline()

    @opacity.setter
    def opacity(self, value):
        self._display().SetOpacity2DOutline(float(value))

    @property
    def visible(self):
        """False shows the views as they were before."""
        return bool(self._display().GetVisibility())

    @visible.setter
    def visible(self, on):
        self._display().SetVisibility(bool(on))

    @property
    def filled(self):
        """True where the area is coloured too, which hides the image."""
        return bool(self._display().GetVisibility2DFill())

    @filled.setter
    def filled(self, on):
        self._display().SetVisibility2DFill(bool(on))

    def remove(self):
        """Takes the preview out of the scene."""
        node = self.node
        self._node = None
        if node is not None:
            slicer.mrmlScene.RemoveNode(node)

    def _make(self):
        self._node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "preview")
        self._node.SetAttribute(PREVIEW, "1")
        self._node.CreateDefaultDisplayNodes()
        display = self._node.GetDisplayNode()
        display.SetVisibility2DFill(False)
        display.SetVisibility2DOutline(True)
        display.SetSliceIntersectionThickness(LINE)
        display.SetOpacity2DFill(0.3)
        display.SetVisibility3D(False)
        return self._node

    def _display(self):
        if self.node is None:
            raise ValueError("There is no preview: show one first.")
        return self.node.GetDisplayNode()

    def _dress(self):
        """Takes back what Slicer set for each new segment: the node's settings alone count."""
        segmentation, display = self.node.GetSegmentation(), self.node.GetDisplayNode()
        for n in range(segmentation.GetNumberOfSegments()):
            segmentId = segmentation.GetNthSegmentID(n)
            display.SetSegmentVisibility(segmentId, True)
            display.SetSegmentOpacity2DOutline(segmentId, 1.0)
            display.SetSegmentOpacity2DFill(segmentId, 1.0)


def isPreview(node):
    """True for the segmentation node of a preview."""
    return node is not None and node.GetAttribute(PREVIEW) == "1"


def sourceOf(node, segmentId):
    """ID of the segment of the drawing that a preview's segment belongs to; None where it is not known."""
    value = vtk.reference("")
    return str(value) if node.GetSegmentation().GetSegment(segmentId).GetTag(SEGMENT_TAG, value) else None


def drawnSlices(node):
    """(axis, positions) of the slices that a preview was learned from; (None, ()) where none of this volume was."""
    text = node.GetAttribute(DRAWN)
    if not text:
        return None, ()
    axis, positions = text.split(":")
    return int(axis), tuple(int(position) for position in positions.split(",") if position)


def fill(node, labels, segments, volumeNode, sourceNode=None):
    """Puts a label map into a segmentation node, all segments in one layer, in place of what was there.

    :param labels: (I, J, K)
    :param sourceNode: segmentation whose segments these are; they get its IDs where the names are the same
    """
    segmentation = node.GetSegmentation()
    array = np.ascontiguousarray(labels.transpose(2, 1, 0))
    if array.dtype != np.uint8:
        array = array.astype(np.uint8 if array.size == 0 or array.max() < 256 else np.int16)
    array = np.where(np.isin(array, [segment.value for segment in segments]), array, 0).astype(array.dtype)
    box = boundingBox(array)
    matrix = imageMatrix(gridOfVolume(volumeNode, node))
    image = None
    if box is not None:
        image = imageFromArray(array[box], matrix, tuple(part.start for part in box))
    segmentation.RemoveAllSegments()
    for segment in segments:
        sourceId = _sourceId(sourceNode, segment)
        made = slicer.vtkSegment()
        made.SetName(segment.name)
        made.SetColor(*segment.color)
        made.SetLabelValue(segment.value)
        if segment.terminology:
            made.SetTag(TERMINOLOGY_TAG, segment.terminology)
        if sourceId is not None:
            made.SetTag(SEGMENT_TAG, sourceId)
        made.AddRepresentation(LABELMAP, image if image is not None else slicer.vtkOrientedImageData())
        segmentation.AddSegment(made, sourceId or segmentation.GenerateUniqueSegmentID())


def _sourceId(sourceNode, segment):
    """ID of a node's segment by name; of several with one name that in the segment's place, else the first."""
    if sourceNode is None:
        return None
    segmentation = sourceNode.GetSegmentation()
    ids = [segmentation.GetNthSegmentID(n) for n in range(segmentation.GetNumberOfSegments())]
    same = [segmentId for segmentId in ids if segmentation.GetSegment(segmentId).GetName() == segment.name]
    if segment.value <= len(ids) and ids[segment.value - 1] in same:
        return ids[segment.value - 1]
    return same[0] if same else None
