"""What the effect works with, as a bench wants it: chosen in the Segment Editor, and saved with the scene.

Settings are parameters of the effect, in the Segment Editor's node. Marks (slices that are empty, or do not count)
belong to a drawing and stay with its segmentation, see scene/marks.py.
"""

from pathlib import Path

import slicer
import vtk

from MedMetaSlicerLib.flow.cohort import DISK
from MedMetaSlicerLib.flow.result import caseOf, previewOf
from MedMetaSlicerLib.scene.marks import ALL, mark

EFFECT = "MedMetaSlicer.Effect"
"""Attribute of a preview node that the effect showed: it goes when what it belongs to is deleted."""

DEFAULTS = {
    "Learner": "auto",
    "Device": "auto",
    "Budget": "0",
    "Seed": "0",
    "CleanUp": "1",
    "PreviewVisible": "1",
    "PreviewFilled": "0",
    "PreviewOpacity": "1.0",
}
"""The effect's parameters."""


def _setting(name, read):
    """A property that is a parameter of the effect."""

    def get(self):
        return read(self._effect.parameter(name) if self._effect.parameterDefined(name) else DEFAULTS[name])

    def put(self, value):
        text = str(int(value)) if isinstance(value, bool) else str(value)
        if self._effect.parameterSetNode() is not None:
            self._effect.setParameter(name, text)

    return property(get, put)


def _choice(parameters):
    ids = parameters.visibleSegments()
    return ALL if ids is None else " ".join(sorted(ids))


def _flag(text):
    return text not in ("", "0")


class EffectParameters:
    """The attributes of MedMetaSlicerParameterNode that adapting and its result need.

    :param scriptedEffect: qSlicerSegmentEditorScriptedEffect
    """

    learner = _setting("Learner", str)
    device = _setting("Device", str)
    budget = _setting("Budget", int)
    seed = _setting("Seed", int)
    cleanUp = _setting("CleanUp", _flag)
    previewVisible = _setting("PreviewVisible", _flag)
    previewFilled = _setting("PreviewFilled", _flag)
    previewOpacity = _setting("PreviewOpacity", float)

    leftOut = mark("leftOut", _choice)
    empty = mark("empty", _choice)

    # Other volumes and saved tasks are the panel's: here none is chosen.
    task = ""
    cohortSource = DISK
    cohortFolder = ""
    cohortInput = cohortOutput = Path()

    def __init__(self, scriptedEffect):
        self._effect = scriptedEffect

    def setDefaults(self):
        """Gives the parameters that are not set yet their values."""
        for name, value in DEFAULTS.items():
            self._effect.setParameterDefault(name, value)

    @property
    def editorNode(self):
        """vtkMRMLSegmentEditorNode with the choices and the masking, or None."""
        return self._effect.parameterSetNode()

    @property
    def volume(self):
        """The Segment Editor's source volume, or None."""
        return self.editorNode.GetSourceVolumeNode() if self.editorNode is not None else None

    @property
    def segmentation(self):
        """The segmentation that is edited, or None."""
        return self.editorNode.GetSegmentationNode() if self.editorNode is not None else None

    def visibleSegments(self):
        """IDs of the segments that are visible: those are completed, as Slicer's own auto-complete effects have it.

        :return: tuple; None, which stands for all, where there is no segmentation or nothing to tell by
        """
        display = self.segmentation.GetDisplayNode() if self.segmentation is not None else None
        if display is None:
            return None
        ids = vtk.vtkStringArray()
        display.GetVisibleSegmentIDs(ids)
        return tuple(ids.GetValue(i) for i in range(ids.GetNumberOfValues()))

    @property
    def preview(self):
        """The preview of the segmentation that is edited over the volume that is chosen, or None.

        Every segmentation has its own, found by what it refers to: one can leave a preview and come back to it.
        """
        case = caseOf(self)
        return previewOf(*case) if case is not None else None

    @preview.setter
    def preview(self, node):
        if node is not None:
            node.SetAttribute(EFFECT, "1")

    @staticmethod
    def previews():
        """All previews that the effect showed."""
        return [node for node in slicer.util.getNodesByClass("vtkMRMLSegmentationNode") if node.GetAttribute(EFFECT)]
