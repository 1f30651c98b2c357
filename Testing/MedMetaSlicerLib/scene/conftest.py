import importlib.util
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest


def rotated(degrees, axis=0, shift=(0.0, 0.0, 0.0)):
    """(4, 4) rotation about an axis, and a shift in mm."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    first, second = (a for a in range(3) if a != axis)
    matrix = np.eye(4)
    matrix[[first, first, second, second], [first, second, first, second]] = c, -s, s, c
    matrix[:3, 3] = shift
    return matrix


def sliceViews():
    """Testing/slice_views.py, which is no package."""
    spec = importlib.util.spec_from_file_location("slice_views", Path(__file__).parents[2] / "slice_views.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def sheets(shape, axis, positions, margin=6):
    """(K, J, I) boolean: a square on some slices across an axis of IJK."""
    index = [slice(margin, n - margin) for n in shape]
    index[2 - axis] = list(positions)
    found = np.zeros(shape, dtype=bool)
    found[tuple(index)] = True
    return found


@pytest.fixture
def build(scene):
    """Makes nodes, draws in them and reads them: volume(), segmentation(), draw(), transform(), mask() ..."""
    import slicer

    from MedMetaSlicerLib.scene.grids import gridOfVolume, maskOnGrid

    def volume(shape=(14, 30, 40), spacing=(1.0, 1.0, 2.5), directions=None, name="CT"):
        node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
        node.SetSpacing(*spacing)
        if directions is not None:
            node.SetIJKToRASDirections(directions)
        node.CreateDefaultDisplayNodes()
        noise = np.random.default_rng(0).normal(100, 10, shape).astype(np.float32)
        slicer.util.updateVolumeFromArray(node, noise)
        return node

    def segmentation(volumeNode, *names, name="Drawing"):
        node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", name)
        node.CreateDefaultDisplayNodes()
        node.SetReferenceImageGeometryParameterFromVolumeNode(volumeNode)
        colours = ([0.9, 0.3, 0.2], [0.2, 0.8, 0.3], [0.3, 0.4, 0.9])
        return node, [node.GetSegmentation().AddEmptySegment("", n, c) for n, c in zip(names, colours, strict=False)]

    def draw(segmentationNode, segmentId, volumeNode, mask):
        slicer.util.updateSegmentBinaryLabelmapFromArray(mask.astype(np.uint8), segmentationNode, segmentId, volumeNode)

    def transform(matrix, *children):
        node = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
        node.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(np.asarray(matrix)))
        for child in children:
            child.SetAndObserveTransformNodeID(node.GetID())
        return node

    pictures = sliceViews()

    def mask(segmentationNode, segmentId, volumeNode):
        return maskOnGrid(segmentationNode, segmentId, gridOfVolume(volumeNode, volumeNode), volumeNode)

    return SimpleNamespace(
        volume=volume,
        segmentation=segmentation,
        draw=draw,
        transform=transform,
        mask=mask,
        sheets=sheets,
        rotated=rotated,
        views=pictures.sliceViews,
        show=pictures.show,
        picture=pictures.picture,
        example=pictures.example,
        oblique=(rotated(23, axis=2) @ rotated(-17, axis=0))[:3, :3].tolist(),
    )
