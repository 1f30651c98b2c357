"""Adapted tasks that the user saved: files of one folder, listed by what their headers say."""

import contextlib
import os
import shutil
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from medmeta.errors import CheckpointError, MedMetaError

ENDING = ".safetensors"

PART = ".part"
"""Ending of files that are being written; those that a crash left are swept after `KEPT` seconds."""

KEPT = 3600


@dataclass(frozen=True)
class TaskEntry:
    """A saved task.

    :param name: the file's name without ending
    :param path: of the file
    :param segments: of medmeta.annotations.Segment; none where the file is damaged
    :param provenance: {"slices": ..., "learner": ..., ...}, see AdaptedTask
    :param created: seconds since 1970
    :param problem: what is wrong with the file, for the user; empty where nothing is
    :param forOtherVolumes: False where it cannot predict volumes in which nothing is drawn
    """

    name: str
    path: Path
    segments: tuple = ()
    provenance: dict = field(default_factory=dict)
    created: float = 0.0
    problem: str = ""
    forOtherVolumes: bool = False

    @property
    def damaged(self):
        """True where it cannot be used."""
        return bool(self.problem)


class TaskLibrary:
    """Saves, lists, renames and deletes tasks. No file is ever overwritten, none is seen half written.

    :param folder: where they are; made when the first is saved
    :param translate: text -> translated text
    """

    def __init__(self, folder, translate=lambda text: text):
        self.folder = Path(folder)
        self.tr = translate

    def entries(self):
        """[TaskEntry, ...] by name, damaged ones among them. Loads no torch, reads headers alone.

        :raises CheckpointError: the folder cannot be read
        """
        try:
            paths = [path for path in self.folder.glob(f"*{ENDING}") if not path.name.startswith(".")]
        except OSError as error:
            raise CheckpointError(f"{self.folder}: {error.strerror}") from error
        return sorted((self._entry(path) for path in paths), key=lambda entry: entry.name.casefold())

    def entry(self, name):
        """The TaskEntry of a name.

        :raises CheckpointError: there is none
        """
        return self._entry(self._existing(name))

    def path(self, name):
        """Where a task of that name is, or would be.

        :raises CheckpointError: no file can be called so
        """
        from medmeta.cohorts.cases import usable

        if not name or usable(name) != name or name.startswith("."):
            text = self.tr("A task cannot be called '{name}': leave out signs such as / and :, and dots at the ends.")
            raise CheckpointError(text.format(name=name))
        return self.folder / f"{name}{ENDING}"

    def freeName(self, wanted):
        """The name itself, or the nearest one that files can have and no task has yet."""
        from medmeta.cohorts.cases import usable

        plain = usable(wanted.strip().lstrip(".") or self.tr("Task"))
        name, number = plain, 1
        while self.path(name).exists():
            number += 1
            name = f"{plain} ({number})"
        return name

    def suggestedName(self, segments):
        """A free name made of segments' names, never of a volume's: that may be a patient's."""
        names = [segment.name for segment in segments]
        wanted = ", ".join(names[:3]) + (" ..." if len(names) > 3 else "")
        return self.freeName(wanted[:60])

    # By the worker

    def save(self, session, task, name, onDone, onError):
        """Saves a task of the session's worker under a name, or the nearest free one; onDone gets its TaskEntry."""
        part = self.folder / f".{uuid.uuid4().hex}{PART}"

        def written(_):
            try:
                path = self._settle(part, self.path(self.freeName(name)))
            except MedMetaError as error:
                onError(error)
                return
            onDone(self._entry(path))

        def failed(error):
            part.unlink(missing_ok=True)
            onError(error)

        self._sweep()
        with contextlib.suppress(OSError):  # the worker will tell
            self.folder.mkdir(parents=True, exist_ok=True)
        return session.save(task, part, written, failed)

    def load(self, session, name, onDone, onError):
        """Loads a task into the session's worker; onDone gets medmeta.worker.client.Adapted.

        :raises CheckpointError: there is none of that name
        """
        return session.load(self._existing(name), onDone, onError)

    def match(self, session, volume, onDone, onError, onCancelled=None, device="auto"):
        """Which tasks fit a volume: onDone gets [(TaskEntry, Similarity), ...], the best first, damaged ones left out.

        A fit has distance, threshold and in_range. Tasks that cannot predict other volumes are left out.
        """
        entries = [entry for entry in self.entries() if not entry.damaged and entry.forOtherVolumes]

        def matched(matches):
            pairs = zip(entries, matches, strict=True)
            found = [(entry, match.similarity) for entry, match in pairs if match.similarity is not None]
            onDone(sorted(found, key=lambda pair: pair[1].distance))

        paths = [entry.path for entry in entries]
        return session.match(paths, volume, matched, onError, onCancelled, device=device)

    # Files

    def rename(self, name, other):
        """Renames a task; returns its TaskEntry.

        :raises CheckpointError: there is none, the other name is taken, or it cannot be renamed
        """
        source, target = self._existing(name), self.path(other)
        if source == target:
            return self._entry(source)
        if target.exists() and target.samefile(source):  # another case of letters, where the system takes it for one
            os.rename(source, target)
            return self._entry(target)
        return self._entry(self._settle(source, target))

    def delete(self, name):
        """Deletes a task.

        :raises CheckpointError: there is none, or it cannot be deleted
        """
        path = self._existing(name)
        try:
            path.unlink()
        except OSError as error:
            text = self.tr("{path} cannot be deleted ({reason}).")
            raise CheckpointError(text.format(path=path, reason=error.strerror)) from error

    def importFile(self, path):
        """Copies a task file into the folder, under its own or the nearest free name; returns its TaskEntry.

        :raises CheckpointError: it is no task file, or cannot be copied
        """
        from medmeta.adaptation.task_header import read_task_header

        path = Path(path)
        read_task_header(path)
        part = self.folder / f".{uuid.uuid4().hex}{PART}"
        self._sweep()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, part)
            return self._entry(self._settle(part, self.path(self.freeName(path.name.removesuffix(ENDING)))))
        except OSError as error:
            raise self._notWritten(error) from error
        finally:
            part.unlink(missing_ok=True)

    def _existing(self, name):
        path = self.path(name)
        if not path.is_file():
            text = self.tr("There is no task '{name}' in {folder}.")
            raise CheckpointError(text.format(name=name, folder=self.folder))
        return path

    def _entry(self, path):
        from medmeta.adaptation.task_header import read_task_header

        name = path.name.removesuffix(ENDING)
        try:
            created = path.stat().st_mtime
        except OSError:  # deleted meanwhile
            created = 0.0
        try:
            header = read_task_header(path)
        except MedMetaError as error:
            return TaskEntry(name, path, created=created, problem=str(error))
        return TaskEntry(
            name, path, header.segments, dict(header.provenance), created, forOtherVolumes=header.for_other_volumes
        )

    def _settle(self, source, target):
        """Gives a file its name, in one step, and never another file's.

        :raises CheckpointError: the name is taken, or it cannot be given
        """
        try:
            try:
                os.link(source, target)
            except FileExistsError:
                raise
            except OSError:  # a file system without links: two steps
                if target.exists():
                    raise FileExistsError from None
                os.rename(source, target)
            else:
                os.unlink(source)
        except FileExistsError as error:
            text = self.tr("There is a task '{name}' already: choose another name.")
            raise CheckpointError(text.format(name=target.name.removesuffix(ENDING))) from error
        except OSError as error:
            raise self._notWritten(error) from error
        return target

    def _notWritten(self, error):
        text = self.tr("Nothing can be written to {folder} ({reason}): make room there, or choose another folder.")
        return CheckpointError(text.format(folder=self.folder, reason=error.strerror))

    def _sweep(self):
        with contextlib.suppress(OSError):
            for path in self.folder.glob(f".*{PART}"):
                if time.time() - path.stat().st_mtime > KEPT:
                    path.unlink()
