"""Effects of the Segment Editor that are written in Python: what calls them, and where they are registered.

Parameters lie in a real vtkMRMLSegmentEditorNode, as attributes with the effect's name before them.
"""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import slicer
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QCursor, QIcon
from PySide6.QtWidgets import QFormLayout, QFrame, QLabel, QSizePolicy, QWidget

from slicer_stand_ins.python_qt.conversion import unwrapped, wrapped
from slicer_stand_ins.python_qt.faults import guarded
from slicer_stand_ins.widgets.properties import stored

CHANGED = slicer.vtkMRMLSegmentEditorNode.EffectParameterModified


class qSlicerSegmentEditorAbstractEffect(QObject):
    """Parameters and frame of an effect."""

    name, title = stored(str, "UnnamedScriptedEffect"), stored(str, "")
    perSegment, requireSegments = stored(bool, True), stored(bool, True)
    showEffectCursorInSliceView, showEffectCursorInThreeDView = stored(bool, True), stored(bool, False)

    def __init__(self, parent=None):
        super().__init__(parent)
        self._frame, self._node, self._active = QFrame(), None, False
        QFormLayout(self._frame)
        self._save = self._select = lambda *_: None

    def serve(self, saveStateForUndo, selectEffect):
        """The editor that the effect is in: what it asks of it."""
        self._save, self._select = saveStateForUndo, selectEffect

    def activate(self):
        self._frame.setVisible(True)
        self._active = True
        self.updateGUIFromMRML()

    def deactivate(self):
        self._frame.setVisible(False)
        self._active = False

    def active(self):
        return self._active

    def optionsFrame(self):
        return self._frame

    def optionsLayout(self):
        return self._frame.layout()

    def addOptionsWidget(self, part):
        self._frame.layout().addRow(self._adopted(part))

    def addLabeledOptionsWidget(self, text, part):
        label = QLabel(text)
        self._frame.layout().addRow(label, self._adopted(part))
        return label

    def _adopted(self, part):
        if isinstance(part, QWidget):
            part.setParent(self._frame)
            part.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.MinimumExpanding)
        return part

    def parameterSetNode(self):
        return self._node

    def setParameterSetNode(self, node):
        self._node = node

    def scene(self):
        return self._node.GetScene() if self._node else None

    def _own(self, name):
        return f"{self.name}.{name}"

    def parameterDefined(self, name):
        return self.commonParameterDefined(self._own(name))

    def commonParameterDefined(self, name):
        return bool(self._node and self._node.GetAttribute(name))

    def parameter(self, name):
        value = self._node.GetAttribute(self._own(name)) if self._node else None
        if value is None and self._node:
            value = self._node.GetAttribute(name)
        # Slicer prints an error and goes on with nothing; in a test it is one.
        assert value is not None, f"the effect {self.name} asks for its parameter {name}, which nobody has set"
        return value

    def setParameter(self, name, value):
        self.setCommonParameter(self._own(name), value)

    def setCommonParameter(self, name, value):
        assert self._node is not None, f"{name} is set while there is no parameter node"
        assert isinstance(value, str | int | float), f"{name} is set to {value!r}, which PythonQt does not take"
        if (self._node.GetAttribute(name) or "") != str(value):
            blocked = self._node.GetDisableModifiedEvent()
            self._node.SetDisableModifiedEvent(True)
            self._node.SetAttribute(name, str(value))
            self._node.SetDisableModifiedEvent(blocked)
            self._node.InvokeCustomModifiedEvent(CHANGED)

    def setParameterDefault(self, name, value):
        if not self.parameterDefined(name):
            self.setParameter(name, value)

    def nodeReference(self, name):
        if self._node is None:
            return None
        return self._node.GetNodeReference(self._own(name)) or self._node.GetNodeReference(name)

    def setNodeReference(self, name, node):
        if self._node.GetNodeReference(self._own(name)) is not node:
            self._node.SetNodeReferenceID(self._own(name), node.GetID() if node else None)
            self._node.InvokeCustomModifiedEvent(CHANGED)

    def saveStateForUndo(self):
        self._save()

    def selectEffect(self, name):
        self._select(name)


class qSlicerSegmentEditorScriptedEffect(qSlicerSegmentEditorAbstractEffect):
    """Calls a class in Python; exceptions are printed and recorded, as everywhere in PythonQt."""

    def __init__(self, parent=None):
        super().__init__(parent)
        self._source, self._self = "", None

    def pythonSource(self):
        return self._source

    def setPythonSource(self, path):
        """The module has the folder's name: where a module of that name has the class already, no file is read."""
        module, name = Path(path).parent.name, Path(path).stem
        name += "" if name.endswith("Effect") else "Effect"
        if not hasattr(sys.modules.get(module), name):
            spec = importlib.util.spec_from_file_location(module, path)
            sys.modules[module] = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(sys.modules[module])
        self._self = getattr(sys.modules[module], name)(wrapped(self))
        self._source = path
        setattr(slicer, module, self._self)
        return True

    def self(self):
        return self._self

    def _call(self, name, *arguments):
        method = getattr(self._self, name, None)
        return guarded(method)(*(wrapped(a) for a in arguments)) if method is not None else None

    def icon(self):
        return unwrapped(self._call("icon")) or QIcon()

    def helpText(self):
        return self._call("helpText") or ""

    def clone(self):
        return unwrapped(self._call("clone"))

    def activate(self):
        super().activate()
        self._call("activate")

    def deactivate(self):
        super().deactivate()
        self._call("deactivate")

    def setupOptionsFrame(self):
        self._call("setupOptionsFrame")

    def createCursor(self, widget):
        return unwrapped(self._call("createCursor", widget)) or QCursor()

    def setMRMLDefaults(self):
        self._call("setMRMLDefaults")

    def sourceVolumeNodeChanged(self):
        self._call("sourceVolumeNodeChanged")

    def referenceGeometryChanged(self):
        self._call("referenceGeometryChanged")

    def layoutChanged(self):
        self._call("layoutChanged")

    def interactionNodeModified(self, node):
        if not hasattr(self._self, "interactionNodeModified"):
            if node.GetCurrentInteractionMode() != slicer.vtkMRMLInteractionNode.ViewTransform:
                self.selectEffect("")
            return
        self._call("interactionNodeModified", node)

    def updateGUIFromMRML(self):
        if self._active:
            self._call("updateGUIFromMRML")

    def updateMRMLFromGUI(self):
        self._call("updateMRMLFromGUI")

    def cleanup(self):
        self._call("cleanup")


class qSlicerSegmentEditorEffectFactory(QObject):
    """All effects that editors make copies of."""

    effectRegistered = Signal(str)
    _only = None

    def __init__(self, parent=None):
        super().__init__(parent)
        self._effects = []

    @staticmethod
    def instance():
        cls = qSlicerSegmentEditorEffectFactory
        cls._only = cls._only or cls()
        return cls._only

    def registeredEffects(self):
        return list(self._effects)

    def registerEffect(self, effect):
        if any(known.name == effect.name for known in self._effects):
            return False
        self._effects.append(effect)
        self.effectRegistered.emit(effect.name)
        return True


class AbstractScriptedSegmentEditorEffect:
    """What Slicer's Python package SegmentEditorEffects gives effects to derive from."""

    def __init__(self, scriptedEffect):
        self.scriptedEffect = scriptedEffect

    def register(self):
        slicer.qSlicerSegmentEditorEffectFactory.instance().registerEffect(self.scriptedEffect)

    def cleanup(self):
        pass


def modules():
    """{name: module} of what an effect imports."""
    effects, base = ModuleType("qSlicerSegmentationsEditorEffectsPythonQt"), ModuleType("SegmentEditorEffects")
    effects.qSlicerSegmentEditorScriptedEffect = wrapped(qSlicerSegmentEditorScriptedEffect)
    base.AbstractScriptedSegmentEditorEffect = AbstractScriptedSegmentEditorEffect
    return {module.__name__: module for module in (effects, base)}
