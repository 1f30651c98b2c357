"""Many volumes of a folder or a list by one saved task, in a process of their own: `medmeta cohort`."""

import contextlib
import json
import os
import shutil
import subprocess
import threading
import time
from collections import deque
from pathlib import Path

from medmeta.errors import CohortError, MedMetaError
from MedMetaSlicerLib.work.cohort import DONE, FAILED, JUDGED, RUNNING, WAITING, CohortItem, Judged
from MedMetaSlicerLib.work.judgements import Judgements

POLL_MILLISECONDS = 200

PATIENCE = 0.6
"""Seconds that a cancelled run has to write its report and go, before it is killed."""

LEDGER, REPORT = "cohort.jsonl", "report.html"

SAYS = "medmeta: error: "
"""What a line begins with that says why a run failed."""

SOME_FAILED = " cases failed: see "
"""What a run says at its end that went well, but for some cases."""


class Ledger:
    """The rows of a run's ledger, as far as they were written: whole lines alone, each read once.

    :param path: of the file; it need not be there
    """

    def __init__(self, path):
        self.path = Path(path)
        self._file = None  # which file it was: a run that begins anew replaces it
        self._read = 0

    def news(self):
        """Rows that came since it was last asked: [{"case": name, "status": ..., ...}, ...]; and whether it is another
        file than before.
        """
        try:
            with self.path.open("rb") as file:
                status = os.fstat(file.fileno())
                anew = (status.st_dev, status.st_ino) != self._file or status.st_size < self._read
                if anew:
                    self._file, self._read = (status.st_dev, status.st_ino), 0
                file.seek(self._read)
                content = file.read()
        except OSError:
            return [], False
        whole = content[: content.rfind(b"\n") + 1]
        self._read += len(whole)
        return [row for row in map(self._row, whole.splitlines()) if row is not None], anew

    @staticmethod
    def _row(line):
        """The row of a line; None for the first line, and for one that is none."""
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            return None
        if not isinstance(row, dict) or not isinstance(row.get("case"), str):
            return None
        return row if row.get("status") in (WAITING, DONE, FAILED) else None


class FolderCohort(Judged):
    """Predicts a folder's volumes; what an earlier run did is known, and not done again.

    An item's key is the case's name, its result the path of its label map.

    :param python: interpreter to run, see MedMetaSlicerLib.work.interpreter
    :param task: path of the task file
    :param source: folder with volumes, or manifest (.json, .csv)
    :param folder: for label maps, ledger and report; made if it is not there
    :param timer: as qt.QTimer, this cohort's own
    :param clock: seconds, from any start
    :param translate: text -> translated text

    problem: why the run as a whole failed, for the user; empty where it did not
    """

    def __init__(self, python, task, source, folder, timer, clock=time.monotonic, translate=lambda text: text):
        super().__init__()
        self.problem = ""
        self.tr = translate
        self._python = str(python)
        self._task, self._source, self._folder = Path(task), Path(source), Path(folder)
        self._timer = timer
        self._clock = clock
        self._process = None
        self._said = deque(maxlen=40)
        self._reader = None
        self._cancelledAt = None
        self._ledger = Ledger(self._folder / LEDGER)
        timer.connect("timeout()", self._poll)
        self._judgements = Judgements(self._folder)
        self._hashes = {}  # case -> hash of its result
        self._take()
        if not self.items:  # nothing was done yet: what a run would do
            self.items = [CohortItem(name, name) for name in self._cases()]

    def volume(self, key):
        """Path of a case's volume, a file or a folder with a DICOM series.

        :raises CohortError: it is not there any more
        """
        path = self._cases().get(key)
        if path is None:
            text = self.tr("{name} is not in {folder} any more.")
            raise CohortError(text.format(name=key, folder=self._source))
        return path

    @property
    def running(self):
        """True from start until it has ended."""
        return self._process is not None

    @property
    def fraction(self):
        """Share of all items that is done, 0 to 1."""
        return self.count(*JUDGED, FAILED) / len(self.items) if self.items else 0.0

    @property
    def report(self):
        """Path of the page to look through; None where there is none yet."""
        path = self._folder / REPORT
        return path if path.is_file() else None

    def start(self, **options):
        """Begins, or goes on: items that are done stay, those that failed are tried again.

        :param options: device="auto", clean_up=True, confidence=False (maps of it, too), ending=".nii.gz",
            checkpoint=None, overwrite=False (begin anew, and replace what is there)
        :raises CohortError: it runs already, or cannot be started
        """
        if self.running:
            raise CohortError(self.tr("The cohort is being predicted: cancel it, or wait until it is done."))
        from medmeta.worker import group

        self.problem, self._cancelledAt = "", None
        self._said.clear()
        for item in self.items:
            if item.status == FAILED or options.get("overwrite"):
                item.reset()
        pipe = subprocess.PIPE
        try:
            command = self._command(**options)
            self._process = group.start(command, stdin=pipe, stdout=subprocess.DEVNULL, stderr=pipe)
        except OSError as error:
            text = self.tr("The cohort cannot be started ({reason}): install MedMetaSlicer again.")
            raise CohortError(text.format(reason=error)) from error
        self._reader = threading.Thread(target=self._listen, args=(self._process,), daemon=True)
        self._reader.start()
        self._timer.start(POLL_MILLISECONDS)
        self._markRunning()
        self._changed()

    def cancel(self):
        """Stops within a second; what is done stays done, no file is half written."""
        if self.running and self._cancelledAt is None:
            self._cancelledAt = self._clock()
            with contextlib.suppress(OSError):
                self._process.stdin.close()

    def close(self):
        """Stops at once, for when nobody is left to wait."""
        if self.running:
            self._cancelledAt = self._clock()
            self._kill()
            self._end()

    def _command(self, device="auto", clean_up=True, confidence=False, ending=".nii.gz", checkpoint=None,
                 overwrite=False):  # fmt: skip
        command = [self._python, "-m", "medmeta", "cohort", str(self._task), "--input", str(self._source)]
        command += ["--out-dir", str(self._folder), "--device", device, "--ending", ending, "--until-input-ends"]
        command += [] if clean_up else ["--no-clean-up"]
        command += ["--confidence"] if confidence else []
        command += ["--checkpoint", str(checkpoint)] if checkpoint else []
        command += ["--overwrite"] if overwrite else []
        return command

    def _listen(self, process):
        with contextlib.suppress(OSError, ValueError):
            for line in process.stderr:
                self._said.append(line.decode("utf-8", "replace").strip())

    def _poll(self):
        if not self.running:
            self._timer.stop()
            return
        from medmeta.worker import group

        news = self._take()
        if not group.alive(self._process):
            self._take()
            self._end()
            return
        if self._cancelledAt is not None and self._clock() - self._cancelledAt > PATIENCE:
            self._kill()
            self._take()
            self._end()
            return
        if news:
            self._markRunning()
            self._changed()

    def _kill(self):
        from medmeta.worker import group

        group.kill(self._process, 0.2)
        for rubbish in self._folder.glob(".medmeta-*"):  # files that it was writing
            shutil.rmtree(rubbish, ignore_errors=True)

    def _end(self):
        process, self._process = self._process, None
        self._timer.stop()
        self._reader.join(0.2)
        for pipe in (process.stdin, process.stderr):
            if not self._reader.is_alive() or pipe is process.stdin:
                with contextlib.suppress(OSError):
                    pipe.close()
        if self._cancelledAt is None:
            said = next((line for line in reversed(self._said) if line.startswith(SAYS)), None)
            if said is not None:
                self.problem = said.removeprefix(SAYS)
            elif process.returncode != 0 and not any(SOME_FAILED in line for line in self._said):
                last = next((line for line in reversed(self._said) if line), self.tr("it said nothing"))
                text = self.tr("The cohort's process ended with code {code} ({said}).")
                self.problem = text.format(code=process.returncode, said=last)
        for item in self.items:
            if item.status == RUNNING:
                item.reset()
        self._changed()

    def _markRunning(self):
        """The first that waits is predicted now, as cases are taken in their order."""
        if self.running and not any(item.status == RUNNING for item in self.items):
            item = next((item for item in self.items if item.status == WAITING), None)
            if item is not None:
                item.status = RUNNING

    def _take(self):
        """Takes in what the ledger has of new; True where there was something."""
        rows, anew = self._ledger.news()
        if anew:
            self.items = []
        known = {item.key: item for item in self.items}
        self._judged = self._judgements.read() if rows else {}
        for row in rows:
            item = known.get(row["case"])
            if item is None:
                item = known[row["case"]] = CohortItem(row["case"], row["case"])
                self.items.append(item)
            self._fill(item, row)
        return bool(rows) or anew

    def _cases(self):
        """{name: path} of the volumes that there are; none where the folder cannot be read, which a run would say."""
        from medmeta.cohorts.cases import volumes_in
        from medmeta.cohorts.manifest import read_manifest

        try:
            found = volumes_in(self._source, self._folder)[0] if self._source.is_dir() else read_manifest(self._source)
        except (MedMetaError, OSError):
            return {}
        return {case.name: case.path for case in found}

    def _judge(self, key, status):
        super()._judge(key, status)
        try:
            self._judgements.write(key, self._hashes.get(key), status)
        except OSError as error:
            text = self.tr("Nothing can be written to {folder} ({reason}): your choice is kept until Slicer is closed.")
            raise CohortError(text.format(folder=self._folder, reason=error.strerror)) from error

    def _fill(self, item, row):
        item.reset()
        item.status = row["status"]
        if item.status == FAILED:
            item.message = str(row.get("error", ""))
        if item.status == DONE:
            item.fraction = 1.0
            item.expected = _number(row.get("expected_dice"))
            pair = _number(row.get("distance")), _number(row.get("threshold"))
            item.similarity = None if None in pair else pair
            output = row.get("output")
            if isinstance(output, str) and output == Path(output).name:  # none that leaves the folder
                item.result = self._folder / output
            self._hashes[item.key] = row.get("output_sha256")
            result, status = self._judged.get(item.key, (None, DONE))
            item.status = status if result == self._hashes[item.key] else DONE


def _number(value):
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
