import numpy as np
import pytest


@pytest.fixture
def views(scene):
    from MedMetaSlicerLib.scene import views

    return views


@pytest.fixture
def shown(application, scene, build):
    """A volume in three slice views."""
    views = build.views(application)
    volumeNode = build.volume()
    build.show(views, volumeNode)
    return volumeNode, views


def test_a_jump_brings_the_view_to_the_slice_and_leaves_the_others(views, shown):
    volumeNode, slices = shown
    before = [views.currentPosition(volumeNode, axis) for axis in range(3)]
    views.jumpToSlice(volumeNode, 2, 11)
    assert slices["axial"].get_slice_value() == pytest.approx(11 * 2.5)
    assert [views.currentPosition(volumeNode, axis) for axis in range(3)] == [*before[:2], 11]


def test_a_jump_near_a_voxel_brings_all_views_there(views, shown):
    volumeNode = shown[0]
    views.jumpToSlice(volumeNode, 2, 3, near=(7, 21, 9))
    assert [views.currentPosition(volumeNode, axis) for axis in range(3)] == [7, 21, 3]


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("where", ["turned", "oblique", "oblique and turned"])
def test_oblique_and_transformed_volumes_are_jumped_through_in_their_own_planes(build, views, shown, where, axis):
    volumeNode, slices = shown
    if "oblique" in where:
        volumeNode.SetIJKToRASDirections(build.oblique)
    if "turned" in where:
        build.transform(build.rotated(35, axis=1, shift=(20, -30, 5)), volumeNode)
    for position in (2, 12):
        views.jumpToSlice(volumeNode, axis, position)
        assert views.currentPosition(volumeNode, axis) == position
    world = views.worldFromIjk(volumeNode)
    nearest = min(slices.values(), key=lambda view: views._angle(view._view_node, world, axis))
    plane = np.linalg.inv(world) @ matrix(nearest)
    corners = plane @ np.array([[-20, -20, 0, 1], [20, 20, 0, 1], [20, -20, 0, 1]]).T
    assert np.allclose(corners[axis], 12, atol=1e-3)  # all of the view lies in the slice


def matrix(view):
    import slicer

    return slicer.util.arrayFromVTKMatrix(view._view_node.GetSliceToRAS())


def test_views_that_lie_in_the_plane_are_not_turned(views, shown):
    volumeNode, slices = shown
    before = {name: matrix(view)[:3, :3] for name, view in slices.items()}
    views.jumpToSlice(volumeNode, 0, 5)
    assert all((matrix(view)[:3, :3] == before[name]).all() for name, view in slices.items())


def test_a_view_outside_of_the_volume_counts_as_its_edge(views, shown):
    volumeNode, slices = shown
    slices["axial"].set_slice_value(900.0)
    assert views.currentPosition(volumeNode, 2) == 13


def test_without_a_view_nothing_is_done(scene, build, views):
    for node in list(views._sliceNodes()):
        scene.RemoveNode(node)
    volumeNode = build.volume()
    views.jumpToSlice(volumeNode, 2, 3)
    assert views.currentPosition(volumeNode, 2) is None


def test_3d_is_shown_and_its_surface_dropped_again(build, views):
    volumeNode = build.volume()
    segmentationNode, (segmentId,) = build.segmentation(volumeNode, "Liver")
    build.draw(segmentationNode, segmentId, volumeNode, build.sheets((14, 30, 40), 2, range(3, 11)))
    segmentation = segmentationNode.GetSegmentation()
    views.showIn3D(segmentationNode)
    assert segmentation.ContainsRepresentation("Closed surface")
    assert segmentationNode.GetDisplayNode().GetVisibility3D()
    assert segmentation.GetSegment(segmentId).GetRepresentation("Closed surface").GetNumberOfPoints() > 100
    views.showIn3D(segmentationNode, False)
    assert not segmentation.ContainsRepresentation("Closed surface")
    assert build.mask(segmentationNode, segmentId, volumeNode).any()
