import numpy as np
import pytest

from medmeta.annotations import Segment
from medmeta.errors import AnnotationError

SHAPE = (14, 30, 40)
TERMINOLOGY = "Segmentation category~SCT^85756007^Tissue~^^~Anatomic codes~^^~^^"


@pytest.fixture
def segmentations(scene):
    from MedMetaSlicerLib.scene import segmentations

    return segmentations


@pytest.fixture
def drawn(build):
    volumeNode = build.volume()
    node, (first, second) = build.segmentation(volumeNode, "Liver", "Tumour")
    build.draw(node, first, volumeNode, build.sheets(SHAPE, 2, (3, 6)))
    build.draw(node, second, volumeNode, build.sheets(SHAPE, 2, (6,), margin=10))
    return volumeNode, node, (first, second)


def test_segments_are_numbered_in_the_nodes_order_with_colour_and_terminology(segmentations, drawn):
    _, node, ids = drawn
    node.GetSegmentation().GetSegment(ids[0]).RemoveTag(segmentations.TERMINOLOGY_TAG)  # Slicer's default: tissue
    node.GetSegmentation().GetSegment(ids[1]).SetTag(segmentations.TERMINOLOGY_TAG, TERMINOLOGY)
    found = segmentations.segmentsOf(node)
    assert [segmentId for segmentId, _ in found] == list(ids)
    assert [(s.value, s.name, s.terminology) for _, s in found] == [(1, "Liver", ""), (2, "Tumour", TERMINOLOGY)]
    assert found[0][1].color == pytest.approx((0.9, 0.3, 0.2))


def test_segments_that_are_not_there_are_named(segmentations, drawn):
    with pytest.raises(AnnotationError, match=r"Drawing has no segment \['Spleen'\]"):
        segmentations.segmentsOf(drawn[1], ["Spleen"])
    with pytest.raises(AnnotationError, match="No segmentation is chosen"):
        segmentations.segmentsOf(None)


def test_the_later_of_two_segments_has_the_voxel(segmentations, build, drawn):
    volumeNode, node, ids = drawn
    annotation = segmentations.annotationFromSegmentation(node, volumeNode)
    tumour = build.mask(node, ids[1], volumeNode).transpose(2, 1, 0)
    assert annotation.slices == (3, 6)
    assert (annotation.labels[tumour] == 2).all()
    assert ((annotation.labels > 0).transpose(2, 1, 0) == build.mask(node, ids[0], volumeNode)).all()


def test_an_empty_segment_is_left_out(segmentations, drawn):
    volumeNode, node, _ = drawn
    node.GetSegmentation().AddEmptySegment("", "Nothing", [1, 0, 0])
    annotation = segmentations.annotationFromSegmentation(node, volumeNode)
    assert [segment.name for segment in annotation.segments] == ["Liver", "Tumour"]


def test_reading_adds_no_node_to_the_scene(scene, segmentations, drawn):
    before, state = scene.GetNumberOfNodes(), scene.GetMTime()
    segmentations.annotationFromSegmentation(drawn[1], drawn[0])
    assert (scene.GetNumberOfNodes(), scene.GetMTime()) == (before, state)


def test_a_label_map_becomes_segments_on_the_volumes_grid(segmentations, build, drawn):
    volumeNode = drawn[0]
    build.transform(build.rotated(20), volumeNode)
    labels = np.zeros(SHAPE[::-1], np.uint8)
    labels[5:9, 5:9, 2:5] = 4
    segments = (Segment(4, "Spleen", (0.1, 0.5, 0.9), TERMINOLOGY), Segment(7, "Absent", (1.0, 0.0, 0.0)))
    node = segmentations.addSegmentation(labels, segments, volumeNode, "Result")
    (spleen, found), (absent, _) = segmentations.segmentsOf(node)
    assert (found.name, found.terminology) == ("Spleen", TERMINOLOGY)
    assert found.color == pytest.approx((0.1, 0.5, 0.9))
    assert node.GetTransformNodeID() == volumeNode.GetTransformNodeID()
    assert (build.mask(node, spleen, volumeNode) == (labels == 4).transpose(2, 1, 0)).all()
    assert not build.mask(node, absent, volumeNode).any()


def test_segments_are_numbered_by_their_places_whichever_are_taken(build):
    from MedMetaSlicerLib.scene.segmentations import segmentsOf

    segmentationNode, ids = build.segmentation(build.volume(), "liver", "liver", "spleen")
    assert [(i, s.value) for i, s in segmentsOf(segmentationNode)] == [(ids[0], 1), (ids[1], 2), (ids[2], 3)]
    assert [(i, s.value) for i, s in segmentsOf(segmentationNode, ids[1:2])] == [(ids[1], 2)]
