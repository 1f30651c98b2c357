"""The folder that client and worker share: made by the client, and swept where both died."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from medmeta.worker.messages import WorkerError

PREFIX = "medmeta-worker-"


def make_folder(parent: str | Path | None = None) -> Path:
    """A new folder that only this user can read; those of clients that are no more are removed.

    Args:
        parent: where; None for $MEDMETA_WORKER_DIR, or the system's place for temporary files.

    Raises:
        WorkerError: it cannot be made.
    """
    parent = Path(parent or os.environ.get("MEDMETA_WORKER_DIR") or tempfile.gettempdir())
    try:
        sweep(parent)
        return Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=parent))
    except OSError as error:
        raise WorkerError(
            f"No folder can be made in {parent} ({error.strerror}): name another one in MEDMETA_WORKER_DIR."
        ) from error


def sweep(parent: Path) -> None:
    """Removes the folders of clients that have ended."""
    for folder in parent.glob(f"{PREFIX}*-*"):
        owner = folder.name.removeprefix(PREFIX).partition("-")[0]
        if owner.isdecimal() and not _alive(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)


def _alive(process: int) -> bool:
    if os.name == "nt":  # where asking would end it
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # another user's
        return True
    return True
