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


SHAPE = (14, 30, 40)
DRAWN = 6
"""The slice that is drawn."""


class Desk:
    """A drawing with a neighbour beside it, the answer for it, and the Segment Editor's settings."""

    def __init__(self, build, scene, writing, shared=False):
        from medmeta.annotations import Segment
        from MedMetaSlicerLib.scene.preview import Preview
        from MedMetaSlicerLib.scene.slices import caseFromScene

        self.build, self.writing = build, writing
        self.volumeNode = build.volume(SHAPE)
        self.node, (self.liver, self.tumour, self.bone) = build.segmentation(self.volumeNode, "Liver", "Tumour", "Bone")
        drawn = np.zeros(SHAPE, dtype=bool)
        drawn[DRAWN, 8:22, 10:30] = True
        self.boneMask = np.zeros(SHAPE, dtype=bool)
        self.boneMask[3:11, 18:26, 24:36] = True  # reaches into what the answer gives to the liver
        self.boneMask[DRAWN] = False
        build.draw(self.node, self.liver, self.volumeNode, drawn)
        build.draw(self.node, self.bone, self.volumeNode, self.boneMask)
        if shared:
            self.node.GetSegmentation().CollapseBinaryLabelmaps(True)
            assert self.node.GetSegmentation().GetNumberOfLayers() == 1
        case = caseFromScene(self.volumeNode, self.node, segmentIds=[self.liver])
        self.labels = np.zeros(SHAPE, np.uint8)
        self.labels[3:11, 7:23, 9:31] = 1
        self.labels[5:8, 12:16, 14:18] = 2
        self.labels[DRAWN] = drawn[DRAWN]
        self.segments = (Segment(1, "Liver", (0.9, 0.3, 0.2)), Segment(2, "Tumour", (0.2, 0.8, 0.3)))
        self.preview = Preview()
        labels = self.labels.transpose(2, 1, 0)
        self.preview.show(labels, self.segments, self.volumeNode, self.node.GetID(), case.annotation)
        self.editor = scene.AddNewNodeByClass("vtkMRMLSegmentEditorNode")
        self.editor.SetAndObserveSegmentationNode(self.node)
        self.editor.SetAndObserveSourceVolumeNode(self.volumeNode)
        self.history = writing.History(self.node)
        self.saved = 0

    def saveState(self):
        self.saved += 1
        self.history.saveState()

    def accept(self, editor=True, **options):
        options.setdefault("saveState", self.saveState)
        editorNode = self.editor if editor else None
        return self.writing.acceptInto(self.preview.node, self.node, self.volumeNode, editorNode, **options)

    def show(self, labels):
        """Another answer for the same drawing."""
        from MedMetaSlicerLib.scene.preview import DRAWN as ATTRIBUTE

        node = self.preview.node
        kept = node.GetAttribute(ATTRIBUTE)
        self.preview.show(labels.transpose(2, 1, 0), self.segments, self.volumeNode, self.node.GetID())
        node.SetAttribute(ATTRIBUTE, kept)

    def mask(self, segmentId):
        return self.build.mask(self.node, segmentId, self.volumeNode)

    def state(self):
        """All that is in the segmentation, and what it looks like."""
        segmentation = self.node.GetSegmentation()
        ids = [segmentation.GetNthSegmentID(n) for n in range(segmentation.GetNumberOfSegments())]
        found = {}
        for segmentId in ids:
            segment = segmentation.GetSegment(segmentId)
            status = self.writing.slicer.vtkSlicerSegmentationsModuleLogic.GetSegmentStatus(segment)
            found[segmentId] = (segment.GetName(), segment.GetColor(), status, self.mask(segmentId).tobytes())
        return ids, found

    def wanted(self, value):
        return self.labels == value


@pytest.fixture
def writing(scene):
    from MedMetaSlicerLib.scene import writing

    return writing


@pytest.fixture
def makeDesk(build, scene, writing):
    return lambda shared=False: Desk(build, scene, writing, shared)


@pytest.fixture(params=[False, True], ids=["own layers", "shared layer"])
def desk(request, makeDesk):
    return makeDesk(request.param)


@pytest.fixture
def modes(application):
    """Slicer's names for the Segment Editor's settings and for a segment's status."""
    import slicer

    return SimpleNamespace(
        all=slicer.vtkMRMLSegmentEditorNode.OverwriteAllSegments,
        visible=slicer.vtkMRMLSegmentEditorNode.OverwriteVisibleSegments,
        none=slicer.vtkMRMLSegmentEditorNode.OverwriteNone,
        area=slicer.vtkMRMLSegmentationNode,
        status=slicer.vtkSlicerSegmentationsModuleLogic,
    )
