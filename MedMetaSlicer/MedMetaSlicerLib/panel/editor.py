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
        widget.unorderedEffectsVisible = False
        self._factory = slicer.qSlicerSegmentEditorEffectFactory.instance()
        self._factory.connect("effectRegistered(QString)", self.listEffects)  # the widget does not look by itself
        self.listEffects()

    def listEffects(self, *_):
        """Shows Slicer's effects in Slicer's order, and after them what extensions have registered until now."""
        self.widget.updateEffectList()
        names = list(self.widget.effectNameOrder())
        names += [name for name in self.widget.availableEffectNames() if name not in names]
        # Our own effect would be a second panel within the panel.
        self.widget.setEffectNameOrder([name for name in names if name != EFFECT])

    def enter(self):
        """The module is shown: Slicer's keys for effects, segments and undo hold."""
        self.widget.installKeyboardShortcuts()

    def exit(self):
        """Another module is shown: a click in a view draws no more."""
        self.widget.setActiveEffect(None)
        self.widget.uninstallKeyboardShortcuts()
        self.widget.removeViewObservations()

    def close(self):
        """The panel goes."""
        self.exit()
        self._factory.disconnect("effectRegistered(QString)", self.listEffects)

    def attach(self, parameters):
        """Edits the parameter node's segmentation; None for none.

        :param parameters: MedMetaSlicerParameterNode, or None
        """
        if parameters is None:
            self.widget.setActiveEffect(None)
            self.widget.setMRMLSegmentEditorNode(None)
            return
        self.widget.setMRMLSegmentEditorNode(self.node())
        self.widget.updateWidgetFromMRML()  # it is the same node where a scene was imported into this one
        self.follow(parameters)

    def follow(self, parameters):
        """The choice of segmentation or volume changed."""
        if self.widget.segmentationNode() is not parameters.segmentation:
            self.widget.setSegmentationNode(parameters.segmentation)
        if parameters.segmentation is None:
            return  # the editor refuses a volume without one
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
