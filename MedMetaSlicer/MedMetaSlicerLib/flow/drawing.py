"""What is drawn: the annotated slices, those left out, and those marked as empty."""

from MedMetaSlicerLib.scene.preview import isPreview
from MedMetaSlicerLib.scene.slices import annotatedSlices, caseFromScene
from MedMetaSlicerLib.scene.views import currentPosition, isShown, jumpToSlice


class Drawing:
    """The annotated slices of the chosen segmentation. Marks stay with it, see scene/marks.py.

    Once a result was accepted into the segmentation, all its slices are full; those count that the user drew, before or
    since: a wrong slice is mended where it is, and that is all there is to correcting. See scene/accepted.py.

    :param bench: MedMetaSlicerLib.flow.bench.Bench
    """

    def __init__(self, bench):
        self.bench = bench
        self.slices = []

    @property
    def complete(self):
        """True where a volume and a segmentation are chosen and a slice is drawn that counts."""
        return any(s.included and not s.empty for s in self.slices)

    @property
    def axis(self):
        """The axis of the volume along which is drawn; None where nothing is."""
        return self.slices[0].axis if self.slices else None

    def refresh(self):
        """Looks again at what is drawn."""
        p = self.bench.parameters
        self.slices = []
        chosen = p is not None and p.volume is not None and p.segmentation is not None
        if chosen and not isPreview(p.segmentation):  # Slicer's selectors offer that too
            self.slices = annotatedSlices(p.segmentation, p.volume, **self._marks())

    def case(self):
        """What the engine is given.

        :return: medmeta.annotations.AnnotatedVolume
        :raises MedMetaError: nothing can be adapted to; the message says what to do
        """
        p = self.bench.parameters
        return caseFromScene(p.volume, p.segmentation, **self._marks())

    def _marks(self):
        p = self.bench.parameters
        return {"leftOut": p.leftOut, "empty": p.empty, "segmentIds": self.bench.segmentIds()}

    def include(self, position, included):
        """Lets a slice count, or leaves it out."""
        p = self.bench.parameters
        p.leftOut = sorted({*p.leftOut, position} if not included else set(p.leftOut) - {position})
        self._again()

    def markEmpty(self):
        """Says of the slice that is shown that no structure is there; says it no more where it was said."""
        tr, p = self.bench.tr, self.bench.parameters
        if self.axis is None:
            self.bench.say(tr("Draw a structure on a slice first; then say on which slices it is not there."))
            return
        position = currentPosition(p.volume, self.axis)
        if position is None:
            self.bench.say(tr("No slice view shows the slices that you drew: choose another layout."))
            return
        if any(s.position == position and not s.empty for s in self.slices):
            text = tr("Slice {position} is drawn on: it cannot be empty. Erase the drawing first.")
            self.bench.say(text.format(position=position))
            return
        p.empty = sorted(set(p.empty) ^ {position})
        self._again()

    def jump(self, position):
        """Shows a slice in all views; the volume, too, where another one is shown."""
        p = self.bench.parameters
        if self.axis is not None:
            if not isShown(p.volume):
                self.bench.lookAt(p.volume, p.segmentation)
            jumpToSlice(p.volume, self.axis, position)

    def _again(self):
        self.refresh()
        self.bench.changed()
