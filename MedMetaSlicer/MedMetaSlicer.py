import pathlib
from typing import Annotated

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

from MedMetaSlicerLib import application
from MedMetaSlicerLib.process import Process
from MedMetaSlicerLib.scene.marks import mark


class MedMetaSlicer(ScriptedLoadableModule):
    """Few-shot segmentation by meta-learning."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("MedMetaSlicer")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Segmentation")]
        self.parent.dependencies = ["Segmentations", "SegmentEditor", "SubjectHierarchy"]
        self.parent.contributors = ["MedMetaSlicer contributors"]
        self.parent.helpText = _(
            "Draw a structure on a few slices, press Adapt: the rest of the volume, and other volumes, are segmented "
            "by a network that adapts itself to your drawing in seconds."
        )
        self.parent.acknowledgementText = _("MedMetaSlicer is free software under the Apache License 2.0.")
        slicer.app.connect("startupCompleted()", application.register)


@parameterNodeWrapper
class MedMetaSlicerParameterNode:
    """All that the panel shows; saved with the scene.

    volume - the volume that is drawn on
    segmentation - a few slices of it are drawn
    leftOut, empty - slices that do not count, and slices that are marked as empty; kept with the segmentation
    preview - the result that is not accepted yet; visible, filled, opacity: how it is shown
    cohortSource, cohortFolder, cohortInput, cohortOutput - where other volumes are
    task - the saved task that was made last
    learner - auto is the Siamese network, or what does better on held-out slices where many are drawn
    device - auto, cpu or cuda
    budget - seconds for adapting; 0 for no limit
    seed - makes the result repeatable
    cleanUp - take stray parts away and fill holes
    """

    volume: vtkMRMLScalarVolumeNode
    segmentation: vtkMRMLSegmentationNode
    leftOut = mark("leftOut")
    empty = mark("empty")
    preview: vtkMRMLSegmentationNode
    previewVisible: bool = True
    previewFilled: bool = False
    previewOpacity: Annotated[float, WithinRange(0, 1)] = 1.0
    cohortSource: Annotated[str, Choice(["all of the scene", "folder of the scene", "folder on disk"])] = (
        "all of the scene"
    )
    cohortFolder: str
    cohortInput: pathlib.Path
    cohortOutput: pathlib.Path
    task: str
    learner: Annotated[str, Choice(["auto", "maml", "siamese", "lstm"])] = "auto"
    device: Annotated[str, Choice(["auto", "cpu", "cuda"])] = "auto"
    budget: Annotated[int, WithinRange(0, 3600)] = 0
    seed: Annotated[int, WithinRange(0, 999999)] = 0
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
        self.panel = application.makePanel(self.ui, self.logic.bench, _)
        scene = slicer.mrmlScene
        self.addObserver(scene, scene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(scene, scene.EndCloseEvent, self.onSceneEndClose)
        self.addObserver(scene, scene.EndImportEvent, self.onSceneEndImport)
        self.initializeParameterNode()

    def cleanup(self):
        self.setParameterNode(None)
        if self.panel:
            self.panel.close()
            self.logic.close()
        self.removeObservers()

    def enter(self):
        self.initializeParameterNode()
        self.panel.enter(slicer.util.mainWindow())

    def exit(self):
        self.panel.exit()
        self.setParameterNode(None)  # what is computed goes on; its result comes into the scene all the same

    def onSceneStartClose(self, caller, event):
        self.setParameterNode(None)
        self.panel.detach()

    def onSceneEndClose(self, caller, event):
        if self.parent.isEntered:
            self.initializeParameterNode()

    def onSceneEndImport(self, caller, event):
        if self.parent.isEntered:
            self.setParameterNode(None)  # it may have new references without having been modified: is read anew
            self.initializeParameterNode()

    def initializeParameterNode(self):
        self.setParameterNode(self.logic.getParameterNode())
        if not self._parameterNode.volume:
            self._parameterNode.volume = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLScalarVolumeNode")

    def setParameterNode(self, parameterNode):
        if self._parameterNode:
            self._parameterNode.disconnectGui(self._parameterNodeGuiTag)
            self.removeObserver(self._parameterNode, vtk.vtkCommand.ModifiedEvent, self.panel.parametersChanged)
        self._parameterNode = parameterNode
        if self._parameterNode:
            self.panel.attach(parameterNode)
            self._parameterNodeGuiTag = self._parameterNode.connectGui(self.ui)
            self.addObserver(self._parameterNode, vtk.vtkCommand.ModifiedEvent, self.panel.parametersChanged)


class MedMetaSlicerLogic(ScriptedLoadableModuleLogic):
    """The work without a widget; see MedMetaSlicerLib.process.Process for the arguments.

    slicer.util.getModuleLogic("MedMetaSlicer").process(volumeNode, segmentationNode, [otherVolumeNode])
    """

    def __init__(self):
        ScriptedLoadableModuleLogic.__init__(self)
        self._bench = None
        self.process = Process()

    @property
    def bench(self):
        """What panel and Segment Editor effect work with; made when it is first needed."""
        if self._bench is None:
            self._bench = application.makeBench(_)
        return self._bench

    def close(self):
        """Ends what computes; it starts anew when it is needed."""
        if self._bench is not None:
            self._bench.close()

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
