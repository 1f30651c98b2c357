"""Saved tasks: what was adapted once, for another day."""

from MedMetaSlicerLib.flow.adapting import TaskInHand
from MedMetaSlicerLib.scene.volumes import volumeFromNode


class Tasks:
    """The library of saved tasks.

    :param bench: MedMetaSlicerLib.flow.bench.Bench
    """

    def __init__(self, bench):
        self.bench = bench
        self.fits = {}
        """Task name -> (distance, threshold) to the chosen volume, as far as known."""
        self.entries = []
        """MedMetaSlicerLib.work.tasks.TaskEntry of each saved task."""

    def refresh(self):
        """Looks again which tasks are saved."""
        self.entries = self.bench.library.entries()

    @property
    def kept(self):
        """The entry of the task that the parameter node names, or None."""
        p = self.bench.parameters
        return self._entry(p.task) if p is not None and p.task else None

    @property
    def suggestion(self):
        """The saved task that fits the chosen volume best, or None where none is in range."""
        near = {name: d for name, (d, threshold) in self.fits.items() if d <= threshold and self._entry(name)}
        return min(near, key=near.get) if near else None

    def keep(self, task):
        """Saves a task by itself, so that it outlives Slicer; the parameter node names it."""
        names = ", ".join(segment.name for segment in task.segments)
        self._save(task, self.bench.library.freeName(names))

    def save(self, name):
        """Saves what was adapted last under a name; makes it ready for other volumes first where it is not."""
        bench = self.bench
        bench.library.check(name)
        bench.adapting.makeReady(bench.guarded(lambda task: self._save(task, name)))

    def use(self, name):
        """Goes on with a saved task: for other volumes, and on the chosen volume without anything drawn."""
        bench = self.bench

        def loaded(adapted):
            bench.adapting.use(TaskInHand(adapted.task, adapted.segments))
            bench.parameters.task = name
            bench.say(bench.tr("{name} is used from now on.").format(name=name))

        if not bench.busy and bench.prepare():
            bench.session.load(self._entry(name).path, bench.guarded(loaded), bench.fail)

    def restore(self, then):
        """Loads the task that the parameter node names."""
        bench, entry = self.bench, self.kept

        def loaded(adapted):
            bench.adapting.use(TaskInHand(adapted.task, adapted.segments))
            then()

        bench.session.load(entry.path, bench.guarded(loaded), bench.fail)

    def rename(self, name, newName):
        """Gives a saved task another name."""
        self.bench.library.rename(name, newName)
        self.refresh()
        if self.bench.parameters.task == name:
            self.bench.parameters.task = newName

    def delete(self, name):
        """Deletes a saved task."""
        self.bench.library.delete(name)
        self.refresh()
        if self.bench.parameters.task == name:
            self.bench.parameters.task = ""

    def match(self):
        """Asks how well each saved task fits the chosen volume; the answer is in `fits`. Never asks to install.

        :return: True where it could ask
        """
        bench, p = self.bench, self.bench.parameters
        entries = {str(entry.path): entry.name for entry in self.entries if not entry.damaged}
        if p is None or p.volume is None or not entries or bench.busy or bench.installer.missing():
            return False

        def done(found):
            self.fits = {entries[str(path)]: match for path, match in found.items()}

        bench.session.match(list(entries), volumeFromNode(p.volume), bench.guarded(done), bench.fail)
        return True

    def _save(self, task, name):
        bench = self.bench

        def saved(*_):
            bench.parameters.task = name
            self.refresh()

        bench.library.save(bench.session, task.name, name, bench.guarded(saved), bench.fail)

    def _entry(self, name):
        return next((entry for entry in self.entries if entry.name == name), None)
