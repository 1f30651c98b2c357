import pytest


@pytest.fixture
def volume(scene):
    """Adds a volume node without an image."""
    return lambda name="Volume": scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)


@pytest.fixture
def ball(scene):
    """volume node, segmentation node, (K, J, I) ball"""
    from MedMetaSlicerLib.selftest import ballInAVolume

    return ballInAVolume()
