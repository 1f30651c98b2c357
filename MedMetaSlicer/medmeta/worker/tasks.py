"""The adapted tasks that a worker holds, which outlive it: each is also a file of the shared folder."""

from __future__ import annotations

import uuid
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from medmeta.worker.messages import WorkerError

if TYPE_CHECKING:
    from medmeta.adaptation.task import AdaptedTask


MOST = 4
"""Tasks in memory; each is some tens of megabytes, and the others are read again from their files when needed."""


class Files(Protocol):
    """Reads and writes tasks."""

    def save(self, task: AdaptedTask, path: Path) -> None: ...

    def load(self, path: Path) -> AdaptedTask: ...


class Tasks:
    """Tasks by name; those used last are in memory, all are on the disk.

    Args:
        folder: where their files are; those of a worker that died are found there again.
        files: reads and writes them.
        most: how many are in memory at most.
    """

    def __init__(self, folder: Path, files: Files, most: int = MOST) -> None:
        self.folder = folder
        self.files = files
        self.most = most
        self.held: OrderedDict[str, AdaptedTask] = OrderedDict()

    def put(self, task: AdaptedTask) -> str:
        """Keeps a task; returns its name.

        Raises:
            MedMetaError: it cannot be written.
        """
        name = uuid.uuid4().hex
        self.files.save(task, self._file(name))
        self._hold(name, task)
        return name

    def get(self, name: str) -> AdaptedTask:
        """The task of a name.

        Raises:
            WorkerError: there is none.
            MedMetaError: its file cannot be read any more.
        """
        if name not in self.held:
            path = self._file(name)
            if not path.is_file():
                raise WorkerError("This task is not there any more: adapt again.")
            self._hold(name, self.files.load(path))
        self.held.move_to_end(name)
        return self.held[name]

    def drop(self, name: str) -> None:
        """Forgets a task, if it is there."""
        self.held.pop(name, None)
        self._file(name).unlink(missing_ok=True)

    def _hold(self, name: str, task: AdaptedTask) -> None:
        self.held[name] = task
        while len(self.held) > self.most:
            self.held.popitem(last=False)

    def _file(self, name: str) -> Path:
        return self.folder / f"{name}.task"
