"""A small effect for the tests of the bench."""

import qSlicerSegmentationsEditorEffectsPythonQt as effects
import qt
from SegmentEditorEffects import AbstractScriptedSegmentEditorEffect

events = []


class SegmentEditorEffect(AbstractScriptedSegmentEditorEffect):
    def __init__(self, scriptedEffect):
        scriptedEffect.name = "Sample"
        scriptedEffect.title = "Sample effect"
        AbstractScriptedSegmentEditorEffect.__init__(self, scriptedEffect)

    def clone(self):
        copy = effects.qSlicerSegmentEditorScriptedEffect(None)
        copy.setPythonSource(__file__)
        return copy

    def setupOptionsFrame(self):
        self.button = qt.QPushButton("Go")
        self.button.name = "goButton"
        self.button.clicked.connect(self.onGo)
        self.scriptedEffect.addOptionsWidget(self.button)

    def setMRMLDefaults(self):
        self.scriptedEffect.setParameterDefault("Size", 3)

    def onGo(self):
        self.scriptedEffect.saveStateForUndo()
        events.append("go")

    def activate(self):
        events.append("activate")

    def deactivate(self):
        events.append("deactivate")

    def sourceVolumeNodeChanged(self):
        events.append("volume")

    def cleanup(self):
        events.append("cleanup")
