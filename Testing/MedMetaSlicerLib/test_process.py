import numpy as np
import pytest

from medmeta.errors import AnnotationError, Cancelled, VolumeError

OBLIQUE = ((0.92, -0.39, 0.0), (0.36, 0.85, -0.39), (0.15, 0.36, 0.92))


@pytest.fixture
def ball(scene):
    from MedMetaSlicerLib.selftest import ballInAVolume

    return ballInAVolume()


def process(engine):
    from MedMetaSlicerLib.process import Process

    return Process(engine)


def transform(scene, matrix):
    import vtk

    node = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    vtkMatrix = vtk.vtkMatrix4x4()
    for row in range(4):
        for column in range(4):
            vtkMatrix.SetElement(row, column, matrix[row][column])
    node.SetMatrixTransformToParent(vtkMatrix)
    return node


def moved(x=0.0, y=0.0, z=0.0):
    matrix = np.eye(4)
    matrix[:3, 3] = x, y, z
    return matrix


def mask(segmentationNode, index, volumeNode):
    import slicer

    segmentId = segmentationNode.GetSegmentation().GetNthSegmentID(index)
    return slicer.util.arrayFromSegmentBinaryLabelmap(segmentationNode, segmentId, volumeNode) > 0


def test_the_rest_of_the_volume_comes_back_in_a_new_segmentation(ball, interpolation):
    from MedMetaSlicerLib.selftest import sharesOfBall

    volumeNode, segmentationNode, truth = ball
    (result,) = process(interpolation)(volumeNode, segmentationNode)
    assert result is not segmentationNode
    assert sharesOfBall(result, volumeNode, truth) > 0.8


def test_what_the_user_drew_is_never_changed(ball, interpolation):
    volumeNode, segmentationNode, _ = ball
    before = mask(segmentationNode, 0, volumeNode)
    segments = segmentationNode.GetSegmentation().GetNumberOfSegments()
    process(interpolation)(volumeNode, segmentationNode)
    assert (mask(segmentationNode, 0, volumeNode) == before).all()
    assert segmentationNode.GetSegmentation().GetNumberOfSegments() == segments


def test_names_colours_and_terminology_are_kept(ball, interpolation):
    import slicer
    import vtk

    volumeNode, segmentationNode, _ = ball
    tagName = slicer.vtkSegment.GetTerminologyEntryTagName()
    terminology = "Segmentation category~SCT^85756007^Tissue~^^~Anatomic codes~^^~^^"
    drawn = segmentationNode.GetSegmentation().GetNthSegment(0)
    drawn.SetTag(tagName, terminology)
    (result,) = process(interpolation)(volumeNode, segmentationNode)
    found = result.GetSegmentation().GetNthSegment(0)
    tag = vtk.reference("")
    assert found.GetTag(tagName, tag)
    assert str(tag) == terminology
    assert found.GetName() == "Ball"
    assert found.GetColor() == pytest.approx(drawn.GetColor())


@pytest.mark.parametrize("oblique", [False, True])
def test_volume_geometry_is_taken_over_in_lps(scene, ball, oblique):
    from MedMetaSlicerLib.scene.volumes import volumeFromNode

    volumeNode = ball[0]
    if oblique:
        volumeNode.SetIJKToRASDirections(OBLIQUE)
    volumeNode.SetOrigin(5.0, -7.0, 11.0)
    geometry = volumeFromNode(volumeNode).geometry
    assert geometry.size == (44, 48, 14)
    assert geometry.spacing == (1.0, 1.0, 2.5)
    assert geometry.origin == (-5.0, 7.0, 11.0)
    expected = np.diag([-1, -1, 1]) @ np.array(OBLIQUE if oblique else np.eye(3))
    assert np.allclose(np.reshape(geometry.direction, (3, 3)), expected, atol=1e-6)


def test_an_oblique_volume_works(scene, interpolation):
    import slicer

    from MedMetaSlicerLib.selftest import ballInAVolume, sharesOfBall

    volumeNode, segmentationNode, truth = ballInAVolume()
    drawn = mask(segmentationNode, 0, volumeNode).astype(np.uint8)
    volumeNode.SetIJKToRASDirections(OBLIQUE)
    segmentId = segmentationNode.GetSegmentation().GetNthSegmentID(0)
    segmentationNode.SetReferenceImageGeometryParameterFromVolumeNode(volumeNode)
    slicer.util.updateSegmentBinaryLabelmapFromArray(drawn, segmentationNode, segmentId, volumeNode)
    (result,) = process(interpolation)(volumeNode, segmentationNode)
    assert interpolation.cases[0].annotation.slices == (4, 7, 10)
    assert sharesOfBall(result, volumeNode, truth) > 0.8


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_slices_of_any_orientation_are_found(scene, interpolation, axis):
    import slicer

    from MedMetaSlicerLib.selftest import ballInAVolume

    volumeNode, segmentationNode, truth = ballInAVolume(shape=(40, 40, 40), radius=16.0)
    volumeNode.SetSpacing(1, 1, 1)
    k, j, i = np.meshgrid(*(np.arange(40) - 19.5,) * 3, indexing="ij")
    truth = k**2 + j**2 + i**2 < 15**2
    drawn = np.zeros_like(truth, dtype=np.uint8)
    index = [slice(None)] * 3
    index[2 - axis] = [12, 19, 27]
    drawn[tuple(index)] = truth[tuple(index)]
    segmentationNode.SetReferenceImageGeometryParameterFromVolumeNode(volumeNode)
    segmentId = segmentationNode.GetSegmentation().GetNthSegmentID(0)
    slicer.util.updateSegmentBinaryLabelmapFromArray(drawn, segmentationNode, segmentId, volumeNode)
    process(interpolation)(volumeNode, segmentationNode)
    annotation = interpolation.cases[0].annotation
    assert (annotation.axis, annotation.slices) == (axis, (12, 19, 27))


@pytest.mark.parametrize("which", ["volume", "segmentation", "both"])
def test_parent_transforms_are_respected(scene, ball, interpolation, which):
    volumeNode, segmentationNode, _ = ball
    drawn = mask(segmentationNode, 0, volumeNode)
    node = transform(scene, moved(x=5.0))
    for name, child in (("volume", volumeNode), ("segmentation", segmentationNode)):
        if which in (name, "both"):
            child.SetAndObserveTransformNodeID(node.GetID())
    (result,) = process(interpolation)(volumeNode, segmentationNode)
    assert result.GetTransformNodeID() == volumeNode.GetTransformNodeID()
    shift = {"volume": -5, "segmentation": 5, "both": 0}[which]
    seen = interpolation.cases[0].annotation.labels.transpose(2, 1, 0) > 0
    assert (seen == np.roll(drawn, shift, axis=2)).all()
    assert (mask(result, 0, volumeNode)[7] == seen[7]).all()


def test_a_transform_that_is_not_linear_is_refused_by_name(scene, ball, interpolation):
    import vtk

    volumeNode, segmentationNode, _ = ball
    node = scene.AddNewNodeByClass("vtkMRMLTransformNode")
    spline = vtk.vtkThinPlateSplineTransform()
    node.SetAndObserveTransformToParent(spline)
    segmentationNode.SetAndObserveTransformNodeID(node.GetID())
    with pytest.raises(AnnotationError, match="Drawing is under a transform that is not linear"):
        process(interpolation)(volumeNode, segmentationNode)


def test_where_segments_overlap_the_later_one_has_the_voxel(ball, interpolation):
    import slicer

    volumeNode, segmentationNode, _ = ball
    drawn = mask(segmentationNode, 0, volumeNode)
    second = np.zeros(drawn.shape, np.uint8)
    second[7, 20:28, 18:26] = 1
    segmentId = segmentationNode.GetSegmentation().AddEmptySegment("", "Core", [0, 0, 1])
    slicer.util.updateSegmentBinaryLabelmapFromArray(second, segmentationNode, segmentId, volumeNode)
    (result,) = process(interpolation)(volumeNode, segmentationNode)
    labels = interpolation.cases[0].annotation.labels
    assert labels[22, 24, 7] == 2
    assert [s.name for s in interpolation.cases[0].annotation.segments] == ["Ball", "Core"]
    assert result.GetSegmentation().GetNumberOfSegments() == 2


def test_other_volumes_get_segmentations_of_their_own(scene, ball, interpolation):
    from MedMetaSlicerLib.selftest import ballInAVolume

    volumeNode, segmentationNode, _ = ball
    others = [ballInAVolume()[0] for _ in range(2)]
    results = process(interpolation)(volumeNode, segmentationNode, others, confidence=True)
    assert len(results) == 3
    assert [node.GetName() for node in results] == ["Ball MedMeta", "Ball MedMeta", "Ball MedMeta"]
    assert scene.GetFirstNodeByName("Ball MedMeta confidence") is not None


def test_an_empty_segmentation_is_refused_and_named(scene, ball, interpolation):
    volumeNode = ball[0]
    empty = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Blank")
    with pytest.raises(AnnotationError, match="Blank has no segment"):
        process(interpolation)(volumeNode, empty)
    empty.GetSegmentation().AddEmptySegment("", "Nothing", [1, 0, 0])
    with pytest.raises(AnnotationError, match="Blank is empty within Ball"):
        process(interpolation)(volumeNode, empty)


def test_a_volume_without_an_image_is_refused(scene, ball, interpolation):
    bare = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Bare")
    with pytest.raises(VolumeError, match="Bare holds no image"):
        process(interpolation)(bare, ball[1])


@pytest.mark.alone
def test_cancelling_a_real_worker_takes_less_than_a_second_and_leaves_the_scene(scene, ball, checkpoint, worker):
    import time

    from MedMetaSlicerLib.process import Process

    volumeNode, segmentationNode, _ = ball
    before = {scene.GetNthNode(i).GetID() for i in range(scene.GetNumberOfNodes())}
    cancelled = []

    def cancel(event):
        if event.phase == "cohort":
            cancelled.append(time.monotonic())
            raise Cancelled("cancelled")

    with pytest.raises(Cancelled):
        Process()(volumeNode, segmentationNode, [volumeNode], device="cpu", checkpoint=checkpoint, progress=cancel)
    assert time.monotonic() - cancelled[0] < 1.0
    assert {scene.GetNthNode(i).GetID() for i in range(scene.GetNumberOfNodes())} == before


def test_cancelling_leaves_the_scene_as_it_was(scene, ball, interpolation):
    volumeNode, segmentationNode, _ = ball
    before = {scene.GetNthNode(i).GetID() for i in range(scene.GetNumberOfNodes())}

    def cancel(event):
        raise Cancelled("cancelled")

    with pytest.raises(Cancelled):
        process(interpolation)(volumeNode, segmentationNode, progress=cancel)
    assert {scene.GetNthNode(i).GetID() for i in range(scene.GetNumberOfNodes())} == before


@pytest.fixture
def worker():
    """The worker that scripts share, ended when the test is over."""
    from MedMetaSlicerLib.process import WORKER

    yield WORKER
    WORKER.close()


def test_a_real_worker_runs_from_scene_to_scene_and_stays_warm(ball, checkpoint, worker):
    from MedMetaSlicerLib.process import Process
    from MedMetaSlicerLib.selftest import sharesOfBall

    volumeNode, segmentationNode, truth = ball
    events = []
    Process()(volumeNode, segmentationNode, device="cpu", checkpoint=checkpoint, progress=events.append)
    process = worker._client.process
    assert {"check", "adapt", "predict", "refine"} == {event.phase for event in events}
    results = Process()(volumeNode, segmentationNode, [volumeNode], device="cpu", checkpoint=checkpoint, budget=2)
    assert worker._client.process is process
    assert len(results) == 2
    assert sharesOfBall(results[0], volumeNode, truth) > 0.8
    drawn = mask(segmentationNode, 0, volumeNode)
    for position in (4, 7, 10):
        assert (mask(results[0], 0, volumeNode)[position] == drawn[position]).all()
