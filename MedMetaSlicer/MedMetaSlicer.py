from typing import Annotated

import qt
import slicer
import vtk
from slicer import vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.parameterNodeWrapper import Choice, WithinRange, parameterNodeWrapper
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin

from MedMetaSlicerLib.dependencies import DependencyInstaller
from MedMetaSlicerLib.panel import Panel
from MedMetaSlicerLib.process import Process


class MedMetaSlicer(ScriptedLoadableModule):
    """Few-shot segmentation by meta-learning."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("MedMetaSlicer")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Segmentation")]
        self.parent.dependencies = []
        self.parent.contributors = ["MedMetaSlicer contributors"]
        self.parent.helpText = _(
            "Draw a structure on a few slices, press Adapt: the rest of the volume, and other volumes, are segmented "
            "by a network that adapts itself to your drawing in seconds."
        )
        self.parent.acknowledgementText = _("MedMetaSlicer is free software under the Apache License 2.0.")


@parameterNodeWrapper
class MedMetaSlicerParameterNode:
    """What the panel's widgets show.

    volume - the volume that is drawn on
    segmentation - a few slices of it are drawn
    device - auto, cpu or cuda
    seed - makes the result repeatable
    learner - auto is the Siamese network, or what does better on held-out slices where many are drawn
    budget - seconds for adapting; 0 for no limit
    cleanUp - take stray parts away and fill holes
    """

    volume: vtkMRMLScalarVolumeNode
    segmentation: vtkMRMLSegmentationNode
    device: Annotated[str, Choice(["auto", "cpu", "cuda"])] = "auto"
    seed: Annotated[int, WithinRange(0, 999999)] = 0
    learner: Annotated[str, Choice(["auto", "maml", "siamese", "lstm"])] = "auto"
    budget: Annotated[int, WithinRange(0, 3600)] = 0
    cleanUp: bool = True


class MedMetaSlicerWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """Wires the panel to the scene."""

    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic = None
        self.panel = None
        self._parameterNode = None
        self._parameterNodeGuiTag = None

    def setup(self):
        ScriptedLoadableModuleWidget.setup(self)
        uiWidget = slicer.util.loadUI(self.resourcePath("UI/MedMetaSlicer.ui"))
        self.layout.addWidget(uiWidget)
        self.ui = slicer.util.childWidgetVariables(uiWidget)
        uiWidget.setMRMLScene(slicer.mrmlScene)
        self.logic = MedMetaSlicerLogic()
        self.panel = Panel(self.ui, self.logic.process, qt.QTimer(), _, self.prepare, slicer.util.errorDisplay)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndCloseEvent, self.onSceneEndClose)
        self.initializeParameterNode()

    def prepare(self):
        """True once all packages are there; asks before it installs any."""
        try:
            import PyTorchUtils

            installTorch = PyTorchUtils.PyTorchUtilsLogic().installTorch
        except ImportError:
            installTorch = None
        installer = DependencyInstaller(slicer.util.confirmOkCancelDisplay, slicer.util.pip_install, installTorch)
        return installer.ensure()

    def cleanup(self):
        if self.panel:
            self.panel.forget()
        self.removeObservers()

    def enter(self):
        self.initializeParameterNode()

    def exit(self):
        self.setParameterNode(None)

    def onSceneStartClose(self, caller, event):
        self.panel.forget()
        self.setParameterNode(None)

    def onSceneEndClose(self, caller, event):
        if self.parent.isEntered:
            self.initializeParameterNode()

    def initializeParameterNode(self):
        self.setParameterNode(self.logic.getParameterNode())
        if not self._parameterNode.volume:
            self._parameterNode.volume = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLScalarVolumeNode")

    def setParameterNode(self, parameterNode):
        if self._parameterNode:
            self._parameterNode.disconnectGui(self._parameterNodeGuiTag)
            self.removeObserver(self._parameterNode, vtk.vtkCommand.ModifiedEvent, self.onParameterNodeModified)
        self._parameterNode = parameterNode
        if self._parameterNode:
            self._parameterNodeGuiTag = self._parameterNode.connectGui(self.ui)
            self.addObserver(self._parameterNode, vtk.vtkCommand.ModifiedEvent, self.onParameterNodeModified)
            self.panel.update()

    def onParameterNodeModified(self, caller=None, event=None):
        self.panel.update()


class MedMetaSlicerLogic(ScriptedLoadableModuleLogic):
    """The work without a widget; see MedMetaSlicerLib.process.Process for the arguments.

    slicer.util.getModuleLogic("MedMetaSlicer").process(volumeNode, segmentationNode, [otherVolumeNode])
    """

    def __init__(self):
        ScriptedLoadableModuleLogic.__init__(self)
        self.process = Process()

    def getParameterNode(self):
        return MedMetaSlicerParameterNode(super().getParameterNode())


class MedMetaSlicerTest(ScriptedLoadableModuleTest):
    """Runs the main job on a small synthetic volume inside Slicer."""

    def setUp(self):
        slicer.mrmlScene.Clear()

    def runTest(self):
        self.setUp()
        self.test_adaptFillsTheSlicesBetween()

    def test_adaptFillsTheSlicesBetween(self):
        from MedMetaSlicerLib.selftest import ballInAVolume, sharesOfBall

        self.delayDisplay("Adapting to a ball that is drawn on three slices")
        volumeNode, segmentationNode, ball = ballInAVolume()
        (result,) = MedMetaSlicerLogic().process(volumeNode, segmentationNode, device="cpu")
        self.assertGreater(sharesOfBall(result, volumeNode, ball), 0.8)
        self.delayDisplay("Test passed")
