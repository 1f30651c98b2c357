import numpy as np
import pytest

from medmeta.errors import VolumeError


@pytest.fixture
def volumes(scene):
    from MedMetaSlicerLib.scene import volumes

    return volumes


@pytest.mark.parametrize("oblique", [False, True])
def test_voxels_and_geometry_are_the_nodes_own_in_lps(build, volumes, oblique):
    import slicer

    node = build.volume(directions=build.oblique if oblique else None)
    node.SetOrigin(5.0, -7.0, 11.0)
    volume = volumes.volumeFromNode(node)
    assert (volume.array == slicer.util.arrayFromVolume(node).transpose(2, 1, 0)).all()
    assert volume.geometry.size == (40, 30, 14)
    assert volume.geometry.spacing == pytest.approx((1.0, 1.0, 2.5))
    assert volume.geometry.origin == (-5.0, 7.0, 11.0)
    expected = np.diag([-1, -1, 1]) @ np.array(build.oblique if oblique else np.eye(3))
    assert np.allclose(np.reshape(volume.geometry.direction, (3, 3)), expected, atol=1e-6)


def test_the_voxels_are_a_copy(build, volumes):
    import slicer

    node = build.volume()
    volumes.volumeFromNode(node).array[:] = 0
    assert slicer.util.arrayFromVolume(node).min() > 0


def test_a_parent_transform_does_not_change_what_is_computed_on(build, volumes):
    node = build.volume()
    before = volumes.volumeFromNode(node).geometry
    build.transform(build.rotated(30, shift=(10, 0, 0)), node)
    assert volumes.volumeFromNode(node).geometry.matches(before)


def test_what_is_no_grey_value_volume_is_refused_by_name(scene, build, volumes):
    import slicer

    bare = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Bare")
    with pytest.raises(VolumeError, match="Bare holds no image"):
        volumes.volumeFromNode(bare)
    colour = scene.AddNewNodeByClass("vtkMRMLVectorVolumeNode", "Photo")
    slicer.util.updateVolumeFromArray(colour, np.zeros((4, 8, 8, 3), np.uint8))
    with pytest.raises(VolumeError, match="Photo is a colour volume"):
        volumes.volumeFromNode(colour)


def test_a_volume_like_another_lies_where_that_lies(build, volumes):
    import slicer

    node = build.volume(directions=build.oblique)
    build.transform(build.rotated(30), node)
    array = np.random.default_rng(2).random((40, 30, 14)).astype(np.float32)
    made = volumes.addVolumeLike(node, array, "Confidence")
    assert made.GetName() == "Confidence"
    assert made.GetTransformNodeID() == node.GetTransformNodeID()
    assert (slicer.util.arrayFromVolume(made) == array.transpose(2, 1, 0)).all()
    assert volumes.volumeFromNode(made).geometry.matches(volumes.volumeFromNode(node).geometry)
