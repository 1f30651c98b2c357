"""Voxel grids of volumes and segmentations: where one lies on the other, and masks from one to the other.

Works on the nodes' images themselves, so that nothing is added to the scene, not even for a moment.
"""

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import numpy_to_vtk, vtk_to_numpy

from medmeta.errors import AnnotationError

LABELMAP = "Binary labelmap"
SAME_GRID = 1e-3
"""Voxels: two grids that are closer than this everywhere are one."""


def worldFromNode(node):
    """(4, 4) matrix from a node's own coordinates to the world's, RAS and mm.

    :raises AnnotationError: the node is under a transform that is not linear
    """
    transform = node.GetParentTransformNode()
    if transform is None:
        return np.eye(4)
    if not transform.IsTransformToWorldLinear():
        raise AnnotationError(f"{node.GetName()} is under a transform that is not linear: harden it first.")
    matrix = vtk.vtkMatrix4x4()
    transform.GetMatrixTransformToWorld(matrix)
    return slicer.util.arrayFromVTKMatrix(matrix)


def worldFromIjk(volumeNode):
    """(4, 4) matrix from a volume's voxel indices to the world, through its parent transform."""
    matrix = vtk.vtkMatrix4x4()
    volumeNode.GetIJKToRASMatrix(matrix)
    return worldFromNode(volumeNode) @ slicer.util.arrayFromVTKMatrix(matrix)


def imageMatrix(image):
    """(4, 4) matrix from an oriented image's indices to its node's coordinates."""
    matrix = vtk.vtkMatrix4x4()
    image.GetImageToWorldMatrix(matrix)
    return slicer.util.arrayFromVTKMatrix(matrix)


def gridOfVolume(volumeNode, seenFrom):
    """The volume's grid in the coordinates of another node.

    :param volumeNode: vtkMRMLScalarVolumeNode
    :param seenFrom: vtkMRMLTransformableNode
    :return: vtkOrientedImageData without voxels
    :raises AnnotationError: a transform is not linear
    """
    grid = slicer.vtkOrientedImageData()
    grid.SetDimensions(volumeNode.GetImageData().GetDimensions())
    _place(grid, np.linalg.inv(worldFromNode(seenFrom)) @ worldFromIjk(volumeNode))
    return grid


def gridOfSegmentation(segmentationNode, volumeNode):
    """The grid that a segmentation is edited on: its reference geometry, or the volume's where it has none.

    :return: vtkOrientedImageData without voxels, in the segmentation's coordinates
    """
    converter = slicer.vtkSegmentationConverter
    text = segmentationNode.GetSegmentation().GetConversionParameter(converter.GetReferenceImageGeometryParameterName())
    if not text:
        return gridOfVolume(volumeNode, segmentationNode)
    grid = slicer.vtkOrientedImageData()
    converter.DeserializeImageGeometry(text, grid, False)
    return grid


def imageFromArray(array, matrix, start=(0, 0, 0)):
    """An oriented image.

    :param array: (K, J, I) voxels
    :param matrix: (4, 4) from indices to the node's coordinates
    :param start: index (k, j, i) of the first voxel
    :return: vtkOrientedImageData
    """
    image = slicer.vtkOrientedImageData()
    extent = [edge for k, n in zip(start[::-1], array.shape[::-1], strict=True) for edge in (int(k), int(k) + n - 1)]
    image.SetExtent(extent)
    scalars = numpy_to_vtk(np.ascontiguousarray(array).ravel(), deep=True)
    image.GetPointData().SetScalars(scalars)
    _place(image, matrix)
    return image


def arrayFromImage(image):
    """(K, J, I) voxels of an image, not copied, and the index (k, j, i) of the first."""
    extent = image.GetExtent()
    shape = tuple(extent[2 * axis + 1] - extent[2 * axis] + 1 for axis in (2, 1, 0))
    scalars = image.GetPointData().GetScalars()
    if min(shape) <= 0 or scalars is None:
        return np.zeros((0, 0, 0), np.uint8), (0, 0, 0)
    return vtk_to_numpy(scalars).reshape(shape), (extent[4], extent[2], extent[0])


def offsetBetween(image, imageNode, grid, gridNode):
    """By how many voxels (k, j, i) an image's indices differ from a grid's; None where it takes more than a shift."""
    toGrid = np.linalg.inv(worldFromNode(gridNode) @ imageMatrix(grid)) @ worldFromNode(imageNode) @ imageMatrix(image)
    shift = np.round(toGrid[:3, 3])
    extent = np.abs(np.reshape(image.GetExtent(), (3, 2))).max(axis=1)
    turned = np.abs(toGrid[:3, :3] - np.eye(3)) @ extent
    if np.abs(toGrid[:3, 3] - shift).max() + turned.max() > SAME_GRID:
        return None
    return tuple(int(s) for s in shift[::-1])


def labelmapOf(segmentationNode, segmentId):
    """The binary labelmap that a segment is in, maybe with others, and its value there.

    :return: vtkOrientedImageData or None where nothing is drawn, whole number
    """
    segment = segmentationNode.GetSegmentation().GetSegment(segmentId)
    image = segment.GetRepresentation(LABELMAP)
    if image is not None:
        return (image, segment.GetLabelValue()) if image.GetNumberOfPoints() else (None, 0)
    image = slicer.vtkOrientedImageData()  # drawn as a surface, say
    made = slicer.vtkSlicerSegmentationsModuleLogic.GetSegmentBinaryLabelmapRepresentation(
        segmentationNode, segmentId, image, False
    )
    return (image, 1) if made and image.GetNumberOfPoints() else (None, 0)


def maskOnGrid(segmentationNode, segmentId, grid, gridNode):
    """One segment on a grid, where it lies in the world.

    :param grid: vtkOrientedImageData in the coordinates of gridNode
    :return: (K, J, I) boolean
    :raises AnnotationError: a transform is not linear
    """
    extent = grid.GetExtent()
    first = (extent[4], extent[2], extent[0])
    mask = np.zeros([extent[2 * a + 1] - extent[2 * a] + 1 for a in (2, 1, 0)], dtype=bool)
    image, value = labelmapOf(segmentationNode, segmentId)
    if image is None:
        return mask
    array, start = arrayFromImage(image)
    offset = offsetBetween(image, segmentationNode, grid, gridNode)
    if offset is None:
        alone = imageFromArray((array == value).astype(np.uint8), imageMatrix(image), start)
        return arrayFromImage(resampled(alone, segmentationNode, grid, gridNode))[0] > 0
    begin = [s + o - f for s, o, f in zip(start, offset, first, strict=True)]
    there = tuple(slice(max(b, 0), max(b + n, 0)) for b, n in zip(begin, array.shape, strict=True))
    here = tuple(slice(max(-b, 0), max(-b, 0) + m) for b, m in zip(begin, mask[there].shape, strict=True))
    mask[there] = array[here] == value
    return mask


def resampled(image, imageNode, grid, gridNode, linear=False):
    """An image on another grid, through both nodes' parent transforms.

    :return: vtkOrientedImageData with the grid's extent
    """
    transform = vtk.vtkTransform()
    matrix = np.linalg.inv(worldFromNode(gridNode)) @ worldFromNode(imageNode)
    transform.SetMatrix(slicer.util.vtkMatrixFromArray(matrix))
    found = slicer.vtkOrientedImageData()
    slicer.vtkOrientedImageDataResample.ResampleOrientedImageToReferenceOrientedImage(
        image, grid, found, linear, False, transform
    )
    return found


def boundingBox(array):
    """Slices (k, j, i) of the part of an array that is not 0; None where all is.

    :param array: (K, J, I), not negative
    """
    if array.size == 0:
        return None
    plane = array.max(axis=0)  # along the slowest axis first: that is several times as fast as any other order
    rows, columns = np.flatnonzero(plane.any(axis=1)), np.flatnonzero(plane.any(axis=0))
    if rows.size == 0:
        return None
    j, i = slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)
    levels = np.flatnonzero(array[:, j, i].any(axis=(1, 2)))
    return slice(int(levels[0]), int(levels[-1]) + 1), j, i


def _place(image, matrix):
    image.SetGeometryFromImageToWorldMatrix(slicer.util.vtkMatrixFromArray(matrix))
