"""Which slices of a segmentation are drawn, as a table shows them, and what the engine is given of them."""

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np

from medmeta.annotations import AnnotatedVolume, SparseAnnotation, find_axis
from medmeta.errors import AnnotationError
from MedMetaSlicerLib.scene import accepted
from MedMetaSlicerLib.scene.grids import (
    arrayFromImage,
    boundingBox,
    gridOfVolume,
    labelmapOf,
    maskOnGrid,
    offsetBetween,
    worldFromIjk,
    worldFromNode,
)
from MedMetaSlicerLib.scene.segmentations import segmentsOf
from MedMetaSlicerLib.scene.volumes import volumeFromNode

ORIENTATIONS = ("sagittal", "coronal", "axial")
"""Of slices whose normal is R, A, S."""
OBLIQUE = 2.0
"""Degrees; slices that are tilted by more are called oblique."""
REMEMBERED = 8
"""Drawings whose slices are kept, so that a check box in the table costs nothing."""


@dataclass(frozen=True)
class AnnotatedSlice:
    """A slice on which something is drawn, or that is marked as empty.

    axis - of the volume's IJK
    position - index along that axis
    orientation - "axial", "coronal", "sagittal", or "oblique axial" etc.
    segments - names of what is drawn there
    area - mm2 in the world, all segments together; where they overlap it counts once
    empty - marked as "nothing here", and nothing is drawn there
    included - False where the user left it out
    """

    axis: int
    position: int
    orientation: str
    segments: tuple
    area: float
    empty: bool = False
    included: bool = True


def annotatedSlices(segmentationNode, volumeNode, leftOut=(), empty=(), axis="auto", segmentIds=None):
    """The annotated slices of a volume; cheap enough to be asked for at each change.

    Slices that a result was written into do not count, unless they were changed since: a correction is a drawing.

    :param segmentationNode: vtkMRMLSegmentationNode or None
    :param volumeNode: vtkMRMLScalarVolumeNode or None
    :param leftOut: positions along the axis that the user left out
    :param empty: positions along the axis that are marked "nothing here"
    :param axis: "auto", 0, 1 or 2, of the volume
    :param segmentIds: the segments that count; None for all
    :return: list of AnnotatedSlice by position; empty where nothing is drawn
    :raises AnnotationError: the axis cannot be told, or a transform is not linear
    """
    if segmentationNode is None or volumeNode is None or volumeNode.GetImageData() is None:
        return []
    drawing = _drawing(segmentationNode, volumeNode, axis, segmentIds)
    if drawing is None:
        return []
    axis, drawn = drawing
    count = volumeNode.GetImageData().GetDimensions()[axis]
    name, pixel = orientation(volumeNode, axis), pixelArea(volumeNode, axis)
    segmentation = segmentationNode.GetSegmentation()
    rows = []
    for position in sorted({*drawn, *(p for p in empty if 0 <= p < count)}):
        pixels, ids = drawn.get(position, (0, ()))
        names = tuple(segmentation.GetSegment(segmentId).GetName() for segmentId in ids)
        rows.append(AnnotatedSlice(axis, position, name, names, pixels * pixel, pixels == 0, position not in leftOut))
    return rows


def caseFromScene(volumeNode, segmentationNode, leftOut=(), empty=(), segmentIds=None, axis="auto"):
    """What the engine is given: the volume, and the drawing on the slices that were not left out.

    Slices that were left out are as if nothing had been drawn there: a segment that is drawn nowhere else is not part
    of the case. Neither node is changed.

    :param leftOut, empty, segmentIds, axis: as in `annotatedSlices`
    :return: medmeta.annotations.AnnotatedVolume
    :raises VolumeError: the volume node cannot be used
    :raises AnnotationError: nothing is drawn, or on every slice, or all was left out, or it cannot be told along which
        axis; the message names the node
    """
    volume = volumeFromNode(volumeNode)
    found = segmentsOf(segmentationNode, segmentIds)
    name = segmentationNode.GetName()
    rows = annotatedSlices(segmentationNode, volumeNode, leftOut, empty, axis, segmentIds)
    if not rows:
        raise AnnotationError(f"{name} is empty within {volumeNode.GetName()}: draw the structure on a few slices.")
    axis, count = rows[0].axis, volume.array.shape[rows[0].axis]
    if not any(row.included and not row.empty for row in rows):
        raise AnnotationError(f"All slices that are drawn in {name} are left out: include one or more.")
    positions = [row.position for row in rows if row.included]
    if len(positions) == count:
        raise AnnotationError(
            f"{name} is drawn on all {count} {rows[0].orientation} slices of {volumeNode.GetName()}: there is nothing "
            "left to segment. Leave out the slices that are not your own drawing."
        )
    grid = gridOfVolume(volumeNode, volumeNode)
    hidden = np.ones(count, dtype=bool)
    hidden[positions] = False
    masks, segments = [], []
    for segmentId, segment in found:
        mask = maskOnGrid(segmentationNode, segmentId, grid, volumeNode)
        np.moveaxis(mask, 2 - axis, 0)[hidden] = False
        if mask.any():
            masks.append(mask)
            segments.append(segment)
    stacked = np.stack(masks).transpose(0, 3, 2, 1)
    annotation = SparseAnnotation.from_masks(stacked, segments, axis=axis, slices=positions, name=name)
    return AnnotatedVolume(volume, annotation)


def orientation(volumeNode, axis):
    """What slices across an axis of a volume are called, by where they lie in the world.

    :return: "axial", "coronal" or "sagittal", with "oblique " before it where they are tilted
    """
    normal = _normal(volumeNode, axis)
    normal = np.abs(normal / np.linalg.norm(normal))
    nearest = int(normal.argmax())
    tilted = normal[nearest] < np.cos(np.radians(OBLIQUE))
    return ("oblique " if tilted else "") + ORIENTATIONS[nearest]


def pixelArea(volumeNode, axis):
    """mm2 in the world of one pixel of a slice across an axis."""
    return float(np.linalg.norm(_normal(volumeNode, axis)))


def _normal(volumeNode, axis):
    """Normal of the slices across an axis in the world, RAS; as long as a pixel is large."""
    matrix = worldFromIjk(volumeNode)
    first, second = (matrix[:3, other] for other in range(3) if other != axis)
    return np.cross(first, second)


_remembered = OrderedDict()


def _drawing(segmentationNode, volumeNode, axis, segmentIds):
    """(axis, {position: (pixels, segment IDs)}), or None where nothing is drawn.

    Remembered as long as neither the labelmaps nor the places of the two nodes change.
    """
    segmentation = segmentationNode.GetSegmentation()
    if segmentIds is None:
        segmentIds = [segmentation.GetNthSegmentID(i) for i in range(segmentation.GetNumberOfSegments())]
    grid = gridOfVolume(volumeNode, volumeNode)
    parts = []
    for segmentId in segmentIds:
        image, value = labelmapOf(segmentationNode, segmentId)
        if image is not None:
            parts.append((segmentId, value, image, offsetBetween(image, segmentationNode, grid, volumeNode)))
    # VTK counts modifications over all objects, so that no two states of any two images share a number.
    place = np.linalg.inv(worldFromIjk(volumeNode)) @ worldFromNode(segmentationNode)
    record = segmentationNode.GetAttribute(accepted.ATTRIBUTE)
    key = (axis, grid.GetExtent(), record, place.round(9).tobytes(), *((i, v, m.GetMTime()) for i, v, m, _ in parts))
    if key not in _remembered:
        _remembered[key] = _find(segmentationNode, volumeNode, grid, parts, axis)
        while len(_remembered) > REMEMBERED:
            _remembered.popitem(last=False)
    _remembered.move_to_end(key)
    return _remembered[key]


def _find(segmentationNode, volumeNode, grid, parts, axis):
    """What `_drawing` remembers, from the labelmaps: only the box round what is drawn is looked at closely."""
    layers, masks = {}, {}
    for segmentId, value, image, offset in parts:
        if offset is None:
            mask = maskOnGrid(segmentationNode, segmentId, grid, volumeNode).view(np.uint8)
            box, array, value = boundingBox(mask), mask, 1
            start = (0, 0, 0)
        else:
            if image not in layers:
                layers[image] = _inside(image, offset, grid)
            array, start, box = layers[image]
        if box is not None:
            begin = tuple(s + b.start for s, b in zip(start, box, strict=True))
            masks[segmentId] = (begin, array[box] == value)
    masks = {segmentId: mask for segmentId, mask in masks.items() if mask[1].any()}
    if not masks:
        return None
    low = np.min([begin for begin, _ in masks.values()], axis=0)
    high = np.max([np.add(begin, mask.shape) for begin, mask in masks.values()], axis=0)
    union = np.zeros(high - low, dtype=bool)
    for begin, mask in masks.values():
        union[tuple(slice(b, b + n) for b, n in zip(begin - low, mask.shape, strict=True))] |= mask
    recordedAxis, recorded = accepted.record(segmentationNode)
    if axis == "auto":  # the record's where it tells of any of these segments: others may be drawn along another
        axis = recordedAxis if any(segmentId in recorded for segmentId in masks) else None
    if axis is None:
        try:
            axis = find_axis(union.transpose(2, 1, 0), name=segmentationNode.GetName())
        except AnnotationError as error:  # its advice is for the command line
            raise AnnotationError(
                f"{segmentationNode.GetName()} is drawn throughout, or on slices of several directions: draw on a few "
                "slices of one direction, with slices between them left empty."
            ) from error
    along, across = 2 - axis, tuple(a for a in range(3) if a != 2 - axis)
    pixels = np.count_nonzero(union, axis=across)
    shown = {position + int(low[along]): (int(pixels[position]), []) for position in np.flatnonzero(pixels).tolist()}
    drawn = set()
    for segmentId, (begin, mask) in masks.items():
        known = recorded.get(segmentId, {}) if axis == recordedAxis else {}
        checksums = accepted.checksumsOf(mask, along, begin) if known else {}
        same = accepted.unchanged(checksums, known)
        for position in (np.flatnonzero(mask.any(axis=across)) + int(begin[along])).tolist():
            shown[position][1].append(segmentId)
            if position not in same:
                drawn.add(position)
    if not drawn:
        return None
    return axis, {position: (shown[position][0], tuple(shown[position][1])) for position in drawn}


def _inside(image, offset, grid):
    """The part of a labelmap within a volume: (K, J, I) array, index (k, j, i) of its first voxel, box round it."""
    array, start = arrayFromImage(image)
    extent = grid.GetExtent()
    begin = [s + o for s, o in zip(start, offset, strict=True)]
    sizes = [extent[2 * a + 1] + 1 for a in (2, 1, 0)]
    inside = tuple(
        slice(max(-b, 0), max(min(size - b, n), 0)) for b, size, n in zip(begin, sizes, array.shape, strict=True)
    )
    part = array[inside]
    return part, tuple(max(b, 0) for b in begin), boundingBox(part)
