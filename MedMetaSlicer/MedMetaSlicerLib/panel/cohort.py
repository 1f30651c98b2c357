"""The table of other volumes."""

from pathlib import Path

from MedMetaSlicerLib.flow.cohort import DISK, FOLDER, SCENE
from MedMetaSlicerLib.panel.table import Table


class CohortPart:
    """Starts, shows and judges the predictions of other volumes.

    :param ui: the widgets of MedMetaSlicer.ui by name
    :param bench: MedMetaSlicerLib.flow.bench.Bench
    :param askFile: (title, filter) -> path of a file, or None
    """

    def __init__(self, ui, bench, askFile):
        self.ui = ui
        self.bench = bench
        self.askFile = askFile
        # Not by SlicerParameterName, which shows an empty path as a dot.
        self.paths = {"cohortInput": ui.inputPath, "cohortOutput": ui.outputPath}
        for name, edit in self.paths.items():
            edit.connect("currentPathChanged(QString)", lambda path, name=name: self._storePath(name, path))
        ui.inputListButton.connect("clicked()", bench.guarded(self.chooseList))
        self.table = Table(ui.cohortTable)
        ui.startCohortButton.connect("clicked()", bench.guarded(bench.cohort.start))
        ui.cancelCohortButton.connect("clicked()", bench.guarded(bench.cohort.cancel))
        ui.cohortTable.connect("itemSelectionChanged()", self.update)
        ui.cohortTable.connect("cellDoubleClicked(int,int)", lambda row, column: self._each(bench.cohort.open))
        ui.openCaseButton.connect("clicked()", lambda: self._each(bench.cohort.open))
        ui.acceptCaseButton.connect("clicked()", lambda: self._each(bench.cohort.judge, "accepted"))
        ui.rejectCaseButton.connect("clicked()", lambda: self._each(bench.cohort.judge, "rejected"))
        ui.folderSelector.connect("currentIndexChanged(int)", self.onFolder)

    def update(self):
        """Brings the widgets in line with the cases."""
        _bench, cohort, p = self.bench, self.bench.cohort, self.bench.parameters
        source = p.cohortSource if p is not None else SCENE
        self.ui.folderSelector.setVisible(source == FOLDER)
        self.ui.folderLabel.setVisible(source == FOLDER)
        ui = self.ui
        for widget in (ui.inputLabel, ui.inputPath, ui.inputListButton, ui.outputLabel, ui.outputPath):
            widget.setVisible(source == DISK)
        for name, edit in self.paths.items():
            path = getattr(p, name) if p is not None else Path()
            if Path(edit.currentPath) != path:  # else it is what is being typed, "/data/" say
                edit.currentPath = "" if path == Path() else str(path)
        self._listFolders(source)
        self.table.show([self._row(item) for item in cohort.items])
        self.ui.startCohortButton.enabled = cohort.possible
        self.ui.startCohortButton.text = self._action()
        self.ui.cancelCohortButton.enabled = cohort.running
        finished = self._chosen is not None and self._chosen.status in ("done", "accepted", "rejected")
        for button in (self.ui.openCaseButton, self.ui.acceptCaseButton, self.ui.rejectCaseButton):
            button.enabled = finished
        self.ui.heldOutLabel.text = self._heldOut()

    def onFolder(self, index):
        """A folder of the subject hierarchy was chosen."""
        name = self.ui.folderSelector.currentText
        if self.bench.parameters is not None and name and name != self.bench.parameters.cohortFolder:
            self.bench.parameters.cohortFolder = name
            self.bench.attempt(self.bench.cohort.refresh)

    def chooseList(self):
        """Asks for a list of volumes."""
        tr = self.bench.tr
        path = self.askFile(tr("List of volumes"), tr("Lists of volumes (*.csv *.json)"))
        if path:
            self.ui.inputPath.currentPath = path

    def _storePath(self, name, path):
        """A path was typed or chosen."""
        p = self.bench.parameters
        if p is not None and getattr(p, name) != Path(path):
            setattr(p, name, Path(path))

    @property
    def _chosen(self):
        row = self.table.chosen
        items = self.bench.cohort.items
        return items[row] if row is not None and row < len(items) else None

    def _each(self, function, *arguments):
        if self._chosen is not None:
            self.bench.attempt(function, self._chosen, *arguments)

    def _listFolders(self, source):
        names = sorted(self.bench.cohort.folders()) if source == FOLDER else []
        selector = self.ui.folderSelector
        if names != [selector.itemText(i) for i in range(selector.count)]:
            blocked = selector.blockSignals(True)
            selector.clear()
            selector.addItems(names)
            selector.setCurrentIndex(selector.findText(self.bench.parameters.cohortFolder) if names else -1)
            selector.blockSignals(blocked)

    def _action(self):
        tr, statuses = self.bench.tr, {item.status for item in self.bench.cohort.items}
        begun = statuses & {"done", "accepted", "rejected", "failed"} and statuses & {"waiting", "failed"}
        return tr("Go on with the others") if begun else tr("Segment other volumes")

    def _row(self, item):
        tr = self.bench.tr
        names = {
            "waiting": tr("waiting"),
            "running": tr("{percent:.0f} %").format(percent=100 * item.fraction),
            "done": tr("done"),
            "failed": tr("failed"),
            "accepted": tr("accepted"),
            "rejected": tr("rejected"),
        }
        away = ""
        if item.similarity is not None:
            away = f"{item.similarity[0]:.2f}" + ("" if item.inRange else tr(" (unlike)"))
        return (
            {"text": item.name, "tip": item.message or item.name},
            {"text": names[item.status], "tip": item.message},
            {"text": "" if item.expected is None else f"{item.expected:.2f}", "tip": tr("Dice to expect.")},
            {"text": away, "tip": tr("How unlike the annotated volume it looks: 0 is alike.")},
        )

    def _heldOut(self):
        tr, known = self.bench.tr, self.bench.adapting.heldOut
        if not known:
            return tr("Adapt first; look at the result before you spend time on other volumes.")
        dice = ", ".join(f"{name} {value:.2f}" for name, value in known.items())
        return tr("Dice on held-out slices of the annotated volume: {dice}. Expect less in other volumes.").format(
            dice=dice
        )
