"""qMRMLSliderWidget and qMRMLCollapsibleButton: CTK's widgets that know a scene."""

from slicer_stand_ins.widgets.collapsible import ctkCollapsibleButton
from slicer_stand_ins.widgets.properties import stored
from slicer_stand_ins.widgets.values import ctkSliderWidget


class qMRMLSliderWidget(ctkSliderWidget):
    quantity = stored(str, "")

    def __init__(self, parent=None):
        super().__init__(parent)
        self._scene = None

    def mrmlScene(self):
        return self._scene

    def setMRMLScene(self, scene):
        self._scene = scene


class qMRMLCollapsibleButton(ctkCollapsibleButton):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self._scene = None

    def mrmlScene(self):
        return self._scene

    def setMRMLScene(self, scene):
        self._scene = scene
