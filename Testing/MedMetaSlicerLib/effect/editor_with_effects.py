"""A Segment Editor with effects, as qMRMLSegmentEditorWidget has them: copies of those that are registered."""

import slicer
import vtk

from slicer_stand_ins.widgets.segment_editor_effect import CHANGED, qSlicerSegmentEditorEffectFactory


class Editor:
    """Slicer's own logic of the Segment Editor (undo, nodes), and one active effect.

    :param scene: vtkMRMLScene
    :param tag: singleton tag of its parameter node
    """

    def __init__(self, scene, logic, tag="SegmentEditor"):
        self.scene, self.tag = scene, tag
        self.logic = slicer.vtkSlicerSegmentEditorLogic()
        self.logic.SetMRMLApplicationLogic(logic)
        self.logic.SetMRMLScene(scene)
        self.effects = [effect.clone() for effect in qSlicerSegmentEditorEffectFactory.instance().registeredEffects()]
        self.node, self.active, self._tags = None, None, []
        for effect in self.effects:
            effect.serve(self.logic.SaveStateForUndo, self.choose)
            effect.setupOptionsFrame()
        self.useNode()

    def useNode(self):
        """The parameter node of the scene, made anew where the scene was closed."""
        node = self.scene.GetSingletonNode(self.tag, "vtkMRMLSegmentEditorNode")
        if node is None:
            made = self.scene.CreateNodeByClass("vtkMRMLSegmentEditorNode")
            made.SetSingletonTag(self.tag)
            node = self.scene.AddNode(made)
        self.choose("")
        self._unwatch()
        self.node = node
        self.logic.SetSegmentEditorNode(node)
        for effect in self.effects:
            effect.setParameterSetNode(node)
            effect.setMRMLDefaults()
        self._tags.append(node.AddObserver(CHANGED, self._parametersChanged))
        self._tags.append(node.AddObserver(vtk.vtkCommand.ModifiedEvent, self._follow))

    def _unwatch(self):
        for tag in self._tags:
            self.node.RemoveObserver(tag)
        self._tags = []

    def _parametersChanged(self, *_):
        for effect in self.effects:
            effect.updateGUIFromMRML()

    def _follow(self, node, _):
        """An effect is only active while its node says so."""
        if node is self.node and self.active is not None and node.GetActiveEffectName() != self.active.name:
            self.choose("")

    def choose(self, name):
        """Activates an effect; others of Slicer's own have no object here."""
        wanted = next((effect for effect in self.effects if effect.name == name), None)
        if wanted is not self.active:
            last, self.active = self.active, None
            if last is not None:
                last.deactivate()
            if self.node is not None:
                self.node.SetActiveEffectName(name)
            if wanted is not None:
                self.active = wanted
                wanted.activate()
        return wanted

    def edit(self, segmentationNode, volumeNode):
        """Chooses a segmentation and a volume; the active effect is left, as Slicer does."""
        self.logic.SetSegmentationNode(segmentationNode)
        self.choose("")
        if self.node.GetSourceVolumeNode() is not volumeNode:
            self.logic.SetSourceVolumeNode(volumeNode)
            for effect in self.effects:
                effect.sourceVolumeNodeChanged()

    def undo(self):
        self.logic.Undo()

    def close(self):
        self.choose("")
        self._unwatch()
        self.logic.SetSegmentEditorNode(None)
        for effect in self.effects:
            effect.cleanup()
