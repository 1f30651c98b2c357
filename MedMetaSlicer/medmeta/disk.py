"""Files that are there whole or not at all, and disks that have no room for them."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

PREFIX = ".medmeta-"
"""Of folders with what is being written; a process that is killed leaves them."""

_FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
_PROBE = 1 << 20
"""Bytes."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Gives a path to write to in place of another one, which is replaced only when all is written.

    Other files beside the one given come along, before it.

    Args:
        path: the file that shall be there in the end; its folder exists.

    Raises:
        OSError: it cannot be written.
    """
    with TemporaryDirectory(prefix=PREFIX, dir=path.parent) as folder:
        yield Path(folder) / path.name
        for file in sorted(Path(folder).iterdir(), key=lambda file: file.name == path.name):
            os.replace(file, path.parent / file.name)


def check_room(folder: Path) -> None:
    """Tries whether anything more can be written, for libraries that do not say why they could not.

    Raises:
        OSError: it cannot.
    """
    probe = folder / ".probe"
    try:
        probe.write_bytes(bytes(_PROBE))
    except OSError as error:
        raise OSError(error.errno, error.strerror) from None  # without the name
    finally:
        probe.unlink(missing_ok=True)


def is_full(error: BaseException | None) -> bool:
    """True where an error came of a disk without room, or of a user's share of it that is used up."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _FULL:
            return True
        error = error.__cause__ or error.__context__
    return False
