"""One acceptance, worked out before anything is written, and then carried out with Slicer's own functions.

Those are the functions that the Segment Editor itself is made of. The class that binds them together there
(vtkSlicerSegmentEditorLogic) is in Slicer from 5.10 on only, and knows neither locked segments nor drawn slices.
"""

from dataclasses import dataclass

import numpy as np
import slicer

from medmeta.errors import AnnotationError
from MedMetaSlicerLib.scene import accepted as acceptedSlices
from MedMetaSlicerLib.scene.grids import (
    LABELMAP,
    arrayFromImage,
    boundingBox,
    gridOfSegmentation,
    gridOfVolume,
    imageFromArray,
    imageMatrix,
    maskOnGrid,
    resampled,
    worldFromIjk,
    worldFromNode,
)
from MedMetaSlicerLib.scene.preview import SEGMENT_TAG, SOURCE, drawnSlices, sourceOf
from MedMetaSlicerLib.scene.slices import annotatedSlices

ON = 255
"""Of a mask that keeps what is there."""


@dataclass
class Edit:
    """One segment's change: boolean parts of the segmentation's grid from (k, j, i) on."""

    segmentId: str | None
    previewId: str
    start: tuple
    added: np.ndarray
    taken: np.ndarray


class Change:
    """Everything that is looked up before anything is written, so that no segment's change depends on another's.

    :param wanted: IDs of the preview's segments that are to be written
    :param leftOut: positions of drawn slices that get the result all the same
    """

    def __init__(self, previewNode, segmentationNode, volumeNode, editorNode, wanted, leftOut):
        self.preview, self.node, self.volume, self.editor = previewNode, segmentationNode, volumeNode, editorNode
        self.segmentation = segmentationNode.GetSegmentation()
        self.grid = gridOfSegmentation(segmentationNode, volumeNode)
        self._holdPreview()
        self.matrix = imageMatrix(self.grid)
        self.axis, self.positions = self._positions(wanted, leftOut)
        self.engines = self._engines()
        self.drawn = self._drawn()
        self.lockedIds = [i for i in segmentIds(segmentationNode) if isLocked(self.segmentation.GetSegment(i))]
        self.locked = None
        for segmentId in self.lockedIds:
            mask = self._mask(segmentationNode, segmentId)
            self.locked = mask if self.locked is None else self.locked | mask

    def plan(self, previewId, accepted):
        """[Edit] of one of the preview's segments; nothing where it changes nothing."""
        name = self.preview.GetSegmentation().GetSegment(previewId).GetName()
        segmentId = self._target(previewId)
        if segmentId in self.lockedIds:
            accepted.locked.append(name)
            return []
        wanted = self._mask(self.preview, previewId)
        there = self._mask(self.node, segmentId) if segmentId else np.zeros_like(wanted)
        differs = wanted != there
        if self.drawn is not None:
            differs &= ~self.drawn
        closed = self._closed(segmentId)
        if closed is not None:
            _count(accepted.outside, name, differs & closed)
            differs &= ~closed
        added, taken = differs & wanted, differs & there
        if self.locked is not None:
            _count(accepted.protected, name, added & self.locked)
            added &= ~self.locked
        box = boundingBox((added | taken).view(np.uint8))
        if box is None:
            return []
        extent = self.grid.GetExtent()
        start = tuple(first + part.start for first, part in zip(extent[4::-2], box, strict=True))
        return [Edit(segmentId, previewId, start, added[box].copy(), taken[box].copy())]

    def write(self, edit, accepted):
        """Carries out one edit with Slicer's own functions, which see to shared layers."""
        name = self.preview.GetSegmentation().GetSegment(edit.previewId).GetName()
        segmentId = edit.segmentId
        if segmentId is None:
            segmentId = self._add(edit.previewId)
            edit.segmentId = segmentId
            accepted.added.append(name)
        else:
            accepted.written.append(name)
        self._take(segmentId, edit.taken, edit.start)
        if edit.added.any():
            overwritten = self._overwritten(segmentId)
            part = self._part(edit)
            for other in overwritten:
                self._take(other, edit.added & maskOnGrid(self.node, other, part, self.node), edit.start)
            image = imageFromArray(edit.added.astype(np.uint8), self.matrix, edit.start)
            self._set(image, segmentId, slicer.vtkSlicerSegmentationsModuleLogic.MODE_MERGE_MASK, overwritten)
        logic, segment = slicer.vtkSlicerSegmentationsModuleLogic, self.segmentation.GetSegment(segmentId)
        if logic.GetSegmentStatus(segment) == logic.NotStarted:
            logic.SetSegmentStatus(segment, logic.InProgress)

    def remember(self, edits):
        """Records which slices of the segments are the engine's now."""
        if self.axis is None:
            return
        found = {
            segmentId: {p: c for p, c in self._checksums(segmentId).items() if p not in self.positions}
            for segmentId in {edit.segmentId for edit in edits}
        }
        for segmentId in set(self.engines) - set(found):  # may have lost voxels to the others
            now = self._checksums(segmentId)
            found[segmentId] = {p: c for p, c in now.items() if p in self.engines[segmentId]}
        acceptedSlices.remember(self.node, self.axis, found)

    def _engines(self):
        """{segment ID: positions} of slices that are the engine's before anything is written."""
        axis, known = acceptedSlices.record(self.node)
        if axis is None or axis != self.axis:
            return {}
        there = [segmentId for segmentId in known if self.segmentation.GetSegment(segmentId)]
        return {i: acceptedSlices.unchanged(self._checksums(i), known[i]) for i in there}

    def _checksums(self, segmentId):
        grid = gridOfVolume(self.volume, self.volume)
        mask = maskOnGrid(self.node, segmentId, grid, self.volume)
        return acceptedSlices.checksumsOf(mask, 2 - self.axis, (0, 0, 0))

    def _part(self, edit):
        """The part of the grid that an edit is on."""
        part = slicer.vtkOrientedImageData()
        part.SetExtent(
            [e for k, n in zip(edit.start[::-1], edit.added.shape[::-1], strict=True) for e in (k, k + n - 1)]
        )
        part.SetGeometryFromImageToWorldMatrix(slicer.util.vtkMatrixFromArray(self.matrix))
        return part

    def _holdPreview(self):
        """Extends the grid so that it holds the whole preview: a drawing's may be smaller than the volume."""
        extent, other = list(self.grid.GetExtent()), gridOfVolume(self.volume, self.node)
        toGrid = np.linalg.inv(imageMatrix(self.grid)) @ imageMatrix(other)
        sizes = other.GetDimensions()
        corners = np.array(
            [[i, j, k, 1] for i in (0, sizes[0] - 1) for j in (0, sizes[1] - 1) for k in (0, sizes[2] - 1)]
        )
        found = (toGrid @ corners.T)[:3].round().astype(int)
        for axis in range(3):
            extent[2 * axis] = min(extent[2 * axis], int(found[axis].min()))
            extent[2 * axis + 1] = max(extent[2 * axis + 1], int(found[axis].max()))
        self.grid.SetExtent(extent)

    def _mask(self, node, segmentId):
        return maskOnGrid(node, segmentId, self.grid, self.node)

    def _target(self, previewId):
        """ID of the segment that one of the preview's belongs to; None where there is none."""
        if self.preview.GetNodeReference(SOURCE) is self.node:
            segmentId = sourceOf(self.preview, previewId)
            if segmentId and self.segmentation.GetSegment(segmentId):
                return segmentId
        name = self.preview.GetSegmentation().GetSegment(previewId).GetName()
        return self.segmentation.GetSegmentIdBySegmentName(name) or None

    def _positions(self, wanted, leftOut):
        """(axis, positions) of slices that stay as drawn; (None, ()) where the preview is not of this drawing."""
        axis, positions = drawnSlices(self.preview)
        if axis is None or self.preview.GetNodeReference(SOURCE) is not self.node:
            return None, ()
        targets = [segmentId for segmentId in map(self._target, wanted) if segmentId]
        rows = annotatedSlices(self.node, self.volume, leftOut, axis=axis, segmentIds=targets)
        return axis, tuple(sorted({*positions, *(row.position for row in rows if row.included)}))

    def _drawn(self):
        """Boolean, broadcast over the grid: voxels on slices that stay as drawn; None where none does."""
        axis, positions = self.axis, self.positions
        if axis is None:
            return None
        toVolume = np.linalg.inv(worldFromIjk(self.volume)) @ worldFromNode(self.node) @ self.matrix
        extent = self.grid.GetExtent()
        position = np.full((1, 1, 1), toVolume[axis, 3])
        for a in range(3):
            if abs(toVolume[axis, a]) > 1e-6:  # the others would only make the array large
                shape = [1, 1, 1]
                shape[2 - a] = -1
                steps = np.arange(extent[2 * a], extent[2 * a + 1] + 1) * toVolume[axis, a]
                position = position + steps.reshape(shape)
        return np.isin(np.round(position), positions)

    def _closed(self, segmentId):
        """Boolean over the grid: where the Segment Editor would not let this segment be edited; None for nowhere."""
        if self.editor is None:
            return None
        everywhere = self.editor.GetMaskMode() == slicer.vtkMRMLSegmentationNode.EditAllowedEverywhere
        if everywhere and not self.editor.GetSourceVolumeIntensityMask():
            return None
        mask, limits = slicer.vtkOrientedImageData(), ()
        if self.editor.GetSourceVolumeIntensityMask():
            limits = (self._source(), list(self.editor.GetSourceVolumeIntensityMaskRange()))
        made = self.node.GenerateEditMask(
            mask, self.editor.GetMaskMode(), self.grid, segmentId or "", self.editor.GetMaskSegmentID() or "", *limits
        )
        if not made:
            raise AnnotationError(
                f"The editable area of {self.node.GetName()} cannot be found: check it in the editor."
            )
        return arrayFromImage(mask)[0] != 0

    def _source(self):
        """The volume whose intensities limit the editable area, on the grid."""
        volumeNode = self.editor.GetSourceVolumeNode() or self.volume
        image = slicer.vtkOrientedImageData()
        image.ShallowCopy(volumeNode.GetImageData())
        matrix = np.linalg.inv(worldFromNode(volumeNode)) @ worldFromIjk(volumeNode)
        image.SetGeometryFromImageToWorldMatrix(slicer.util.vtkMatrixFromArray(matrix))
        return resampled(image, volumeNode, self.grid, self.node, linear=True)

    def _overwritten(self, segmentId):
        """IDs of the segments that lose the voxels that this one gets."""
        modes = slicer.vtkMRMLSegmentEditorNode
        mode = modes.OverwriteNone if self.editor is None else self.editor.GetOverwriteMode()
        if mode == modes.OverwriteNone:
            return ()
        display = self.node.GetDisplayNode()
        others = [i for i in segmentIds(self.node) if i != segmentId and i not in self.lockedIds]
        if mode == modes.OverwriteVisibleSegments and display is not None:
            others = [i for i in others if display.GetSegmentVisibility(i)]
        return tuple(others)

    def _add(self, previewId):
        """A new, empty segment like one of the preview's."""
        made = slicer.vtkSegment()
        made.DeepCopy(self.preview.GetSegmentation().GetSegment(previewId))
        made.RemoveTag(SEGMENT_TAG)
        made.RemoveAllRepresentations()
        made.SetLabelValue(1)
        made.AddRepresentation(LABELMAP, slicer.vtkOrientedImageData())
        segmentId = self.segmentation.GenerateUniqueSegmentID(previewId)
        self.segmentation.AddSegment(made, segmentId)
        return segmentId

    def _take(self, segmentId, mask, start):
        """Takes voxels from a segment, and only from it."""
        there = self.segmentation.GetSegment(segmentId).GetRepresentation(LABELMAP)
        if not mask.any() or there is None or there.GetNumberOfPoints() == 0:
            return
        image = imageFromArray(np.where(mask, 0, ON).astype(np.uint8), self.matrix, start)
        # All others are named as if they might be overwritten: else Slicer would move this one to a layer of its own.
        others = tuple(i for i in segmentIds(self.node) if i != segmentId)
        self._set(image, segmentId, slicer.vtkSlicerSegmentationsModuleLogic.MODE_MERGE_MIN, others)

    def _set(self, image, segmentId, mode, others):
        logic = slicer.vtkSlicerSegmentationsModuleLogic
        if not logic.SetBinaryLabelmapToSegment(image, self.node, segmentId, mode, image.GetExtent(), False, others):
            raise AnnotationError(f"Slicer could not write into {self.node.GetName()}: undo, and look at its log.")


def isLocked(segment):
    """True for a segment that the user has marked as completed."""
    logic = slicer.vtkSlicerSegmentationsModuleLogic
    return logic.GetSegmentStatus(segment) == logic.Completed


def segmentIds(node):
    """IDs of all segments of a segmentation node, in its order."""
    segmentation = node.GetSegmentation()
    return [segmentation.GetNthSegmentID(n) for n in range(segmentation.GetNumberOfSegments())]


def _count(found, name, mask):
    number = int(np.count_nonzero(mask))
    if number:
        found[name] = number
