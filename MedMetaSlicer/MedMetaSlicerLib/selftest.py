"""A small scene that tests, inside Slicer and outside, run the main job on."""

import numpy as np
import slicer


def ballInAVolume(shape=(14, 48, 44), radius=13.0, slices=(4, 7, 10)):
    """A bright ball in noise, drawn on three slices.

    :param shape: voxels, (K, J, I)
    :param radius: pixels in plane
    :param slices: which K are drawn
    :return: volume node, segmentation node, (K, J, I) boolean ball
    """
    k, j, i = np.meshgrid(*(np.arange(n) - (n - 1) / 2 for n in shape), indexing="ij")
    ball = (2.5 * k) ** 2 + j**2 + i**2 < radius**2
    image = 100.0 * ball + np.random.default_rng(0).normal(0, 10, shape)
    volumeNode = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Ball")
    volumeNode.SetSpacing(1.0, 1.0, 2.5)
    volumeNode.CreateDefaultDisplayNodes()
    slicer.util.updateVolumeFromArray(volumeNode, image.astype(np.float32))
    segmentationNode = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Drawing")
    segmentationNode.CreateDefaultDisplayNodes()
    segmentationNode.SetReferenceImageGeometryParameterFromVolumeNode(volumeNode)
    segmentId = segmentationNode.GetSegmentation().AddEmptySegment("", "Ball", [0.9, 0.3, 0.2])
    drawn = np.zeros(shape, np.uint8)
    drawn[list(slices)] = ball[list(slices)]
    slicer.util.updateSegmentBinaryLabelmapFromArray(drawn, segmentationNode, segmentId, volumeNode)
    return volumeNode, segmentationNode, ball


def sharesOfBall(segmentationNode, volumeNode, ball):
    """Dice of a segmentation's first segment with the ball."""
    segmentId = segmentationNode.GetSegmentation().GetNthSegmentID(0)
    found = slicer.util.arrayFromSegmentBinaryLabelmap(segmentationNode, segmentId, volumeNode) > 0
    return 2 * (found & ball).sum() / (found.sum() + ball.sum())
