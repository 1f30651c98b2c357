"""Adapt and Cancel, progress, and what to expect of each segment."""

from MedMetaSlicerLib.flow.words import phaseText, timeText
from MedMetaSlicerLib.panel.table import Table
from MedMetaSlicerLib.scene.preview import isPreview


class AdaptingPart:
    """Starts adaptation and shows how it goes.

    :param ui: the widgets of MedMetaSlicer.ui by name
    :param bench: MedMetaSlicerLib.flow.bench.Bench
    """

    def __init__(self, ui, bench):
        self.ui = ui
        self.bench = bench
        self.quality = Table(ui.qualityTable)
        ui.adaptButton.connect("clicked()", bench.guarded(bench.adapting.adapt))
        ui.cancelButton.connect("clicked()", self.cancel)
        ui.lossPlotButton.connect("clicked()", bench.guarded(bench.adapting.plot))

    def update(self):
        """Brings the widgets in line with what is computed."""
        bench, tr = self.bench, self.bench.tr
        again = bench.adapting.current
        self.ui.adaptButton.enabled = bench.adapting.possible
        self.ui.adaptButton.text = tr("Adapt again") if again else tr("Adapt")
        self.ui.cancelButton.enabled = bench.busy
        self.ui.lossPlotButton.enabled = bool(bench.adapting.curves)
        activity = next((a for a in bench.session.activities if a.kind != "match"), None)
        self.ui.progressBar.setVisible(activity is not None)
        self.ui.timeLabel.setVisible(activity is not None)
        if activity is not None:
            self.ui.progressBar.value = round(100 * activity.fraction)
            self.ui.timeLabel.text = timeText(activity, bench.tr)
            self.ui.statusLabel.text = " ".join([phaseText(activity.phase, bench.tr), *activity.notices])
        else:
            self.ui.statusLabel.text = bench.status or self._hint()
        rows = [self._row(row) for row in bench.result.quality]
        self.ui.qualityTable.setVisible(bool(rows))
        self.quality.show(rows)

    def cancel(self):
        """Stops whatever is computed."""
        self.bench.cohort.cancel()
        self.bench.session.cancel()

    def _hint(self):
        tr, p = self.bench.tr, self.bench.parameters
        if p is None or p.volume is None:
            return tr("Load a volume and choose it above.")
        if isPreview(p.segmentation):
            return tr("This is a result that was not accepted yet: choose the segmentation that you drew in.")
        if p.segmentation is None:
            return tr("Create a segmentation above and add a segment for each structure.")
        if not p.segmentation.GetSegmentation().GetNumberOfSegments():
            return tr("Add a segment for each structure above and draw it on a few slices.")
        if not self.bench.drawing.complete:
            return tr("Draw each structure on a few slices, then press Adapt.")
        return tr("Ready: press Adapt.")

    def _row(self, row):
        tr = self.bench.tr
        held = tr("No slice could be held out to check on.")
        if row["held_out_dice"] is not None:
            held = tr("On held-out slices: Dice {dice}, interpolation {other}.").format(
                dice=self._dice(row["held_out_dice"]), other=self._dice(row["interpolation_dice"])
            )
        return (
            {"text": row["segment"], "tip": held},
            {"text": self._dice(row["expected_dice"]), "tip": tr("Dice to expect on the slices that were not drawn.")},
            {"text": self._dice(row["held_out_dice"]), "tip": held},
            {"text": row["learner"], "tip": row.get("reason", "")},
        )

    def _dice(self, value):
        return self.bench.tr("unknown") if value is None else f"{value:.2f}"
