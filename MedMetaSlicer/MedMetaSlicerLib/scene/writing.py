"""A preview becomes a segmentation: a new one, or what is written into the drawing's own segments.

Slicer (5.8 to 5.12) has no lock on a single segment: its Segment Editor can be read-only as a whole, and the user can
set a segment's status in the table of segments. A segment whose status is Completed counts as locked here.
"""

from dataclasses import dataclass, field

import slicer

from medmeta.errors import AnnotationError
from MedMetaSlicerLib.scene.change import Change, segmentIds
from MedMetaSlicerLib.scene.grids import LABELMAP
from MedMetaSlicerLib.scene.preview import SEGMENT_TAG


@dataclass
class Accepted:
    """What was written, and what was kept back and why; names of segments, numbers of voxels.

    written - names of the segments that were changed
    added - names of the segments that were not there and were made
    locked - names of the segments that were left alone because their status is Completed
    protected - {name: voxels that stay with a locked segment}
    outside - {name: voxels that the editable area or the intensity range leaves as they are}
    drawn - positions of slices that stayed as drawn, those from before the result and those drawn since
    """

    written: list = field(default_factory=list)
    added: list = field(default_factory=list)
    locked: list = field(default_factory=list)
    protected: dict = field(default_factory=dict)
    outside: dict = field(default_factory=dict)
    drawn: tuple = ()


def acceptAsNew(previewNode, volumeNode, name):
    """A new segmentation with a preview's content, displayed as Slicer displays segmentations.

    :param previewNode: vtkMRMLSegmentationNode of a Preview, which stays as it is
    :param volumeNode: vtkMRMLScalarVolumeNode
    :param name: of the new node
    :return: vtkMRMLSegmentationNode
    """
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", name)
    segmentation = node.GetSegmentation()
    segmentation.DeepCopy(previewNode.GetSegmentation())
    for n in range(segmentation.GetNumberOfSegments()):
        segmentation.GetNthSegment(n).RemoveTag(SEGMENT_TAG)
    node.SetReferenceImageGeometryParameterFromVolumeNode(volumeNode)
    node.SetAndObserveTransformNodeID(volumeNode.GetTransformNodeID())
    node.CreateDefaultDisplayNodes()
    return node


def acceptInto(previewNode, segmentationNode, volumeNode, editorNode=None, chosen=None, saveState=None, leftOut=()):
    """Writes a preview into the segments that it belongs to.

    The slices that were drawn stay as drawn, those too that were drawn since. Where another segment is, the Segment
    Editor's overwrite mode decides: without an editor node no other segment loses a voxel, and both may have it.
    Outside the editable area and the editable intensity range nothing changes. A segment that is locked keeps all its
    voxels, and gets none.

    :param previewNode: vtkMRMLSegmentationNode of a Preview
    :param segmentationNode: vtkMRMLSegmentationNode to write into
    :param volumeNode: vtkMRMLScalarVolumeNode that the preview is of
    :param editorNode: vtkMRMLSegmentEditorNode whose settings hold; None to edit everywhere and overwrite nothing
    :param chosen: IDs of the preview's segments to write; None for all
    :param saveState: called once before the first change, and not at all where nothing changes: one step to undo
    :param leftOut: positions of drawn slices that the user left out, which get the result as other slices do
    :return: Accepted
    :raises AnnotationError: the segmentation is stored as surfaces, or a transform is not linear; nothing was changed
    """
    segmentation = segmentationNode.GetSegmentation()
    if segmentation.GetNumberOfSegments() and segmentation.GetSourceRepresentationName() != LABELMAP:
        raise AnnotationError(
            f"{segmentationNode.GetName()} is stored as surfaces: make the binary labelmap its source first."
        )
    wanted = [previewId for previewId in segmentIds(previewNode) if chosen is None or previewId in chosen]
    change = Change(previewNode, segmentationNode, volumeNode, editorNode, wanted, leftOut)
    accepted, edits = Accepted(drawn=change.positions), []
    for previewId in wanted:
        edits += change.plan(previewId, accepted)
    if not edits:
        return accepted
    if saveState is not None:
        saveState()
    for edit in edits:
        change.write(edit, accepted)
    change.remember(edits)
    return accepted


class History:
    """Undo and redo of a segmentation for scripts, and wherever no Segment Editor widget is that has its own.

    :param segmentationNode: vtkMRMLSegmentationNode
    :param states: how many steps are kept
    """

    def __init__(self, segmentationNode, states=10):
        self._history = slicer.vtkSegmentationHistory()
        self._history.SetMaximumNumberOfStates(states)
        self._history.SetSegmentation(segmentationNode.GetSegmentation())

    def saveState(self):
        """Keeps what is there now, to come back to."""
        self._history.SaveState()

    def undo(self):
        """Brings back the state before; False where there is none."""
        return self._history.IsRestorePreviousStateAvailable() and self._history.RestorePreviousState()

    def redo(self):
        """Brings back what was undone; False where nothing was."""
        return self._history.IsRestoreNextStateAvailable() and self._history.RestoreNextState()
