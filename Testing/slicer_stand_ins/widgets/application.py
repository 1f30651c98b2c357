"""qSlicerApplication, its main window, layouts and module manager."""

import tempfile
from pathlib import Path

from PySide6.QtCore import QObject, QSettings, Signal
from PySide6.QtWidgets import QApplication, QMainWindow, QWidget

from slicer_stand_ins.widgets.properties import Property, stored


class qSlicerApplication(QApplication):
    """The application of the test process: one for all tests."""

    startupCompleted = Signal()
    sceneWasSet = Signal(object)
    SIGNATURES = (("mrmlSceneChanged(vtkMRMLScene*)", "sceneWasSet"),)

    def __init__(self, arguments):
        super().__init__(arguments)
        self._folder = tempfile.TemporaryDirectory(prefix="slicer-stand-in-")
        self._modules, self._layouts = qSlicerModuleManager(self), qSlicerLayoutManager(self)
        self.setApplicationName("Slicer")
        self.setOrganizationName("stand-in")
        QSettings.setDefaultFormat(QSettings.Format.IniFormat)
        QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, self._folder.name)
        self._core = None

    def serve(self, core):
        """Takes over scene and logics of a trame_slicer.core.SlicerApp."""
        self._core = core
        self._layouts.serve(core)
        self.sceneWasSet.emit(core.scene)

    majorVersion, minorVersion = stored(int, 5), stored(int, 10)
    documentationBaseUrl = stored(str, "https://slicer.readthedocs.io/")
    slicerHome = Property(str, lambda self: self._folder.name)
    temporaryPath = Property(str, lambda self: self._made("temporary"))
    cachePath = Property(str, lambda self: self._made("cache"))
    slicerUserSettingsFilePath = Property(str, lambda self: str(Path(self._folder.name) / "Slicer.ini"))

    def _made(self, name):
        folder = Path(self._folder.name) / name
        folder.mkdir(exist_ok=True)
        return str(folder)

    def mrmlScene(self):
        return self._core.scene

    def applicationLogic(self):
        return self._core.app_logic

    def moduleLogic(self, name):
        return self._core.app_logic.GetModuleLogic(name)

    def moduleManager(self):
        return self._modules

    def layoutManager(self):
        return self._layouts

    def topLevelWidgets(self):
        """The main window, which is what `slicer.util` looks for.

        Among Qt's own are widgets that Python is about to collect: PySide now and then crashes on them.
        """
        return [self._mainWindow]

    def testingEnabled(self):
        return False

    def userSettings(self):
        return QSettings()

    def settings(self):
        return QSettings()

    def moduleDocumentationUrl(self, name):
        return f"{self.documentationBaseUrl}user_guide/modules/{name.lower()}.html"

    def pauseRender(self):
        self._layouts.pauses += 1

    def resumeRender(self):
        self._layouts.pauses -= 1

    def setRenderPaused(self, on):
        self._layouts.pauses += 1 if on else -1


class qSlicerMainWindow(QMainWindow):
    """A main window, so that messages are shown; never on a screen."""

    def __init__(self):
        super().__init__()
        self.setObjectName("qSlicerMainWindow")


class qSlicerModuleManager(QObject):
    moduleLoaded, moduleAboutToBeUnloaded = Signal(str), Signal(str)

    def __init__(self, parent=None):
        super().__init__(parent)
        self._known = {}

    def add(self, module):
        self._known[module.name] = module
        self.moduleLoaded.emit(module.name)

    def unload(self, name):
        self.moduleAboutToBeUnloaded.emit(name)
        return self._known.pop(name, None)

    def module(self, name):
        return self._known.get(name)

    def modulesNames(self):
        return list(self._known)


class qSlicerLayoutManager(QObject):
    """Slice views are nodes of the scene; there are no windows to draw in."""

    layoutChanged = Signal(int)

    def __init__(self, parent=None):
        super().__init__(parent)
        self.pauses, self._core, self._layout = 0, None, 0

    def serve(self, core):
        self._core = core

    def _setLayout(self, number):
        if number != self._layout:
            self._layout = number
            self.layoutChanged.emit(number)

    layout = Property(int, lambda self: self._layout, _setLayout)
    threeDViewCount = Property(int, lambda self: self._core.scene.GetNumberOfNodesByClass("vtkMRMLViewNode"))

    def setLayout(self, number):
        self._setLayout(number)

    def _sliceNodes(self):
        scene = self._core.scene
        count = scene.GetNumberOfNodesByClass("vtkMRMLSliceNode")
        return [scene.GetNthNodeByClass(index, "vtkMRMLSliceNode") for index in range(count)]

    def sliceViewNames(self):
        return [node.GetLayoutName() for node in self._sliceNodes()]

    def sliceWidget(self, name):
        for node in self._sliceNodes():
            if node.GetLayoutName() == name:
                return qMRMLSliceWidget(node, self._core.app_logic.GetSliceLogic(node))
        return None

    def mrmlSliceLogics(self):
        return self._core.app_logic.GetSliceLogics()

    def resetThreeDViews(self):
        """There is nothing to reset without a window."""

    def resetSliceViews(self):
        for node in self._sliceNodes():
            logic = self._core.app_logic.GetSliceLogic(node)
            if logic is not None:
                logic.FitSliceToAll()


class qMRMLSliceWidget(QWidget):
    """A slice view without a window: its node and its logic."""

    def __init__(self, node, logic, parent=None):
        super().__init__(parent)
        self._node, self._logic = node, logic

    def mrmlSliceNode(self):
        return self._node

    def sliceLogic(self):
        return self._logic
