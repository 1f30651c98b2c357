"""Arrays between two processes: memory-mapped files in a folder that both know."""

from __future__ import annotations

import math
import os
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from medmeta.worker.messages import Array, WorkerError

KINDS = "biuf"
"""Kinds of numbers that travel: truth values, whole numbers, floating-point numbers; no Python objects."""

LARGEST = 64 << 30
"""Bytes of the largest array that is read."""


class ArrayFolder:
    """Puts arrays into files and takes them out again; whoever takes one removes its file.

    Args:
        path: the folder; it exists.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._together: list[Array] | None = None

    def put(self, array: np.ndarray) -> Array:
        """Writes an array.

        Raises:
            WorkerError: there is no room, or the folder is gone.
        """
        if array.dtype.kind not in KINDS:
            raise WorkerError(f"An array of {array.dtype} cannot be passed on: give numbers.")
        # Native byte order: files of other machines may come in either.
        fortran = array.flags.f_contiguous and not array.flags.c_contiguous
        # Turned over, an array in Fortran's order is one in C order: nothing is copied.
        laid = np.ascontiguousarray(array.T if fortran else array, dtype=array.dtype.newbyteorder("="))
        name = uuid.uuid4().hex
        path = self.path / name
        try:
            # Written, not mapped: where the disk is full a mapped page would kill the process without a word.
            with path.open("wb") as file:
                file.write(laid.data if laid.size else b"")
        except OSError as error:
            path.unlink(missing_ok=True)
            raise WorkerError(
                f"{laid.nbytes / 2**20:.0f} MB cannot be written to {self.path} ({error.strerror}): make room there, "
                "or name another folder in MEDMETA_WORKER_DIR."
            ) from error
        put = Array(name, laid.dtype.str, array.shape, fortran)
        if self._together is not None:
            self._together.append(put)
        return put

    @contextmanager
    def all_or_none(self) -> Iterator[None]:
        """Drops what is put meanwhile where an error passes: nobody will be told of it."""
        self._together = []
        try:
            yield
        except BaseException:
            for array in self._together:
                self.drop(array)
            raise
        finally:
            self._together = None

    def take(self, array: Array) -> np.ndarray:
        """Maps an array, read-only, and removes its file's name.

        Raises:
            WorkerError: it is not there, or not what the message says.
        """
        path = self.path / array.file
        try:
            dtype = np.dtype(array.dtype)
        except (TypeError, ValueError, SyntaxError):
            dtype = None
        if dtype is None or dtype.kind not in KINDS or dtype.hasobject:
            raise WorkerError(f"An array of {array.dtype!r} cannot be read: client and worker do not fit each other.")
        size = math.prod(array.shape) * dtype.itemsize
        try:
            found = path.stat().st_size
            if found != size or size > LARGEST:
                raise WorkerError(f"An array has {found} bytes in place of {size}: it was not written to its end.")
            taken = np.memmap(path, dtype, "r", shape=array.shape, order="F" if array.fortran else "C")
            if os.name == "nt":  # a mapped file cannot be removed there
                taken = np.array(taken, order="K")
            path.unlink()
        except OSError as error:
            raise WorkerError(f"An array is not there any more ({error.strerror}): ask again.") from error
        return taken

    def drop(self, array: Array) -> None:
        """Removes an array that nobody will take."""
        (self.path / array.file).unlink(missing_ok=True)

    def clear(self, kept: Iterable[Array] = ()) -> None:
        """Removes all arrays but those `kept`, when nobody is left to take them; other files stay."""
        names = {array.file for array in kept}
        for path in self.path.glob("[0-9a-f]" * 32):
            if path.name not in names:
                path.unlink(missing_ok=True)
