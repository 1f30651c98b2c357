"""The answer over the slice views: before and after, accept, take back, 3D."""

import qt


class ResultPart:
    """Shows the answer and lets the user accept it.

    :param ui: the widgets of MedMetaSlicer.ui by name
    :param bench: MedMetaSlicerLib.flow.bench.Bench
    """

    def __init__(self, ui, bench):
        self.ui = ui
        self.bench = bench
        self._listed = []
        bench.result.saveState = ui.segmentEditorWidget.saveStateForUndo
        bench.result.undoState = ui.segmentEditorWidget.undo
        ui.acceptIntoButton.connect("clicked()", bench.guarded(self.acceptInto))
        ui.acceptNewButton.connect("clicked()", bench.guarded(bench.result.acceptAsNew))
        ui.undoButton.connect("clicked()", bench.guarded(bench.result.undo))
        ui.discardButton.connect("clicked()", bench.guarded(bench.result.discard))
        ui.show3DButton.connect("toggled(bool)", bench.guarded(bench.result.show3D))

    def update(self):
        """Brings the widgets in line with the answer."""
        result, idle = self.bench.result, not self.bench.busy
        shown = result.shown
        for widget in (self.ui.previewCheckBox, self.ui.fillCheckBox, self.ui.opacitySlider, self.ui.show3DButton):
            widget.enabled = shown
        for widget in (self.ui.acceptNewButton, self.ui.discardButton):
            widget.enabled = shown and idle
        self._list(result.segments)
        self.ui.acceptIntoButton.enabled = shown and idle and bool(self.chosen())
        self.ui.undoButton.enabled = result.canUndo
        if not shown:
            self.ui.show3DButton.checked = False
        result.apply()

    def acceptInto(self):
        """Writes the checked segments, as the Segment Editor's settings allow."""
        editor, target = self.ui.segmentEditorWidget, self.bench.result.segmentationNode
        if target is not None and editor.segmentationNode() is not target:
            editor.setSegmentationNode(target)  # it takes back what was done to the one that it edits
        self.bench.result.acceptInto(self.chosen(), editor.mrmlSegmentEditorNode())

    def chosen(self):
        """IDs of the segments that are checked."""
        boxes = self.ui.segmentsList
        return [s for row, (s, _) in enumerate(self._listed) if boxes.item(row).checkState() == qt.Qt.Checked]

    def _list(self, segments):
        self.ui.segmentsList.setVisible(len(segments) > 1)
        if segments == self._listed:
            return
        self._listed = segments
        self.ui.segmentsList.clear()
        for _, name in segments:
            box = qt.QListWidgetItem(name)
            box.setFlags(qt.Qt.ItemIsUserCheckable | qt.Qt.ItemIsEnabled)
            box.setCheckState(qt.Qt.Checked)
            self.ui.segmentsList.addItem(box)
