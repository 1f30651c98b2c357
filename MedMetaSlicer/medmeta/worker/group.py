"""A process together with those that it starts: Slicer's interpreter is a launcher whose child does the work."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import medmeta


def start(command: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
    """Starts a process in a group of its own, so that Ctrl-C in this one's terminal is this one's.

    Python in it finds this `medmeta`, and writes its texts in UTF-8.

    Args:
        command: what to start.
        options: of `subprocess.Popen`.

    Raises:
        OSError: it cannot be started.
    """
    if os.name == "nt":
        options["creationflags"] = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
    else:
        options["start_new_session"] = True
    package = str(Path(medmeta.__file__).resolve().parents[1])
    path = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONIOENCODING": "utf-8"}
    return subprocess.Popen(command, env=environment, **options)


def kill(process: subprocess.Popen[bytes], seconds: float | None = None) -> None:
    """Ends a process that `start` started, and its children, at once.

    Args:
        process: the process; may have ended.
        seconds: how long to wait for the system to be done with it; None for as long as that takes.
    """
    if os.name == "nt":
        if process.poll() is None:
            command = ["taskkill", "/F", "/T", "/PID", str(process.pid)]
            subprocess.run(command, capture_output=True, creationflags=subprocess.CREATE_NO_WINDOW, check=False)
    else:
        # The group outlives a launcher that has ended while its child has not.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(OSError):
        process.kill()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(seconds)


def alive(process: subprocess.Popen[bytes]) -> bool:
    """True while a process that `start` started, or a child of it, has not ended."""
    if process.poll() is None:
        return True
    if os.name == "nt":
        return False
    try:
        os.killpg(process.pid, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True
