"""The effect's widgets."""

import ctk
import qt

from MedMetaSlicerLib.flow.words import phaseText, timeText

LEARNERS = ("auto", "siamese", "maml", "lstm")
DEVICES = ("auto", "cpu", "cuda")


class Options:
    """Shows what a Work does, and lets the user steer it.

    :param scriptedEffect: qSlicerSegmentEditorScriptedEffect, whose frame the widgets go into
    :param work: MedMetaSlicerLib.effect.work.Work
    :param translate: text -> translated text
    """

    def __init__(self, scriptedEffect, work, translate):
        self.work = work
        self.tr = translate
        self._connections = []
        self._addPreview(scriptedEffect)
        self._addDisplay(scriptedEffect)
        self._addHelpers(scriptedEffect)
        self._addAdvanced(scriptedEffect)
        self._addFinish(scriptedEffect)

    def update(self):
        """Brings the widgets in line."""
        work, tr, p = self.work, self.tr, self.work.parameters
        bench, activity, shown = work.bench, work.adapting, work.shown
        self.initializeButton.setText(tr("Update") if shown else tr("Initialize"))
        self.initializeButton.setEnabled(work.ready and not bench.busy)
        self.cancelButton.setEnabled(shown or activity is not None)
        self.applyButton.setEnabled(shown and activity is None)
        self.progressBar.setVisible(activity is not None)
        if activity is not None:
            self.progressBar.setValue(round(100 * activity.fraction))
        self.statusLabel.setText(self._status(activity))
        for widget in (self.showCheckBox, self.fillCheckBox, self.opacitySlider, self.show3DButton):
            widget.setEnabled(shown)
        suggestions = work.suggestions
        self.nextSliceButton.setEnabled(bool(suggestions))
        text = tr("Next slice to draw")
        self.nextSliceButton.setText(f"{text}: {suggestions[0].slice}" if suggestions else text)
        self.emptyButton.setEnabled(work.ready and activity is None)
        values = (
            (self.showCheckBox, "checked", p.previewVisible),
            (self.fillCheckBox, "checked", p.previewFilled),
            (self.show3DButton, "checked", bench.result.in3D),
            (self.opacitySlider, "value", p.previewOpacity),
            (self.learnerBox, "currentIndex", _index(LEARNERS, p.learner)),
            (self.deviceBox, "currentIndex", _index(DEVICES, p.device)),
            (self.budgetBox, "value", p.budget),
            (self.cleanUpCheckBox, "checked", p.cleanUp),
        )
        for widget, name, value in values:
            blocked = widget.blockSignals(True)
            setattr(widget, name, value)
            widget.blockSignals(blocked)

    def store(self, *_):
        """What the user set goes into the parameters, and with them into the scene."""
        values = {
            "previewVisible": self.showCheckBox.checked,
            "previewFilled": self.fillCheckBox.checked,
            "previewOpacity": self.opacitySlider.value,
            "learner": LEARNERS[self.learnerBox.currentIndex],
            "device": DEVICES[self.deviceBox.currentIndex],
            "budget": self.budgetBox.value,
            "cleanUp": self.cleanUpCheckBox.checked,
        }  # all are read before the first is set: each that is set brings the widgets in line
        for name, value in values.items():
            setattr(self.work.parameters, name, value)

    def onShow3D(self, on):
        """Shows the result as a surface, or no longer."""
        if self.work.shown:
            self.work.bench.attempt(self.work.bench.result.show3D, on)

    def disconnect(self):
        """The effect goes: no widget holds it any more."""
        for widget, signal, function in self._connections:
            widget.disconnect(signal, function)
        self._connections = []

    def _addPreview(self, scriptedEffect):
        tr = self.tr
        tip = tr("Complete the visible segments from the slices that are drawn; press again after a correction.")
        self.initializeButton = self._button(tr("Initialize"), tip, self.work.initialize)
        scriptedEffect.addLabeledOptionsWidget(tr("Preview:"), _row(self.initializeButton))
        self.progressBar = qt.QProgressBar()
        scriptedEffect.addOptionsWidget(_row(self.progressBar))
        self.statusLabel = qt.QLabel()
        self.statusLabel.setWordWrap(True)
        scriptedEffect.addOptionsWidget(_row(self.statusLabel))

    def _addDisplay(self, scriptedEffect):
        tr = self.tr
        self.showCheckBox = self._checkBox(tr("Show"), tr("The result over the slice views: before and after."))
        self.fillCheckBox = self._checkBox(tr("Fill"), tr("Fill the result, not only outline it."))
        self.opacitySlider = ctk.ctkSliderWidget()
        self.opacitySlider.setToolTip(tr("Opacity of the result."))
        self.opacitySlider.minimum, self.opacitySlider.maximum, self.opacitySlider.singleStep = 0.0, 1.0, 0.05
        self.opacitySlider.spinBoxVisible = False
        self._connect(self.opacitySlider, "valueChanged(double)", self.store)
        self.show3DButton = qt.QPushButton(tr("Show 3D"))
        self.show3DButton.setToolTip(tr("The result as a surface in the 3D view."))
        self.show3DButton.setCheckable(True)
        self._connect(self.show3DButton, "toggled(bool)", self.onShow3D)
        row = _row(self.showCheckBox, self.fillCheckBox, self.opacitySlider, self.show3DButton)
        scriptedEffect.addLabeledOptionsWidget(tr("Display:"), row)

    def _addHelpers(self, scriptedEffect):
        tr = self.tr
        tip = tr("Show the slice that helps most when it is drawn.")
        self.nextSliceButton = self._button(
            tr("Next slice to draw"), tip, lambda: self.work.bench.adapting.jumpToNext()
        )
        tip = tr("On the slice that is shown there is none of the structures; press again to take that back.")
        self.emptyButton = self._button(tr("Nothing here"), tip, lambda: self.work.bench.drawing.markEmpty())
        scriptedEffect.addOptionsWidget(_row(self.nextSliceButton, self.emptyButton))

    def _addAdvanced(self, scriptedEffect):
        tr = self.tr
        names = {"auto": tr("choose by itself"), "siamese": "Siamese", "maml": "MAML", "lstm": "LSTM"}
        self.learnerBox = self._comboBox([names[key] for key in LEARNERS], tr("The network that adapts itself."))
        names = {"auto": tr("GPU if there is one"), "cpu": tr("processor (CPU)"), "cuda": "GPU (CUDA)"}
        self.deviceBox = self._comboBox([names[key] for key in DEVICES], tr("Where it is computed."))
        self.budgetBox = qt.QSpinBox()
        self.budgetBox.setRange(0, 3600)
        self.budgetBox.setSpecialValueText(tr("no limit"))
        self.budgetBox.setSuffix(" s")
        self.budgetBox.setToolTip(tr("Seconds that adapting may take."))
        self._connect(self.budgetBox, "valueChanged(int)", self.store)
        self.cleanUpCheckBox = self._checkBox(tr("Clean up"), tr("Take stray parts away and fill holes."))
        section = ctk.ctkCollapsibleButton()
        section.text = tr("Advanced")
        section.collapsed = True
        form = qt.QFormLayout(section)
        form.addRow(tr("Learner:"), self.learnerBox)
        form.addRow(tr("Device:"), self.deviceBox)
        form.addRow(tr("Time:"), self.budgetBox)
        form.addRow("", self.cleanUpCheckBox)
        scriptedEffect.addOptionsWidget(_row(section))

    def _addFinish(self, scriptedEffect):
        tr = self.tr
        tip = tr("Stop computing; where nothing is computed, take the preview away.")
        self.cancelButton = self._button(tr("Cancel"), tip, self.work.cancel)
        tip = tr(
            "Write the preview into the segments. The editable area, overwriting and locks hold; Undo takes it back."
        )
        self.applyButton = self._button(tr("Apply"), tip, self.work.apply)
        scriptedEffect.addOptionsWidget(_row(self.cancelButton, self.applyButton))

    def _status(self, activity):
        tr, bench, p = self.tr, self.work.bench, self.work.parameters
        if activity is not None:
            return " ".join([phaseText(activity.phase, tr), timeText(activity, tr), *activity.notices])
        if bench.status:
            return f"{bench.status} {self._expected()}".strip()
        if p.volume is None:
            return tr("Choose a source volume above.")
        count = sum(s.included for s in bench.drawing.slices)
        if not bench.drawing.complete:
            return tr("Draw each structure on a few slices with any effect, then press Initialize.")
        text = tr("Drawn slices: {count}.").format(count=count)
        return f"{text} {self._expected()}".strip()

    def _expected(self):
        """How good the preview is likely to be."""
        known = [row for row in self.work.bench.result.quality if row["expected_dice"] is not None]
        if not known:
            return ""
        dice = ", ".join(f"{row['segment']} {row['expected_dice']:.2f}" for row in known)
        return self.tr("Dice to expect on the other slices: {dice}.").format(dice=dice)

    def _button(self, text, tip, function):
        button = qt.QPushButton(text)
        button.setToolTip(tip)
        self._connect(button, "clicked()", lambda *_: self.work.bench.attempt(function))
        return button

    def _checkBox(self, text, tip):
        box = qt.QCheckBox(text)
        box.setToolTip(tip)
        self._connect(box, "toggled(bool)", self.store)
        return box

    def _comboBox(self, texts, tip):
        box = qt.QComboBox()
        box.addItems(texts)
        box.setToolTip(tip)
        self._connect(box, "currentIndexChanged(int)", self.store)
        return box

    def _connect(self, widget, signal, function):
        widget.connect(signal, function)
        self._connections.append((widget, signal, function))


def _row(*widgets):
    """Widgets side by side. Slicer lets a widget that is added by itself grow into all height that there is."""
    row = qt.QHBoxLayout()
    for widget in widgets:
        row.addWidget(widget)
    return row


def _index(values, value):
    return values.index(value) if value in values else 0
