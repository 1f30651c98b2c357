"""Slice views and 3D: going to a slice of a volume, and where the views are."""

import numpy as np
import slicer

from MedMetaSlicerLib.scene.grids import worldFromIjk

SURFACE = "Closed surface"
IN_PLANE = 0.5
"""Degrees; a view that is turned away from a slice by more shows several slices at once."""


def jumpToSlice(volumeNode, axis, position, near=None):
    """Brings all slice views to a slice of a volume, through its parent transforms.

    Views across the slice stay where they are. Where no view lies in its plane (an oblique volume, say), all are
    turned to the volume's axes first, as Slicer's "Rotate to volume plane" does. Does nothing where there is no view.

    :param volumeNode: vtkMRMLScalarVolumeNode
    :param axis: 0, 1 or 2 of its IJK
    :param position: index along the axis
    :param near: index (i, j, k) of a voxel that the other views are to show; None to leave them
    """
    views = _sliceNodes()
    if not views:
        return
    matrix = worldFromIjk(volumeNode)
    if _angle(_facing(views, matrix, axis), matrix, axis) > IN_PLANE:
        for view in views:
            view.RotateToVolumePlane(volumeNode)
    target = np.array(_shown(views, volumeNode, matrix) if near is None else near, dtype=float)
    target[axis] = position
    point = (matrix @ [*target, 1.0])[:3]
    for view in views:
        view.JumpSliceByOffsetting(*point)


def currentPosition(volumeNode, axis):
    """Which slice across an axis of a volume the views show now: that of the view that lies best in its plane.

    :return: index along the axis, within the volume; None where there is no slice view
    """
    views = _sliceNodes()
    if not views:
        return None
    matrix = worldFromIjk(volumeNode)
    centre = slicer.util.arrayFromVTKMatrix(_facing(views, matrix, axis).GetSliceToRAS())[:, 3]
    count = volumeNode.GetImageData().GetDimensions()[axis]
    return int(np.clip(np.round((np.linalg.inv(matrix) @ centre)[axis]), 0, count - 1))


def isShown(volumeNode):
    """False where slice views show other volumes, and none of them this one."""
    layers = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
    shown = {i for layer in layers for i in (layer.GetBackgroundVolumeID(), layer.GetForegroundVolumeID()) if i}
    return not shown or volumeNode.GetID() in shown


def showIn3D(segmentationNode, on=True):
    """Shows a segmentation in 3D, or no longer; its surface is made where there is none, and dropped when it is hidden.

    A surface that is kept would be made anew at each stroke of the brush.
    """
    display = segmentationNode.GetDisplayNode()
    if on:
        segmentationNode.CreateClosedSurfaceRepresentation()
        if display is None:
            segmentationNode.CreateDefaultDisplayNodes()
            display = segmentationNode.GetDisplayNode()
        display.SetPreferredDisplayRepresentationName3D(SURFACE)
        display.SetVisibility3D(True)
    elif segmentationNode.GetSegmentation().GetSourceRepresentationName() == SURFACE:
        display.SetVisibility3D(False)
    else:
        segmentationNode.RemoveClosedSurfaceRepresentation()


def _sliceNodes():
    """Slice nodes of the views in the layout; all where no view is in a layout."""
    nodes = slicer.util.getNodesByClass("vtkMRMLSliceNode")
    return [node for node in nodes if node.IsMappedInLayout()] or nodes


def _facing(views, matrix, axis):
    """The slice node that lies best in the plane of slices across an axis."""
    return min(views, key=lambda view: _angle(view, matrix, axis))


def _angle(view, matrix, axis):
    """Degrees between a view and the slices across an axis."""
    first, second = (matrix[:3, other] for other in range(3) if other != axis)
    normal = np.cross(first, second)
    toView = slicer.util.arrayFromVTKMatrix(view.GetSliceToRAS())[:3, 2]
    cosine = abs(normal @ toView) / np.linalg.norm(normal) / np.linalg.norm(toView)
    return float(np.degrees(np.arccos(min(cosine, 1.0))))


def _shown(views, volumeNode, matrix):
    """Index (i, j, k), not rounded, of the point in which the views meet; the volume's centre where they do not."""
    sizes = np.array(volumeNode.GetImageData().GetDimensions())
    centre = (matrix @ [*(sizes - 1) / 2, 1.0])[:3]
    planes = [slicer.util.arrayFromVTKMatrix(view.GetSliceToRAS()) for view in views]
    normals = np.array([plane[:3, 2] for plane in planes])
    distances = np.array([plane[:3, 2] @ (plane[:3, 3] - centre) for plane in planes])
    point = centre + np.linalg.lstsq(normals, distances, rcond=1e-6)[0]
    return np.clip((np.linalg.inv(matrix) @ [*point, 1.0])[:3], 0, sizes - 1)
