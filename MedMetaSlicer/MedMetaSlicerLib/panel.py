"""The panel: widgets on one side, parameter node and process on the other."""

from dataclasses import replace

from medmeta.errors import MedMetaError
from MedMetaSlicerLib.job import BackgroundJob
from MedMetaSlicerLib.volumes import volumeFromNode

POLL_MILLISECONDS = 100


class Panel:
    """Starts jobs, shows their progress, puts their results into the scene.

    :param ui: the widgets of MedMetaSlicer.ui by name
    :param process: MedMetaSlicerLib.process.Process
    :param timer: has start(milliseconds), stop() and a timeout signal (qt.QTimer)
    :param translate: text -> translated text
    :param prepare: called before work; False where packages are missing and the user declined
    :param showError: shows a message
    """

    def __init__(self, ui, process, timer, translate, prepare, showError):
        self.ui = ui
        self.process = process
        self.timer = timer
        self.tr = translate
        self.prepare = prepare
        self.showError = showError
        self.job = None
        self._finish = None
        self._request = None
        self._task = None
        timer.connect("timeout()", self.poll)
        ui.adaptButton.connect("clicked()", self.adapt)
        ui.predictButton.connect("clicked()", self.predict)
        ui.cancelButton.connect("clicked()", self.cancel)
        ui.otherVolumesSelector.connect("checkedNodesChanged()", self.update)

    @property
    def busy(self):
        """True while a job runs."""
        return self.job is not None

    def update(self):
        """Brings buttons in line with what can be done now."""
        chosen = self.ui.volumeSelector.currentNode() and self.ui.segmentationSelector.currentNode()
        self.ui.adaptButton.enabled = bool(chosen) and not self.busy
        self.ui.predictButton.enabled = self._request is not None and bool(self._others()) and not self.busy
        self.ui.cancelButton.enabled = self.busy

    def adapt(self):
        """Adapts to the drawn slices; the completed volume, and the others, come as new segmentations."""
        volumeNode, others = self.ui.volumeSelector.currentNode(), self._others()

        def start():
            request = self.process.read(
                volumeNode,
                self.ui.segmentationSelector.currentNode(),
                others,
                device=self.ui.deviceSelector.currentText,
                seed=int(self.ui.seedSpinBox.value),
                learner=self.ui.learnerSelector.currentText,
                budget=int(self.ui.budgetSpinBox.value) or None,
                cleanUp=bool(self.ui.cleanUpCheckBox.checked),
            )

            def finish(outcome):
                self.process.write(request, outcome, volumeNode, others)
                self._request = request
                self._task = outcome.adaptation.task if others else None
                return self._report(outcome.adaptation) + self._outOfRange(others, outcome.others)

            return lambda progress: self.process.compute(request, progress), finish

        self._begin(start)

    def predict(self):
        """Predicts the other volumes with what was learned last, which is made ready for them if it was not yet."""
        others, task = self._others(), self._task
        device, cleanUp = self.ui.deviceSelector.currentText, bool(self.ui.cleanUpCheckBox.checked)

        def start():
            volumes = tuple(volumeFromNode(node) for node in others)
            request = replace(self._request, others=volumes, device=device, cleanUp=cleanUp)

            def work(progress):
                if task is None:
                    outcome = self.process.compute(request, progress)
                    return outcome.adaptation.task, outcome.others
                options = {"device": device, "cleanUp": cleanUp, "progress": progress}
                return task, self.process.predictAll(task, request.others, options)

            def finish(result):
                self._task, predictions = result
                self.process.add(others, predictions, request.case.annotation.segments)
                text = self.tr("Predicted {count} volumes.").format(count=len(others))
                return text + self._outOfRange(others, predictions)

            return work, finish

        self._begin(start)

    def cancel(self):
        """Asks the running job to stop; the scene stays as it is."""
        if self.job is not None:
            self.job.cancel()
            self.ui.statusLabel.text = self.tr("Cancelling ...")

    def forget(self):
        """Drops a running job and its result: the scene it was for is gone."""
        if self.job is not None:
            self.job.cancel()
        self.timer.stop()
        self.job, self._request, self._task = None, None, None
        self.ui.progressBar.value = 0
        self.update()

    def poll(self):
        """Called by the timer: shows progress, and takes the result when there is one."""
        if self.job is None:
            return
        event = self.job.progress
        if event is not None:
            self.ui.progressBar.maximum = max(1, event.total)
            self.ui.progressBar.value = event.done
            self.ui.statusLabel.text = self._phase(event.phase)
        if self.job.finished:
            self._end()

    def _begin(self, start):
        if self.busy or not self.prepare():
            return
        try:
            work, self._finish = start()
        except MedMetaError as error:
            self.ui.statusLabel.text = str(error)
            self.showError(str(error))
            return
        self.job = BackgroundJob(work)
        self.job.start()
        self.timer.start(POLL_MILLISECONDS)
        self.update()

    def _end(self):
        job, self.job = self.job, None
        self.timer.stop()
        self.ui.progressBar.value = 0
        error = job.error
        if error is None:
            try:
                self.ui.statusLabel.text = self._finish(job.result)
            except Exception as failure:  # a node that was deleted meanwhile, say
                error = failure
        if error is not None:
            self.ui.statusLabel.text = str(error)
            if not job.cancelled:
                self.showError(str(error))
        self.update()

    def _others(self):
        chosen = self.ui.volumeSelector.currentNode()
        return [node for node in self.ui.otherVolumesSelector.checkedNodes() if node is not chosen]

    def _phase(self, phase):
        texts = {
            "check": self.tr("Checking on held-out slices ..."),
            "adapt": self.tr("Adapting ..."),
            "predict": self.tr("Predicting ..."),
            "refine": self.tr("Refining along edges ..."),
            "cohort": self.tr("Adapting for other volumes ..."),
        }
        return texts.get(phase, phase)

    def _outOfRange(self, nodes, predictions):
        """Names the volumes that do not look like the annotated one; nothing where there is none."""
        pairs = zip(nodes, predictions, strict=True)
        far = [node.GetName() for node, p in pairs if p.similarity is not None and not p.similarity.in_range]
        if not far:
            return ""
        return " " + self.tr("Unlike the annotated volume, check: {names}.").format(names=", ".join(far))

    def _report(self, adaptation):
        parts = []
        for quality in adaptation.quality:
            expected = f"{quality.expected_dice:.2f}" if quality.expected_dice is not None else self.tr("unknown")
            text = self.tr("{name}: expected Dice {dice} ({learner})")
            parts.append(text.format(name=quality.segment.name, dice=expected, learner=quality.learner))
        if adaptation.left_out:
            parts.append(self.tr("no time to try {names}").format(names=", ".join(adaptation.left_out)))
        return self.tr("Done in {seconds:.0f} s. ").format(seconds=adaptation.seconds) + "; ".join(parts)
