"""What Slicer makes of a module in Python: the module's object and its panel's frame."""

import importlib.util
import sys
from pathlib import Path

import slicer
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QVBoxLayout, QWidget

from slicer_stand_ins.python_qt.conversion import wrapped
from slicer_stand_ins.widgets.properties import Property, stored


def loadSource(name, path):
    """The module of a file, loaded once as Slicer does; found by its name by others."""
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        sys.modules[name] = importlib.util.module_from_spec(spec)
        try:
            spec.loader.exec_module(sys.modules[name])
        except BaseException:
            del sys.modules[name]
            raise
    return sys.modules[name]


class qSlicerScriptedLoadableModule(QObject):
    """A module in Python; parent of the class that has the module's name."""

    def __init__(self, path=None, parent=None):
        super().__init__(parent)
        self._path, self._widget = str(path or ""), None
        self.setObjectName(Path(self._path).stem)

    title, helpText, acknowledgementText = stored(str, ""), stored(str, ""), stored(str, "")
    categories, contributors = stored("QStringList", []), stored("QStringList", [])
    dependencies, associatedNodeTypes = stored("QStringList", []), stored("QStringList", [])
    hidden, index = stored(bool, False), stored(int, -1)
    icon = stored(QIcon, None)
    path = Property(str, lambda self: self._path)
    name = Property(str, lambda self: Path(self._path).stem)

    def load(self):
        """Makes the module's class; slicer.modules has the module from now on."""
        self._self = getattr(loadSource(self.name, self._path), self.name)(wrapped(self))
        setattr(slicer.modules, self.name.lower(), wrapped(self))
        setattr(slicer.modules, f"{self.name}Instance", self._self)

    def widgetRepresentation(self):
        if self._widget is None:
            self._widget = qSlicerScriptedLoadableModuleWidget()
            self._widget.begin(self)
        return self._widget


class qSlicerScriptedLoadableModuleWidget(QWidget):
    """The frame of a module's panel; parent of the module's widget class."""

    sceneWasSet = Signal(object)
    SIGNATURES = (("mrmlSceneChanged(vtkMRMLScene*)", "sceneWasSet"),)

    def __init__(self, parent=None):
        super().__init__(parent)
        QVBoxLayout(self)
        self._entered, self._self, self._module = False, None, None

    def begin(self, module):
        self._module = module
        self.setObjectName(f"{module.name}ModuleWidget")
        self._make()
        self._self.setup()

    def _make(self):
        name = f"{self._module.name}Widget"
        self._self = getattr(loadSource(self._module.name, self._module.path), name)(wrapped(self))
        setattr(slicer.modules, name, self._self)

    moduleName = Property(str, lambda self: self._module.name)
    isEntered = Property(bool, lambda self: self._entered)

    def self(self):
        return self._self

    def reload(self):
        self._make()
        self._self.setup()

    def enter(self):
        self._entered = True
        if hasattr(self._self, "enter"):
            self._self.enter()

    def exit(self):
        self._entered = False
        if hasattr(self._self, "exit"):
            self._self.exit()

    def setMRMLScene(self, scene):
        self.sceneWasSet.emit(scene)
