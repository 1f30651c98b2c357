import numpy as np
import pytest

from medmeta.errors import AnnotationError, VolumeError


@pytest.fixture
def slices(scene):
    from MedMetaSlicerLib.scene import slices

    return slices


@pytest.fixture
def drawn(build):
    """Two segments on axial slices 3, 6 and 10; the second only on 6."""
    volumeNode = build.volume()
    segmentationNode, (first, second) = build.segmentation(volumeNode, "Liver", "Tumour")
    liver = build.sheets((14, 30, 40), 2, (3, 6, 10))
    tumour = np.zeros_like(liver)
    tumour[6, 26:28, 8:12] = True
    build.draw(segmentationNode, first, volumeNode, liver)
    build.draw(segmentationNode, second, volumeNode, tumour)
    return volumeNode, segmentationNode


def test_the_drawn_slices_are_found_with_segments_and_area(slices, drawn):
    volumeNode, segmentationNode = drawn
    rows = slices.annotatedSlices(segmentationNode, volumeNode)
    assert [(row.axis, row.position, row.orientation) for row in rows] == [(2, p, "axial") for p in (3, 6, 10)]
    assert [row.segments for row in rows] == [("Liver",), ("Liver", "Tumour"), ("Liver",)]
    assert [row.area for row in rows] == pytest.approx([18 * 28, 18 * 28 + 8, 18 * 28])
    assert all(row.included and not row.empty for row in rows)


def test_where_segments_overlap_the_area_counts_once(slices, build, drawn):
    volumeNode, segmentationNode = drawn
    tumour = build.sheets((14, 30, 40), 2, (6,), margin=10)
    build.draw(segmentationNode, segmentationNode.GetSegmentation().GetNthSegmentID(1), volumeNode, tumour)
    assert slices.annotatedSlices(segmentationNode, volumeNode)[1].area == pytest.approx(18 * 28)


@pytest.mark.parametrize(("axis", "name"), [(0, "sagittal"), (1, "coronal"), (2, "axial")])
def test_slices_across_any_axis_are_found_and_named(slices, build, axis, name):
    volumeNode = build.volume((24, 30, 40), spacing=(0.5, 2.0, 3.0))
    segmentationNode, (segmentId,) = build.segmentation(volumeNode, "Bone")
    mask = build.sheets((24, 30, 40), axis, (8, 15))
    build.draw(segmentationNode, segmentId, volumeNode, mask)
    rows = slices.annotatedSlices(segmentationNode, volumeNode)
    pixel = {0: 6.0, 1: 1.5, 2: 1.0}[axis]
    assert [(row.axis, row.position, row.orientation) for row in rows] == [(axis, 8, name), (axis, 15, name)]
    assert [row.area for row in rows] == pytest.approx([mask.sum() / 2 * pixel] * 2)


def test_orientation_is_the_patients_not_the_files(slices, build):
    sagittalFirst = ((0, 0, -1), (-1, 0, 0), (0, 1, 0))  # columns: I runs to P, J to S, K to L
    volumeNode = build.volume(directions=sagittalFirst)
    assert [slices.orientation(volumeNode, axis) for axis in range(3)] == ["coronal", "axial", "sagittal"]


def test_an_oblique_volume_is_called_so_and_keeps_its_area(slices, build):
    volumeNode = build.volume(directions=build.oblique)
    segmentationNode, (segmentId,) = build.segmentation(volumeNode, "Liver")
    build.draw(segmentationNode, segmentId, volumeNode, build.sheets((14, 30, 40), 2, (3, 6)))
    rows = slices.annotatedSlices(segmentationNode, volumeNode)
    assert [row.orientation for row in rows] == ["oblique axial"] * 2
    assert rows[0].area == pytest.approx(18 * 28, rel=1e-4)


def test_parent_transforms_turn_the_names_and_scale_the_areas(slices, build, drawn):
    volumeNode, segmentationNode = drawn
    turned = build.rotated(90, axis=0) @ np.diag([2.0, 2.0, 2.0, 1.0])
    build.transform(turned, volumeNode, segmentationNode)
    rows = slices.annotatedSlices(segmentationNode, volumeNode)
    assert [row.position for row in rows] == [3, 6, 10]
    assert {row.orientation for row in rows} == {"coronal"}
    assert rows[0].area == pytest.approx(4 * 18 * 28)


def test_a_tilt_below_two_degrees_is_not_oblique(slices, build):
    volumeNode = build.volume()
    node = build.transform(build.rotated(1.5), volumeNode)
    assert slices.orientation(volumeNode, 2) == "axial"
    import slicer

    node.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(build.rotated(3.0)))
    assert slices.orientation(volumeNode, 2) == "oblique axial"


@pytest.mark.parametrize("which", ["volume", "segmentation"])
def test_the_drawing_is_taken_where_it_lies_in_the_world(slices, build, drawn, which):
    volumeNode, segmentationNode = drawn
    child = volumeNode if which == "volume" else segmentationNode
    build.transform(build.rotated(0, shift=(0, 0, 2 * 2.5)), child)
    rows = slices.annotatedSlices(segmentationNode, volumeNode)
    shift = -2 if which == "volume" else 2
    assert [row.position for row in rows] == [3 + shift, 6 + shift, 10 + shift]
    assert rows[0].area == pytest.approx(18 * 28)


def test_a_turned_segmentation_is_resampled_onto_the_volume(slices, build, drawn):
    volumeNode, segmentationNode = drawn
    centre = np.eye(4)
    centre[:3, 3] = 19.5, 14.5, 16.25
    build.transform(centre @ build.rotated(180, axis=2) @ np.linalg.inv(centre), segmentationNode)
    rows = slices.annotatedSlices(segmentationNode, volumeNode)
    assert [row.position for row in rows] == [3, 6, 10]
    assert rows[1].area == pytest.approx(18 * 28 + 8, rel=0.02)


def test_what_lies_outside_of_the_volume_does_not_count(slices, build, drawn):
    volumeNode, segmentationNode = drawn
    build.transform(build.rotated(0, shift=(0, 0, 5 * 2.5)), segmentationNode)
    assert [row.position for row in slices.annotatedSlices(segmentationNode, volumeNode)] == [8, 11]
    build.transform(build.rotated(0, shift=(500, 0, 0)), segmentationNode)
    assert slices.annotatedSlices(segmentationNode, volumeNode) == []


def test_nothing_drawn_is_an_empty_table(slices, build):
    volumeNode = build.volume()
    segmentationNode, _ = build.segmentation(volumeNode, "Liver")
    assert slices.annotatedSlices(segmentationNode, volumeNode, empty=(3,)) == []
    assert slices.annotatedSlices(None, volumeNode) == []
    assert slices.annotatedSlices(segmentationNode, None) == []


def test_marks_appear_in_the_table(slices, drawn):
    volumeNode, segmentationNode = drawn
    rows = slices.annotatedSlices(segmentationNode, volumeNode, leftOut=(6,), empty=(1, 10, 99))
    assert [(row.position, row.empty, row.included) for row in rows] == [
        (1, True, True),
        (3, False, True),
        (6, False, False),
        (10, False, True),  # drawn on after it was marked: the drawing counts
    ]
    assert rows[0].area == 0
    assert rows[0].segments == ()


def test_a_changed_drawing_is_seen_at_once(slices, build, drawn):
    volumeNode, segmentationNode = drawn
    slices.annotatedSlices(segmentationNode, volumeNode)
    segmentId = segmentationNode.GetSegmentation().GetNthSegmentID(0)
    build.draw(segmentationNode, segmentId, volumeNode, build.sheets((14, 30, 40), 2, (3, 12)))
    assert [row.position for row in slices.annotatedSlices(segmentationNode, volumeNode)] == [3, 6, 12]


def test_a_renamed_segment_is_seen_at_once(slices, drawn):
    volumeNode, segmentationNode = drawn
    slices.annotatedSlices(segmentationNode, volumeNode)
    segmentationNode.GetSegmentation().GetNthSegment(0).SetName("Hepar")
    assert slices.annotatedSlices(segmentationNode, volumeNode)[0].segments == ("Hepar",)


def test_asking_leaves_no_node_and_no_modification_behind(scene, slices, drawn):
    volumeNode, segmentationNode = drawn
    nodes, state = scene.GetNumberOfNodes(), segmentationNode.GetMTime()
    slices.annotatedSlices(segmentationNode, volumeNode)
    slices.caseFromScene(volumeNode, segmentationNode)
    assert (scene.GetNumberOfNodes(), segmentationNode.GetMTime()) == (nodes, state)


def test_a_drawing_that_is_no_pile_of_slices_is_named(slices, build):
    volumeNode = build.volume((24, 30, 40))
    segmentationNode, (segmentId,) = build.segmentation(volumeNode, "Liver")
    cube = np.zeros((24, 30, 40), dtype=bool)
    cube[5:17, 5:17, 5:17] = True
    build.draw(segmentationNode, segmentId, volumeNode, cube)
    with pytest.raises(AnnotationError, match="Drawing is drawn throughout, or on slices of several directions"):
        slices.annotatedSlices(segmentationNode, volumeNode)
    assert len(slices.annotatedSlices(segmentationNode, volumeNode, axis=1)) == 12


def test_a_case_is_what_is_drawn(slices, build, drawn):
    volumeNode, segmentationNode = drawn
    case = slices.caseFromScene(volumeNode, segmentationNode)
    liver, tumour = (
        build.mask(segmentationNode, segmentationNode.GetSegmentation().GetNthSegmentID(n), volumeNode)
        for n in range(2)
    )
    assert case.volume.name == "CT"
    assert (case.annotation.axis, case.annotation.slices) == (2, (3, 6, 10))
    assert ((case.annotation.labels == 1).transpose(2, 1, 0) == liver).all()
    assert ((case.annotation.labels == 2).transpose(2, 1, 0) == tumour).all()


def test_a_left_out_slice_is_hidden_from_the_engine(slices, drawn):
    volumeNode, segmentationNode = drawn
    annotation = slices.caseFromScene(volumeNode, segmentationNode, leftOut=(10,)).annotation
    assert annotation.slices == (3, 6)
    assert not annotation.labels[:, :, 10].any()
    assert annotation.ignored == ()


def test_a_segment_that_is_only_on_left_out_slices_is_not_in_the_case(slices, drawn):
    volumeNode, segmentationNode = drawn
    annotation = slices.caseFromScene(volumeNode, segmentationNode, leftOut=(6,)).annotation
    assert [segment.name for segment in annotation.segments] == ["Liver"]


def test_an_empty_slice_is_annotated_and_empty(slices, drawn):
    volumeNode, segmentationNode = drawn
    annotation = slices.caseFromScene(volumeNode, segmentationNode, leftOut=(12,), empty=(1, 12)).annotation
    assert annotation.slices == (1, 3, 6, 10)
    assert not annotation.labels[:, :, 1].any()


def test_only_the_chosen_segments_are_taken(slices, drawn):
    volumeNode, segmentationNode = drawn
    tumour = segmentationNode.GetSegmentation().GetNthSegmentID(1)
    annotation = slices.caseFromScene(volumeNode, segmentationNode, segmentIds=[tumour]).annotation
    assert ([s.name for s in annotation.segments], annotation.slices) == (["Tumour"], (6,))


def test_what_cannot_be_used_is_named(slices, build, drawn):
    volumeNode, segmentationNode = drawn
    with pytest.raises(AnnotationError, match="All slices that are drawn in Drawing are left out"):
        slices.caseFromScene(volumeNode, segmentationNode, leftOut=(3, 6, 10), empty=(1,))
    blank, _ = build.segmentation(volumeNode, "Liver", name="Blank")
    with pytest.raises(AnnotationError, match="Blank is empty within CT"):
        slices.caseFromScene(volumeNode, blank)
    with pytest.raises(VolumeError, match="The volume holds no image"):
        slices.caseFromScene(None, segmentationNode)
    with pytest.raises(AnnotationError, match="No segmentation is chosen"):
        slices.caseFromScene(volumeNode, None)


def test_a_volume_that_is_drawn_throughout_needs_slices_left_out(slices, build):
    volumeNode = build.volume()
    segmentationNode, (segmentId,) = build.segmentation(volumeNode, "Liver")
    build.draw(segmentationNode, segmentId, volumeNode, build.sheets((14, 30, 40), 2, range(14)))
    with pytest.raises(AnnotationError, match="Drawing is drawn on all 14 axial slices of CT"):
        slices.caseFromScene(volumeNode, segmentationNode, axis=2)
    others = [p for p in range(14) if p not in (3, 9)]
    annotation = slices.caseFromScene(volumeNode, segmentationNode, leftOut=others, axis=2).annotation
    assert annotation.slices == (3, 9)
