"""qMRMLWidget: the root of a module's panel; passes the scene on."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget


class qMRMLWidget(QWidget):
    mrmlSceneWasSet = Signal(object)
    SIGNATURES = (("mrmlSceneChanged(vtkMRMLScene*)", "mrmlSceneWasSet"),)

    def __init__(self, parent=None):
        super().__init__(parent)
        self._scene = None

    def mrmlScene(self):
        return self._scene

    def setMRMLScene(self, scene):
        if scene is not self._scene:
            self._scene = scene
            self.mrmlSceneWasSet.emit(scene)
