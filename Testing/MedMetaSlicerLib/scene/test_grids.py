import numpy as np
import pytest

from medmeta.errors import AnnotationError

SHAPE = (14, 30, 40)


@pytest.fixture
def grids(scene):
    from MedMetaSlicerLib.scene import grids

    return grids


@pytest.fixture
def drawn(build):
    volumeNode = build.volume(SHAPE)
    node, (segmentId,) = build.segmentation(volumeNode, "Liver")
    mask = np.zeros(SHAPE, dtype=bool)
    mask[2:9, 5:20, 10:31] = np.random.default_rng(1).random((7, 15, 21)) < 0.7
    build.draw(node, segmentId, volumeNode, mask)
    return volumeNode, node, segmentId, mask


def slicersOwn(node, segmentId, volumeNode):
    """The same by Slicer's export."""
    import slicer

    return slicer.util.arrayFromSegmentBinaryLabelmap(node, segmentId, volumeNode) > 0


@pytest.mark.parametrize("where", ["same", "shifted", "half a voxel", "turned", "scaled", "both turned"])
def test_a_mask_is_what_slicer_exports(grids, build, drawn, where):
    volumeNode, node, segmentId, mask = drawn
    matrix = {
        "shifted": build.rotated(0, shift=(4, -3, 2.5)),
        "half a voxel": build.rotated(0, shift=(0.4, 0.0, 0.0)),
        "turned": build.rotated(20, axis=2, shift=(3, 0, 0)),
        "scaled": np.diag([1.3, 0.8, 1.1, 1.0]),
    }.get(where)
    if matrix is not None:
        build.transform(matrix, node)
    if where == "both turned":
        build.transform(build.rotated(33, axis=1), node, volumeNode)
    found = build.mask(node, segmentId, volumeNode)
    expected = slicersOwn(node, segmentId, volumeNode)
    assert found.shape == SHAPE
    assert (found != expected).sum() <= 0.002 * expected.sum()  # to rounding, where a voxel's centre is on an edge
    assert where not in ("same", "both turned") or (found == mask).all()


def test_a_segment_drawn_as_a_surface_has_a_mask(grids, build, drawn):
    volumeNode, node, segmentId, _ = drawn
    build.draw(node, segmentId, volumeNode, build.sheets(SHAPE, 2, range(3, 11)))
    before = build.mask(node, segmentId, volumeNode)
    node.CreateClosedSurfaceRepresentation()
    node.GetSegmentation().SetSourceRepresentationName("Closed surface")
    node.GetSegmentation().RemoveRepresentation("Binary labelmap")
    found = build.mask(node, segmentId, volumeNode)
    assert 2 * (found & before).sum() / (found.sum() + before.sum()) > 0.9
    assert not node.GetSegmentation().ContainsRepresentation("Binary labelmap")


def test_a_transform_that_is_not_linear_is_refused_by_name(grids, scene, drawn):
    import vtk

    transform = scene.AddNewNodeByClass("vtkMRMLTransformNode")
    spline = vtk.vtkThinPlateSplineTransform()
    transform.SetAndObserveTransformToParent(spline)
    drawn[1].SetAndObserveTransformNodeID(transform.GetID())
    with pytest.raises(AnnotationError, match="Drawing is under a transform that is not linear"):
        grids.worldFromNode(drawn[1])


def test_the_box_round_what_is_there_is_tight(grids):
    array = np.zeros((7, 8, 9), np.uint8)
    assert grids.boundingBox(array) is None
    assert grids.boundingBox(array[:0]) is None
    array[2, 3, 4] = array[5, 6, 4] = 9
    assert grids.boundingBox(array) == (slice(2, 6), slice(3, 7), slice(4, 5))


def test_an_image_comes_back_as_it_was(grids, build):
    array = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    matrix = build.rotated(30, axis=2, shift=(1, 2, 3)) @ np.diag([0.5, 0.7, 2.0, 1.0])
    image = grids.imageFromArray(array, matrix, (5, -1, 2))
    found, start = grids.arrayFromImage(image)
    assert (found == array).all()
    assert start == (5, -1, 2)
    assert np.allclose(grids.imageMatrix(image), matrix)
