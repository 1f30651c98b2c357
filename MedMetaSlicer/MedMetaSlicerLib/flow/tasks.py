"""Saved tasks: what was adapted once, for another day."""

from medmeta.errors import CheckpointError
from MedMetaSlicerLib.flow.adapting import TaskInHand
from MedMetaSlicerLib.scene.volumes import volumeFromNode


class Tasks:
    """The library of saved tasks.

    :param bench: MedMetaSlicerLib.flow.bench.Bench
    """

    def __init__(self, bench):
        self.bench = bench
        self.fits = {}
        """Task name -> Similarity to the chosen volume, as far as known."""
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
        near = {name: fit.distance for name, fit in self.fits.items() if fit.in_range and self._entry(name)}
        return min(near, key=near.get) if near else None

    def keep(self, task, then):
        """Saves a task by itself, so that it outlives Slicer; the parameter node names it.

        :param then: called when that is done, or has failed, which the user is told
        """
        bench, era = self.bench, self.bench.era

        def saved(entry):
            self.refresh()
            if era is bench.era:  # else the scene was closed meanwhile, and whoever waits is gone
                bench.parameters.task = entry.name
                then()

        def failed(error):
            bench.fail(error)
            if era is bench.era:
                then()

        name = bench.library.suggestedName(task.segments)
        bench.library.save(bench.session, task.name, name, bench.guarded(saved), failed)

    def save(self, name):
        """Saves what was adapted last under a name; makes it ready for other volumes first where it is not.

        :raises CheckpointError: the name is taken, or no file can be called so
        """
        bench = self.bench
        self._refuse(name)
        if bench.adapting.readyIsCurrent and self.kept is not None:  # it is saved already, under a name of its own
            self.rename(self.kept.name, name)
            bench.changed()
            return
        bench.adapting.makeReady(lambda task: self.rename(self.kept.name, name) if self.kept else None)

    def use(self, name, then=lambda: None):
        """Goes on with a saved task: for other volumes, and as a start of the next adaptation.

        :param then: called when it is loaded
        """
        bench, era = self.bench, self.bench.era

        def loaded(adapted):
            if era is not bench.era:  # the scene was closed meanwhile
                return
            bench.adapting.use(TaskInHand(adapted.task, adapted.segments))
            bench.parameters.task = name
            bench.say(bench.tr("{name} is used from now on.").format(name=name))
            then()

        if not bench.busy and bench.prepare():
            bench.library.load(bench.session, name, bench.guarded(loaded), bench.fail)

    def add(self, path):
        """Copies a task file from elsewhere into the library.

        :raises CheckpointError: it is no task file, or cannot be copied
        """
        entry = self.bench.library.importFile(path)
        self.refresh()
        self.bench.say(self.bench.tr("{name} was added.").format(name=entry.name))

    def rename(self, name, newName):
        """Gives a saved task another name.

        :raises CheckpointError: the name is taken, or no file can be called so
        """
        self.bench.library.rename(name, newName)
        if self.bench.parameters.task == name:
            self.bench.parameters.task = newName
        self.refresh()

    def delete(self, name):
        """Deletes a saved task."""
        self.bench.library.delete(name)
        if self.bench.parameters.task == name:
            self.bench.parameters.task = ""
        self.refresh()

    def match(self):
        """Asks how well each saved task fits the chosen volume; the answer is in `fits`. Never asks to install.

        :return: True where it could ask
        """
        bench, p = self.bench, self.bench.parameters
        usable = any(entry.forOtherVolumes for entry in self.entries)
        if p is None or p.volume is None or not usable or bench.busy or bench.session.busy or bench.installer.missing():
            return False

        def done(found):
            self.fits = {entry.name: similarity for entry, similarity in found}

        self.fits = {}
        bench.library.match(bench.session, volumeFromNode(p.volume), bench.guarded(done), bench.fail, device=p.device)
        return True

    def _refuse(self, name):
        if self.bench.library.path(name).exists():
            text = self.bench.tr("There is a task {name} already: choose another name.")
            raise CheckpointError(text.format(name=name))

    def _entry(self, name):
        return next((entry for entry in self.entries if entry.name == name), None)
