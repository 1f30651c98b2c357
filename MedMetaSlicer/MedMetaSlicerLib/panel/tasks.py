"""The list of saved tasks."""

from MedMetaSlicerLib.panel.table import Table


class TasksPart:
    """Saves, uses, renames and deletes tasks.

    :param ui: the widgets of MedMetaSlicer.ui by name
    :param bench: MedMetaSlicerLib.flow.bench.Bench
    :param ask: (title, label, text) -> what the user typed, or None
    :param askFile: (title, filter) -> path of a file, or None
    :param confirm: text -> True where the user agrees
    """

    def __init__(self, ui, bench, ask, askFile, confirm):
        self.ui = ui
        self.bench = bench
        self.ask = ask
        self.askFile = askFile
        self.confirm = confirm
        self.table = Table(ui.tasksTable)
        ui.tasksTable.connect("itemSelectionChanged()", self.update)
        ui.saveTaskButton.connect("clicked()", bench.guarded(self.save))
        ui.addTaskButton.connect("clicked()", bench.guarded(self.add))
        ui.useTaskButton.connect("clicked()", bench.guarded(self.use))
        ui.renameTaskButton.connect("clicked()", bench.guarded(self.rename))
        ui.deleteTaskButton.connect("clicked()", bench.guarded(self.delete))

    def update(self):
        """Brings the widgets in line with the library."""
        bench = self.bench
        self._entries = list(bench.tasks.entries)
        self.table.show([self._row(entry) for entry in self._entries])
        idle, chosen = not bench.busy, self._chosen
        self.ui.saveTaskButton.enabled = idle and bench.adapting.request is not None
        self.ui.addTaskButton.enabled = idle and bench.parameters is not None
        self.ui.useTaskButton.enabled = idle and chosen is not None and not chosen.damaged
        self.ui.renameTaskButton.enabled = idle and chosen is not None
        self.ui.deleteTaskButton.enabled = idle and chosen is not None
        self.ui.taskLabel.text = self._about(chosen)

    def save(self):
        """Asks for a name and saves what was adapted last."""
        tr = self.bench.tr
        segments = ", ".join(s.name for s in self.bench.adapting.request.case.annotation.segments)
        name = self.ask(tr("Save task"), tr("Name:"), segments)
        if name:
            self.bench.tasks.save(name)

    def add(self):
        """Asks for a task file, one that a colleague sent, say."""
        tr = self.bench.tr
        path = self.askFile(tr("Add a task"), tr("Tasks (*.safetensors)"))
        if path:
            self.bench.tasks.add(path)

    def use(self):
        """Goes on with the selected task."""
        self.bench.tasks.use(self._chosen.name)

    def rename(self):
        """Asks for another name."""
        tr = self.bench.tr
        name = self.ask(tr("Rename task"), tr("Name:"), self._chosen.name)
        if name and name != self._chosen.name:
            self.bench.tasks.rename(self._chosen.name, name)

    def delete(self):
        """Deletes the selected task, once the user agreed."""
        name = self._chosen.name
        if self.confirm(self.bench.tr("Delete the task {name}? This cannot be undone.").format(name=name)):
            self.bench.tasks.delete(name)

    @property
    def _chosen(self):
        row = self.table.chosen
        return self._entries[row] if row is not None and row < len(self._entries) else None

    def _row(self, entry):
        tr, tasks = self.bench.tr, self.bench.tasks
        names = tr("damaged") if entry.damaged else ", ".join(s.name for s in entry.segments)
        fit = ""
        if entry.name in tasks.fits:
            fit = tr("fits") if tasks.fits[entry.name].in_range else tr("does not fit")
        return (
            {"text": entry.name, "tip": entry.problem},
            {"text": names},
            {"text": fit, "tip": tr("Whether the chosen volume looks alike.")},
        )

    def _about(self, chosen):
        tr, suggestion = self.bench.tr, self.bench.tasks.suggestion
        if chosen is not None and chosen.damaged:
            return chosen.problem
        if chosen is not None:
            made = "; ".join(f"{key}: {value}" for key, value in chosen.provenance.items())
            return tr("{name}: {made}").format(name=chosen.name, made=made)
        if suggestion:
            return tr("{name} fits the chosen volume: select it and press Use.").format(name=suggestion)
        return tr("A saved task segments new volumes without drawing.")
