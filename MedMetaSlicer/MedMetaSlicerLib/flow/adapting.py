"""Adapting to what is drawn, and again after a correction."""

from dataclasses import dataclass

import slicer

from medmeta.annotations import AnnotatedVolume
from MedMetaSlicerLib.flow.result import caseOf
from MedMetaSlicerLib.flow.words import phaseText
from MedMetaSlicerLib.scene.plots import lossPlot


@dataclass(frozen=True)
class Request:
    """What was adapted to. Nodes are held by their ID: they may be deleted meanwhile.

    :param case: medmeta.annotations.AnnotatedVolume
    :param volumeId: of the volume node
    :param segmentationId: of the segmentation node that was drawn in
    """

    case: AnnotatedVolume
    volumeId: str
    segmentationId: str

    @property
    def volumeNode(self):
        """The volume's node, or None where it was deleted."""
        return slicer.mrmlScene.GetNodeByID(self.volumeId)


@dataclass(frozen=True)
class TaskInHand:
    """A task of the worker that is ready for volumes in which nothing is drawn.

    :param name: the worker's name for it
    :param segments: what it segments
    """

    name: str
    segments: tuple


class Adapting:
    """Starts adaptation, takes its answer.

    :param bench: MedMetaSlicerLib.flow.bench.Bench
    """

    def __init__(self, bench):
        self.bench = bench
        self.forget()

    def forget(self):
        """Nothing was adapted."""
        self.request = None
        self.adapted = None
        self.ready = None
        self.readyIsCurrent = False
        self._suggestions = ()
        self.curves = {}

    @property
    def possible(self):
        """True where Adapt can be pressed."""
        return self.bench.drawing.complete and not self.bench.busy

    @property
    def current(self):
        """True where what was adapted last is what is chosen now."""
        asked = self.request
        return asked is not None and (asked.segmentationId, asked.volumeId) == caseOf(self.bench.parameters)

    @property
    def suggestions(self):
        """Slices of what is chosen to draw next, the best first."""
        return self._suggestions if self.current else ()

    @property
    def heldOut(self):
        """Segment name -> Dice on slices that were held out, of those where that is known."""
        quality = self.adapted.quality if self.adapted else ()
        return {q.segment.name: q.held_out_dice for q in quality if q.held_out_dice is not None}

    def options(self):
        """What the user set: of the worker's Adapt."""
        p = self.bench.parameters
        return {
            "learner": p.learner,
            "device": p.device,
            "budget": p.budget or None,
            "seed": p.seed,
            "clean_up": p.cleanUp,
        }

    def adapt(self):
        """Adapts to the drawn slices; the completed volume comes as a preview."""
        bench, p = self.bench, self.bench.parameters
        if bench.busy or not bench.prepare():
            return
        bench.drawing.refresh()
        bench.result.attach()
        request = Request(bench.drawing.case(), p.volume.GetID(), p.segmentation.GetID())
        first, era = not bench.result.shown, bench.era

        def preview(labels):
            if first and request.volumeNode is not None:
                bench.result.show(request, labels)

        def takeBack():
            if first and era is bench.era:  # another scene may have nodes of the same IDs
                bench.result.discard(request)

        self._ask(request, lambda adapted: self._take(request, adapted), preview, takeBack, for_other_volumes=False)

    def makeReady(self, then):
        """Makes the last adaptation ready for other volumes, where it is not yet.

        :param then: called with the TaskInHand
        """
        if self.ready is not None and (self.readyIsCurrent or self.request is None):
            then(self.ready)
            return

        def done(adapted):
            self.use(TaskInHand(adapted.task, adapted.segments))
            self.bench.tasks.keep(self.ready, lambda: then(self.ready))

        self._ask(self.request, done, None, lambda: None, for_other_volumes=True)

    def use(self, task):
        """Goes on with a task: this one is taken for other volumes, and the next adaptation starts from it."""
        self.ready, self.readyIsCurrent = task, True

    def start(self, request):
        """The name of the task to go on from, or None where there is none of the same segments."""
        values = [segment.value for segment in request.case.annotation.segments]
        fits = self.ready is not None and [s.value for s in self.ready.segments] == values
        return self.ready.name if fits else None

    def suggest(self):
        """Asks which slice to draw next; the answer is in `suggestions`."""
        bench = self.bench

        def done(suggestions):
            self._suggestions = suggestions

        bench.session.suggest(self.adapted.predictions[0], self.request.case, 1, bench.guarded(done), bench.fail)

    def jumpToNext(self):
        """Shows the slice that helps most when it is drawn."""
        if self.suggestions:
            self.bench.drawing.jump(self.suggestions[0].slice)

    def plot(self):
        """Shows the losses of the last adaptation as a plot."""
        tr = self.bench.tr
        lossPlot({phaseText(p, tr): c for p, c in self.curves.items()}, tr("Loss"), tr("Step"), tr("Loss"), show=True)

    def _ask(self, request, done, preview, takeBack, **options):
        bench = self.bench

        def finished(adapted):
            self.curves = activity.curves or self.curves
            done(adapted)

        def failed(error):
            takeBack()
            bench.fail(error)

        def cancelled():
            takeBack()
            bench.say(bench.tr("Cancelled; nothing was changed."))

        bench.status = ""
        activity = bench.session.adapt(
            request.case,
            onDone=bench.guarded(finished),
            onError=failed,
            onPreview=bench.guarded(preview) if preview else None,
            onCancelled=cancelled,
            start=self.start(request),
            **self.options(),
            **options,
        )
        bench.changed()

    def _take(self, request, adapted):
        bench = self.bench
        if request.volumeNode is None:
            bench.say(bench.tr("The volume was deleted meanwhile; its result is dropped."))
            return
        self.request, self.adapted = request, adapted
        self.readyIsCurrent, self._suggestions = False, ()
        bench.result.show(request, adapted.predictions[0].labels, adapted.quality)
        bench.say(self._report(adapted))
        self.suggest()

    def _report(self, adapted):
        """What was done, in a line: how long, on what, and what was left out."""
        tr = self.bench.tr
        text = tr("Done in {seconds:.0f} s").format(seconds=adapted.seconds)
        if adapted.device == "cpu":
            asked = self.bench.parameters.device == "cpu"
            why = tr("as chosen") if asked else tr("no CUDA GPU was found")
            text += tr(" on the CPU ({why})").format(why=why)
        if adapted.left_out:
            text += tr("; no time to try {names}").format(names=", ".join(adapted.left_out))
        return text + "."
