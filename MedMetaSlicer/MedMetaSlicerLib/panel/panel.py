"""The panel as a whole: its parts, and the events of the scene that they hang on."""

import slicer
from slicer.util import VTKObservationMixin

from medmeta.errors import MedMetaError
from MedMetaSlicerLib.panel.adapting import AdaptingPart
from MedMetaSlicerLib.panel.cohort import CohortPart
from MedMetaSlicerLib.panel.drawing import DrawingPart
from MedMetaSlicerLib.panel.editor import Editor
from MedMetaSlicerLib.panel.result import ResultPart
from MedMetaSlicerLib.panel.shortcuts import Shortcuts
from MedMetaSlicerLib.panel.tasks import TasksPart

LOOK_AGAIN_MILLISECONDS = 300
"""After the last stroke: looking at each stroke would slow drawing down."""


class Panel(VTKObservationMixin):
    """Brings widgets and bench together.

    :param ui: the widgets of MedMetaSlicer.ui by name
    :param bench: MedMetaSlicerLib.flow.bench.Bench
    :param timer: qt.QTimer, to look again at the scene a moment after it changed
    :param ask: (title, label, text) -> what the user typed, or None
    :param askFile: (title, filter) -> path of a file, or None
    :param confirm: text -> True where the user agrees
    """

    def __init__(self, ui, bench, timer, ask, askFile, confirm):
        VTKObservationMixin.__init__(self)
        self.ui = ui
        self.bench = bench
        self.timer = timer
        self.editor = Editor(ui.segmentEditorWidget)
        self.shortcuts = None
        self._segmentationNode = self._volumeNode = None
        self._matched = None
        timer.setSingleShot(True)
        timer.connect("timeout()", bench.guarded(self.lookAgain))
        self.parts = [
            DrawingPart(ui, bench),
            AdaptingPart(ui, bench),
            ResultPart(ui, bench),
            CohortPart(ui, bench, askFile),
            TasksPart(ui, bench, ask, askFile, confirm),
        ]
        bench.observers.append(self.update)
        scene = slicer.mrmlScene
        self.addObserver(scene, scene.NodeAddedEvent, self.sceneChanged)
        self.addObserver(scene, scene.NodeRemovedEvent, self.sceneChanged)
        self.update()

    def update(self):
        """Brings all widgets in line."""
        for part in self.parts:
            part.update()

    def attach(self, parameters):
        """Works with a parameter node from now on."""
        self._watch(parameters)
        self.editor.attach(parameters)
        self.bench.attach(parameters)
        self.sceneChanged()

    def detach(self):
        """The scene goes, and all that belongs to it."""
        self._watch(None)
        self._matched = None
        self.editor.attach(None)
        self.bench.forget()

    def enter(self, window):
        """The module is shown: there is something to draw in, and its keys hold in the main window."""
        self._addSegmentation()
        self._removeShortcuts()
        if window is not None:
            self.shortcuts = Shortcuts(self.ui, window)
            self.editor.enter()

    def exit(self):
        """Another module is shown: its keys hold, and nothing is drawn here any more."""
        self._removeShortcuts()
        self.editor.exit()

    def _addSegmentation(self):
        """Adds a segmentation where there is none, as the Segment Editor does.

        Not in a scene without a volume, which would do nothing but ask to be saved.
        """
        p = self.bench.parameters
        if p is None or p.volume is None or p.segmentation is not None:
            return
        if slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLSegmentationNode") is None:
            p.segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode")

    def _removeShortcuts(self):
        if self.shortcuts is not None:
            self.shortcuts.remove()
            self.shortcuts = None

    def close(self):
        """The panel goes."""
        self._removeShortcuts()
        self.editor.close()
        self.timer.stop()
        self.removeObservers()
        self.bench.observers.remove(self.update)

    def sceneChanged(self, caller=None, event=None):
        """Something was drawn, or a node came or went: looks again soon."""
        self.timer.start(LOOK_AGAIN_MILLISECONDS)

    def parametersChanged(self, caller=None, event=None):
        """A widget was used, or a script set a parameter."""
        parameters = self.bench.parameters
        if parameters is not None:
            self._bringVolume(parameters)
            self._watch(parameters)
            self.editor.follow(parameters)
            self.bench.result.attach()
            self.update()
            self.sceneChanged()

    def lookAgain(self):
        """Looks at the scene, and which saved tasks fit a newly chosen volume."""
        bench = self.bench
        if bench.parameters is None:
            return
        try:
            bench.drawing.refresh()
        except MedMetaError as error:  # said in a line, not in a dialog: it comes up while the user draws
            bench.say(str(error))
        bench.cohort.refresh()
        bench.result.attach()
        bench.warmUp()
        volume = bench.parameters.volume
        if volume is not None and volume.GetID() != self._matched and bench.tasks.match():
            self._matched = volume.GetID()

    def _bringVolume(self, parameters):
        """A segmentation that is chosen brings the volume that it was drawn on, unless that was chosen with it."""
        segmentationNode = parameters.segmentation
        if segmentationNode is None or segmentationNode is self._segmentationNode:
            return
        if parameters.volume is not self._volumeNode:
            return
        volumeNode = segmentationNode.GetNodeReference(segmentationNode.GetReferenceImageGeometryReferenceRole())
        offered = volumeNode is not None and volumeNode.GetClassName() == "vtkMRMLScalarVolumeNode"
        if offered and volumeNode is not parameters.volume:
            parameters.volume = volumeNode

    def _watch(self, parameters):
        """Follows what is drawn in the segmentation that is chosen; None for none."""
        segmentationNode = parameters.segmentation if parameters is not None else None
        self._volumeNode = parameters.volume if parameters is not None else None
        if segmentationNode is self._segmentationNode:
            return
        events = (
            slicer.vtkSegmentation.SourceRepresentationModified,
            slicer.vtkSegmentation.SegmentAdded,
            slicer.vtkSegmentation.SegmentRemoved,
            slicer.vtkSegmentation.SegmentModified,
        )
        for event in events:
            if self._segmentationNode is not None:
                self.removeObserver(self._segmentationNode, event, self.sceneChanged)
            if segmentationNode is not None:
                self.addObserver(segmentationNode, event, self.sceneChanged)
        self._segmentationNode = segmentationNode
