"""The worker's process as its client sees it: started, listened to, explained when it ends. Knows no message."""

from __future__ import annotations

import contextlib
import queue
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Sequence

from medmeta.worker import group
from medmeta.worker.messages import WorkerError


class WorkerProcess:
    """A running worker.

    Args:
        command: what to start.

    Attributes:
        lines: what it said; None once it has ended.
        last_words: the last lines of its standard error.

    Raises:
        WorkerError: it cannot be started.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self.lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self.last_words: deque[str] = deque(maxlen=40)
        pipe = subprocess.PIPE
        try:
            self._process = group.start(command, stdin=pipe, stdout=pipe, stderr=pipe)
        except OSError as error:
            raise WorkerError(f"The worker cannot be started ({error}): install MedMetaSlicer again.") from error
        self._readers = [threading.Thread(target=read, daemon=True) for read in (self._listen, self._note)]
        for reader in self._readers:
            reader.start()

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """True until it ends."""
        return self._process.poll() is None

    def say(self, line: bytes) -> None:
        """Tells it something; whether it has ended is told by `lines`, not here."""
        with contextlib.suppress(OSError, ValueError):
            self._process.stdin.write(line)
            self._process.stdin.flush()

    def end(self, seconds: float = 5.0) -> None:
        """Ends it: it goes by itself once nobody speaks to it, and is killed where it does not."""
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
        for reader in self._readers:
            reader.join(1.0)

    def kill(self, seconds: float | None = None) -> None:
        """Ends it at once, with its children.

        Args:
            seconds: how long to wait until the system is done with it; None for as long as that takes.
        """
        group.kill(self._process, seconds)

    def why(self) -> str:
        """Why it has ended, in a sentence."""
        code = self._process.wait()
        if code == -getattr(signal, "SIGKILL", 9):
            return "The worker was killed, most likely because the memory was too small: close other programs."
        if code < 0:
            return f"The worker crashed ({signal.Signals(-code).name})."
        self._readers[1].join(1.0)  # its last words may still be on the way
        said = next((line for line in reversed(self.last_words) if line.strip()), "it said nothing")
        return f"The worker ended with code {code} ({said.strip()})."

    def _listen(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            for line in self._process.stdout:
                self.lines.put(line)
        self.lines.put(None)

    def _note(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            for line in self._process.stderr:
                self.last_words.append(line.decode("utf-8", "replace"))
