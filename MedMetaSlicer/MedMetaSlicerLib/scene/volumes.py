"""Volume nodes to the engine's volumes, and back."""

import numpy as np
import slicer
import vtk

from medmeta.errors import VolumeError
from medmeta.volumes import Geometry, Volume

RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0])


def volumeFromNode(volumeNode):
    """Voxels and geometry of a scalar volume node.

    The geometry is the node's own, before its parent transform: results go under the same transform and lie right.

    :param volumeNode: vtkMRMLScalarVolumeNode
    :return: medmeta.volumes.Volume with a copy of the voxels, (I, J, K)
    :raises VolumeError: there is no image, or it has several numbers a voxel
    """
    if volumeNode is None or volumeNode.GetImageData() is None:
        name = volumeNode.GetName() if volumeNode is not None else "The volume"
        raise VolumeError(f"{name} holds no image: choose or load a volume.")
    if volumeNode.GetImageData().GetNumberOfScalarComponents() != 1:
        raise VolumeError(f"{volumeNode.GetName()} is a colour volume: choose a grey-value volume.")
    # As it lies in memory: turning a large volume over would hold the window up.
    array = slicer.util.arrayFromVolume(volumeNode).transpose(2, 1, 0).copy(order="K")
    directions = vtk.vtkMatrix4x4()
    volumeNode.GetIJKToRASDirectionMatrix(directions)
    ras = slicer.util.arrayFromVTKMatrix(directions)[:3, :3]
    geometry = Geometry(
        tuple(int(n) for n in array.shape),
        tuple(float(s) for s in volumeNode.GetSpacing()),
        tuple(float(x) for x in RAS_TO_LPS @ np.array(volumeNode.GetOrigin())),
        tuple(float(x) for x in (RAS_TO_LPS @ ras).ravel()),
    )
    return Volume(array, geometry, volumeNode.GetName())


def addVolumeLike(volumeNode, array, name):
    """A new scalar volume node on the grid, and under the parent transform, of another.

    :param volumeNode: vtkMRMLScalarVolumeNode that gives the geometry
    :param array: (I, J, K) voxels
    :param name: of the new node
    :return: vtkMRMLScalarVolumeNode
    """
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    matrix = vtk.vtkMatrix4x4()
    volumeNode.GetIJKToRASMatrix(matrix)
    node.SetIJKToRASMatrix(matrix)
    slicer.util.updateVolumeFromArray(node, np.ascontiguousarray(array.transpose(2, 1, 0)))
    node.SetAndObserveTransformNodeID(volumeNode.GetTransformNodeID())
    node.CreateDefaultDisplayNodes()
    return node
