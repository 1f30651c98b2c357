"""Segmentation nodes to sparse annotations, and predictions to new segmentation nodes."""

import numpy as np
import slicer
import vtk

from medmeta.annotations import Segment, SparseAnnotation
from medmeta.errors import AnnotationError
from MedMetaSlicerLib.scene.grids import gridOfVolume, labelmapOf, maskOnGrid

TERMINOLOGY_TAG = slicer.vtkSegment.GetTerminologyEntryTagName()


def segmentsOf(segmentationNode, segmentIds=None):
    """Segments of a segmentation node, numbered from 1 by their places in it, whichever are taken.

    :param segmentationNode: vtkMRMLSegmentationNode
    :param segmentIds: the segments to take; None for all
    :return: list of (segment ID, medmeta.annotations.Segment)
    :raises AnnotationError: no node, or it has no segments, or not those asked for
    """
    if segmentationNode is None:
        raise AnnotationError("No segmentation is chosen: create one and draw the structure on a few slices.")
    segmentation = segmentationNode.GetSegmentation()
    present = [segmentation.GetNthSegmentID(i) for i in range(segmentation.GetNumberOfSegments())]
    wanted = present if segmentIds is None else list(segmentIds)
    missing = [segmentId for segmentId in wanted if segmentId not in present]
    if missing or not wanted:
        raise AnnotationError(f"{segmentationNode.GetName()} has no segment {missing or ''}: add one and draw in it.")
    found = []
    for segmentId in wanted:
        segment, value = segmentation.GetSegment(segmentId), present.index(segmentId) + 1
        found.append(
            (segmentId, Segment(value, segment.GetName(), tuple(segment.GetColor()), _tag(segment, TERMINOLOGY_TAG)))
        )
    return found


def contentOf(segmentationNode):
    """What tells whether a segmentation has changed: stays equal until somebody draws in it, or renames a segment."""
    segmentation = segmentationNode.GetSegmentation()
    found = []
    for segmentId in (segmentation.GetNthSegmentID(n) for n in range(segmentation.GetNumberOfSegments())):
        segment, image = segmentation.GetSegment(segmentId), labelmapOf(segmentationNode, segmentId)[0]
        # VTK counts modifications over all objects: no two states of any two images share a number.
        found.append((segmentId, segment.GetName(), segment.GetColor(), image.GetMTime() if image is not None else 0))
    return found


def annotationFromSegmentation(segmentationNode, volumeNode, slices=None, axis="auto", segmentIds=None):
    """What is drawn in a segmentation, on the grid of a volume. Neither node is changed.

    Parent transforms count: the segmentation is taken where it lies in the world, seen from the volume.

    :param segmentationNode: vtkMRMLSegmentationNode
    :param volumeNode: vtkMRMLScalarVolumeNode
    :param slices: annotated slices, empty ones included; None for those that are drawn
    :param axis: "auto", 0, 1 or 2, an axis of the volume
    :param segmentIds: the segments to take; None for all
    :return: medmeta.annotations.SparseAnnotation
    :raises AnnotationError: nothing is drawn, it lies outside of the volume, or under a transform that is not linear
    """
    found = segmentsOf(segmentationNode, segmentIds)
    grid = gridOfVolume(volumeNode, volumeNode)
    masks = np.stack(
        [maskOnGrid(segmentationNode, segmentId, grid, volumeNode).transpose(2, 1, 0) for segmentId, _ in found]
    )
    drawn = [i for i, mask in enumerate(masks) if mask.any()]
    if not drawn:
        raise AnnotationError(
            f"{segmentationNode.GetName()} is empty within {volumeNode.GetName()}: draw the structure on a few slices."
        )
    return SparseAnnotation.from_masks(
        masks[drawn], [found[i][1] for i in drawn], axis=axis, slices=slices, name=segmentationNode.GetName()
    )


def addSegmentation(labels, segments, volumeNode, name):
    """A new segmentation node from a label map, with the segments' names, colours and terminology.

    :param labels: (I, J, K) label map on the volume's grid
    :param segments: medmeta.annotations.Segment's
    :param volumeNode: vtkMRMLScalarVolumeNode that gives geometry and parent transform
    :param name: of the new node
    :return: vtkMRMLSegmentationNode
    """
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", name)
    node.CreateDefaultDisplayNodes()
    node.SetReferenceImageGeometryParameterFromVolumeNode(volumeNode)
    node.SetAndObserveTransformNodeID(volumeNode.GetTransformNodeID())
    segmentation = node.GetSegmentation()
    for segment in segments:
        segmentId = segmentation.AddEmptySegment("", segment.name, list(segment.color))
        if segment.terminology:
            segmentation.GetSegment(segmentId).SetTag(TERMINOLOGY_TAG, segment.terminology)
        mask = np.ascontiguousarray((labels == segment.value).transpose(2, 1, 0)).astype(np.uint8)
        if mask.any():
            slicer.util.updateSegmentBinaryLabelmapFromArray(mask, node, segmentId, volumeNode)
    return node


def _tag(segment, name):
    value = vtk.reference("")
    return str(value) if segment.GetTag(name, value) else ""
