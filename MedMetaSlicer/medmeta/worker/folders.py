"""The folder that client and worker share: made and held by the client, and swept where both died."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from medmeta.cohorts.lock import FILE, locked
from medmeta.errors import CohortError
from medmeta.worker.messages import WorkerError

PREFIX = "medmeta-worker-"

GONE = ".gone"
"""How the name of a folder ends that nobody works with any more; anybody may remove it."""

TRIES, PAUSE = 25, 0.02
"""How often a folder is removed in which something is still written, and seconds between."""


@contextmanager
def shared_folder(parent: str | Path | None = None) -> Iterator[Path]:
    """A new folder that only this user can read, held by this process and removed in the end.

    Folders that no process holds any more are removed, too: the lock tells, on whatever machine the process was.

    Args:
        parent: where; None for $MEDMETA_WORKER_DIR, or the system's place for temporary files.

    Raises:
        WorkerError: it cannot be made.
    """
    parent = Path(parent or os.environ.get("MEDMETA_WORKER_DIR") or tempfile.gettempdir())
    try:
        sweep(parent)
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
    except OSError as error:
        raise WorkerError(
            f"No folder can be made in {parent} ({error.strerror}): name another one in MEDMETA_WORKER_DIR."
        ) from error
    try:
        with ExitStack() as held:
            with suppress(CohortError):  # where nothing can be locked, nobody can sweep
                held.enter_context(locked(folder))
            yield folder
    finally:
        remove(folder)


def sweep(parent: Path) -> None:
    """Removes the folders of clients that have ended."""
    for folder in parent.glob(f"{PREFIX}*"):
        with suppress(CohortError, OSError):  # in use; another user's
            if folder.suffix != GONE:
                contents = {path.name for path in folder.iterdir()}
                if FILE not in contents or len(contents) == 1:  # about to be locked: the lock comes before the arrays
                    continue
                with locked(folder):
                    folder = _aside(folder)
            shutil.rmtree(folder, ignore_errors=True)


def remove(folder: Path) -> None:
    """Removes a folder, even one that a thread of this process still writes to."""
    for place in {_aside(folder), folder}:  # what was begun before it was renamed may make it anew
        for _ in range(TRIES):
            shutil.rmtree(place, ignore_errors=True)
            if not place.exists():
                break
            time.sleep(PAUSE)


def _aside(folder: Path) -> Path:
    """Renames a folder, so that nothing more is put into it; Windows leaves it as it is while a file in it is open."""
    try:
        return folder.rename(folder.with_suffix(GONE))
    except OSError:
        return folder
