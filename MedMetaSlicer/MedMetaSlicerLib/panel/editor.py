"""The Segment Editor within the panel."""

import slicer

EDITOR = "MedMetaSlicer"
"""Singleton tag of the editor's node, which keeps its settings in the scene."""

EFFECT = "MedMeta"


class Editor:
    """Shows the Segment Editor for the chosen segmentation and volume.

    :param widget: qMRMLSegmentEditorWidget
    """

    def __init__(self, widget):
        self.widget = widget
        # Our own effect would be a second panel within the panel.
        widget.setEffectNameOrder([name for name in widget.availableEffectNames() if name != EFFECT])
        widget.unorderedEffectsVisible = False

    def attach(self, parameters):
        """Edits the parameter node's segmentation; None for none.

        :param parameters: MedMetaSlicerParameterNode, or None
        """
        if parameters is None:
            self.widget.setActiveEffect(None)
            self.widget.setMRMLSegmentEditorNode(None)
            return
        self.widget.setMRMLSegmentEditorNode(self.node())
        self.follow(parameters)

    def follow(self, parameters):
        """The choice of segmentation or volume changed."""
        if self.widget.segmentationNode() is not parameters.segmentation:
            self.widget.setSegmentationNode(parameters.segmentation)
        if self.widget.sourceVolumeNode() is not parameters.volume:
            self.widget.setSourceVolumeNode(parameters.volume)

    @staticmethod
    def node():
        """The vtkMRMLSegmentEditorNode of this module, made where it is not there."""
        found = slicer.mrmlScene.GetSingletonNode(EDITOR, "vtkMRMLSegmentEditorNode")
        if found is not None:
            return found
        node = slicer.mrmlScene.CreateNodeByClass("vtkMRMLSegmentEditorNode")
        node.UnRegister(None)
        node.SetSingletonTag(EDITOR)
        return slicer.mrmlScene.AddNode(node)
