"""What the effect does, without a widget: a bench that follows the Segment Editor and the scene."""

import slicer
import vtk
from slicer.util import VTKObservationMixin

from medmeta.errors import AnnotationError
from MedMetaSlicerLib.effect.parameters import EffectParameters
from MedMetaSlicerLib.flow.result import SEGMENTATION, VOLUME


class Work(VTKObservationMixin):
    """Initialize, Update, Apply and Cancel for the segmentation that an editor edits.

    What was begun goes on when the user paints with another effect, chooses another segmentation or leaves the module.
    A preview stays with its segmentation until it is applied or cancelled, and is saved with the scene.

    :param scriptedEffect: qSlicerSegmentEditorScriptedEffect
    :param newBench: () -> MedMetaSlicerLib.flow.bench.Bench
    :param closeBench: bench -> None
    :param update: called without arguments when something changed
    """

    def __init__(self, scriptedEffect, newBench, closeBench, update):
        VTKObservationMixin.__init__(self)
        self.effect = scriptedEffect
        self.parameters = EffectParameters(scriptedEffect)
        self._newBench, self._closeBench, self._update = newBench, closeBench, update
        self._bench = None
        self._attachedTo = None
        self._computingFor = ()

    @property
    def bench(self):
        """MedMetaSlicerLib.flow.bench.Bench, made when it is first needed: each editor in Slicer has the effect."""
        if self._bench is None:
            self._bench = self._newBench()
            self._bench.segmentIds = self.parameters.visibleSegments
            self._bench.result.saveState = self.effect.saveStateForUndo
            self._bench.observers.append(self._update)
            scene = slicer.mrmlScene
            self.addObserver(scene, scene.StartCloseEvent, self.onSceneStartClose)
            self.addObserver(scene, scene.NodeRemovedEvent, self.onNodeRemoved)
        return self._bench

    @property
    def ready(self):
        """True where a volume and a segmentation are chosen."""
        return self.parameters.volume is not None and self.parameters.segmentation is not None

    @property
    def adapting(self):
        """The Activity of adapting, while it lasts; else None."""
        if self._bench is None:
            return None
        return next((a for a in self._bench.session.activities if a.kind == "adapt"), None)

    @property
    def shown(self):
        """True where there is a preview of the segmentation that is edited."""
        return self.parameters.preview is not None

    @property
    def suggestions(self):
        """Slices to draw next in what is edited now; the best first."""
        return self.bench.adapting.suggestions if self.shown else ()

    def follow(self):
        """Takes up what the editor edits now, where that has changed; tells the bench of changed settings."""
        p, bench = self.parameters, self.bench
        choice = p.segmentation, p.volume
        if bench.parameters is None or choice != self._attachedTo:
            self._attachedTo = choice
            bench.attach(p)
        elif bench.result.preview.node is not p.preview:
            bench.result.attach()
        else:
            bench.result.apply()

    def enter(self):
        """The user comes to the effect, from another with which slices were drawn, say."""
        self.follow()
        bench = self.bench
        if not self.shown and self.adapting is None:
            bench.status = ""  # of what is over
        try:
            bench.drawing.refresh()
        except AnnotationError as error:
            bench.status = str(error)
        bench.changed()

    def initialize(self):
        """Adapts to the slices that are drawn in the visible segments; again after a correction. Returns at once."""
        self.follow()
        bench, p = self.bench, self.parameters
        if not self.ready or bench.busy:
            return
        visible = p.visibleSegments()
        if visible == ():
            raise AnnotationError(bench.tr("All segments are hidden: show those that are to be completed."))
        self._computingFor = p.segmentation.GetID(), p.volume.GetID()
        try:
            bench.adapting.adapt()
        except AnnotationError as error:
            if visible is None or len(visible) < 2:
                raise
            hint = bench.tr("All visible segments are completed: hide those that are finished.")
            raise AnnotationError(f"{error} {hint}") from error

    def cancel(self):
        """Stops what is computed, within a second; where nothing is, takes the preview away."""
        if self.adapting is not None:
            self.bench.say(self.bench.tr("Stopping ..."))
            self.bench.session.cancel()
            return
        self.follow()
        self._drop()
        self.bench.say("")

    def apply(self):
        """Writes the preview into the segments, in one step that can be undone; the editor's masking holds.

        The preview goes; it stays where the masking lets nothing be written.
        """
        self.follow()
        if self.bench.result.acceptInto(editorNode=self.parameters.editorNode):
            said = self.bench.status
            self._drop()
            self.bench.say(said)

    def close(self):
        """The editor goes, or Slicer quits."""
        self.removeObservers()
        bench, self._bench, self._attachedTo = self._bench, None, None
        if bench is not None:
            bench.observers.remove(self._update)
            self._closeBench(bench)

    def onSceneStartClose(self, caller, event):
        """The scene goes, and all that belongs to it."""
        self._attachedTo = None
        self.bench.forget()

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def onNodeRemoved(self, caller, event, node):
        """A volume or a segmentation was deleted: what is computed for it stops, its preview goes."""
        if caller.IsBatchProcessing() or node is None:  # the scene is closed or loaded
            return
        if self.adapting is not None and node.GetID() in self._computingFor:
            self.bench.session.cancel()
        for preview in self.parameters.previews():
            if node.GetID() in (preview.GetNodeReferenceID(SEGMENTATION), preview.GetNodeReferenceID(VOLUME)):
                caller.RemoveNode(preview)

    def _drop(self):
        """Nothing was adapted and nothing is shown: the next time begins anew."""
        bench = self.bench
        bench.result.discard()
        bench.result.forget()
        bench.adapting.forget()
        self.parameters.previewVisible = True
        bench.drawing.refresh()
