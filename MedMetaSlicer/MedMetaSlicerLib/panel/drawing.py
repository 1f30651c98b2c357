"""The table of drawn slices."""

from MedMetaSlicerLib.panel.table import Table


class DrawingPart:
    """Shows what is drawn; lets slices be left out, marked as empty, and looked at.

    :param ui: the widgets of MedMetaSlicer.ui by name
    :param bench: MedMetaSlicerLib.flow.bench.Bench
    """

    def __init__(self, ui, bench):
        self.ui = ui
        self.bench = bench
        self.table = Table(ui.slicesTable, wide=3)
        ui.slicesTable.connect("cellClicked(int,int)", self.onClicked)
        ui.slicesTable.connect("itemChanged(QTableWidgetItem*)", bench.guarded(self.onChecked))
        ui.emptyButton.connect("clicked()", bench.guarded(bench.drawing.markEmpty))
        ui.nextSliceButton.connect("clicked()", bench.guarded(bench.adapting.jumpToNext))

    def update(self):
        """Brings the widgets in line with what is drawn."""
        tr, drawing = self.bench.tr, self.bench.drawing
        self.table.show([self._row(s) for s in drawing.slices])
        self.ui.emptyButton.enabled = bool(drawing.slices)
        suggestions = self.bench.adapting.suggestions
        self.ui.nextSliceButton.enabled = bool(suggestions)
        text = tr("Next slice to draw")
        self.ui.nextSliceButton.text = f"{text}: {suggestions[0].slice}" if suggestions else text
        self.ui.slicesLabel.text = self._summary()

    def onClicked(self, row, column):
        """A row jumps to its slice; its check box does not."""
        if column > 0:
            self.bench.attempt(self.bench.drawing.jump, self.bench.drawing.slices[row].position)

    def onChecked(self, cell):
        """A check box lets its slice count, or not."""
        if cell.column() == 0:
            position = self.bench.drawing.slices[cell.row()].position
            self.bench.drawing.include(position, self.table.isChecked(cell.row(), 0))

    def _row(self, drawn):
        tr = self.bench.tr
        names = tr("nothing here") if drawn.empty else ", ".join(drawn.segments)
        area = "" if drawn.empty else f"{drawn.area:.0f} mm²"
        jump = tr("Click to see this slice in all views.")
        return (
            {"text": "", "checked": drawn.included, "tip": tr("Whether this slice counts.")},
            {"text": str(drawn.position), "tip": jump},
            {"text": drawn.orientation, "tip": jump},
            {"text": names, "tip": f"{names}. {jump}"},
            {"text": area, "tip": jump},
        )

    def _summary(self):
        tr, slices = self.bench.tr, self.bench.drawing.slices
        count = sum(s.included for s in slices)
        if not slices:
            return tr("Draw each structure on a few slices; they appear here.")
        if count < 3:
            return tr("{count} of {all} slices count. From three on, results get much better.").format(
                count=count, all=len(slices)
            )
        return tr("{count} of {all} slices count.").format(count=count, all=len(slices))
