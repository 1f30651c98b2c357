"""Tells which slices of a segmentation were changed since a moment."""

import zlib

import numpy as np

from MedMetaSlicerLib.scene.grids import gridOfVolume, maskOnGrid


def fingerprints(segmentationNode, volumeNode, axis, segmentIds=None):
    """A number for each slice, which changes with what is drawn there; 0 where nothing is.

    Empty segments make no difference, so that one that is added later changes nothing.

    :param segmentationNode: vtkMRMLSegmentationNode
    :param volumeNode: vtkMRMLScalarVolumeNode
    :param axis: 0, 1 or 2, of the volume
    :param segmentIds: the segments that count; None for all
    :return: list of 31-bit numbers, as many as there are slices
    """
    grid = gridOfVolume(volumeNode, volumeNode)
    found = [0] * volumeNode.GetImageData().GetDimensions()[axis]
    segmentation = segmentationNode.GetSegmentation()
    if segmentIds is None:
        segmentIds = [segmentation.GetNthSegmentID(i) for i in range(segmentation.GetNumberOfSegments())]
    for segmentId in segmentIds:
        mask = maskOnGrid(segmentationNode, segmentId, grid, volumeNode)
        slices = np.moveaxis(mask, 2 - axis, 0)
        for position in np.flatnonzero(slices.any(axis=(1, 2))):
            pixels = np.packbits(slices[position]).tobytes()
            found[position] = zlib.crc32(segmentId.encode() + pixels, found[position]) & 0x7FFFFFFF
    return found
