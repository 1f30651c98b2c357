"""A small module that uses what modules use; the tests of the bench open it."""

import qt
import SampleData
import slicer
from slicer import vtkMRMLScalarVolumeNode
from slicer.i18n import tr as _
from slicer.parameterNodeWrapper import parameterNodeWrapper
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin

events = []


def registerSampleData():
    SampleData.SampleDataLogic.registerCustomSampleDataSource(category="Sample", sampleName="One")


class Sample(ScriptedLoadableModule):
    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("Sample")
        slicer.app.connect("startupCompleted()", registerSampleData)


@parameterNodeWrapper
class SampleParameterNode:
    volume: vtkMRMLScalarVolumeNode
    remember: bool = True


class SampleWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)

    def setup(self):
        ScriptedLoadableModuleWidget.setup(self)
        uiWidget = slicer.util.loadUI(self.resourcePath("UI/Sample.ui"))
        self.layout.addWidget(uiWidget)
        self.ui = slicer.util.childWidgetVariables(uiWidget)
        uiWidget.setMRMLScene(slicer.mrmlScene)
        self.logic = SampleLogic()
        self.parameters = SampleParameterNode(self.logic.getParameterNode())
        self.tag = self.parameters.connectGui(self.ui)
        self.ui.runButton.connect("clicked()", self.onRun)
        self.ui.table.connect("cellClicked(int,int)", lambda row, column: events.append((row, column)))
        self.ui.table.itemChanged.connect(lambda item: events.append(item.checkState()))
        self.shortcut = qt.QShortcut(qt.QKeySequence("Ctrl+G"), uiWidget)
        self.shortcut.connect("activated()", lambda: events.append("shortcut"))
        slicer.app.connect("aboutToQuit()", self.onQuit)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.NodeAddedEvent, self.onNodeAdded)

    def onRun(self):
        events.append("run")
        item = qt.QTableWidgetItem("first")
        item.setCheckState(qt.Qt.Unchecked)
        self.ui.table.rowCount = 1
        self.ui.table.setItem(0, 0, item)
        button = qt.QPushButton("go")
        button.clicked.connect(lambda: events.append("go"))
        self.ui.table.setCellWidget(0, 1, button)

    def onNodeAdded(self, caller, event):
        if slicer.mrmlScene.GetFirstNodeByName("Poison") is not None:
            raise ValueError("in an observer")

    def onQuit(self):
        events.append("quit")

    def enter(self):
        events.append("enter")

    def exit(self):
        events.append("exit")

    def cleanup(self):
        self.parameters.disconnectGui(self.tag)
        self.removeObservers()
        events.append("cleanup")


class SampleLogic(ScriptedLoadableModuleLogic):
    def getParameterNode(self):
        return super().getParameterNode()


class SampleTest(ScriptedLoadableModuleTest):
    def runTest(self):
        events.append("test")
