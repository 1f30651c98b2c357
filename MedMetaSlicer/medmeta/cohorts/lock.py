"""One run at a time in a folder."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from medmeta.errors import CohortError

FILE = ".cohort.lock"
_HELD = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES)
"""What systems say where another process holds a lock."""


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Holds the folder; the system lets go of it with the process, however that ends.

    Raises:
        CohortError: another run works in it, nothing can be written there, or its file system has no locks.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / FILE, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise CohortError(f"{folder} cannot be written to ({error.strerror}): choose another --out-dir.") from error
    try:
        try:
            _hold(descriptor)
        except OSError as error:
            if error.errno in _HELD:
                raise CohortError(
                    f"{folder} is in use by another run: wait for it, or choose another --out-dir."
                ) from error
            raise CohortError(
                f"{folder} cannot be kept to one run ({error.strerror}): choose an --out-dir on another disk."
            ) from error
        yield
    finally:
        os.close(descriptor)


def _hold(descriptor: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
