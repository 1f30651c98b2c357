"""A command that ends with the program that started it."""

from __future__ import annotations

import _thread
import os
import signal
import threading

INPUT = 0
"""Descriptor of standard input."""


def stop_with_input() -> None:
    """Has the main thread interrupted, as by Ctrl-C, when standard input ends: that program closed it, or is gone."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # which a program in the background does not have
    threading.Thread(target=_watch, name="input", daemon=True).start()


def _watch() -> None:
    try:
        while os.read(INPUT, 4096):
            pass
    except OSError:  # closed from the beginning
        pass
    if hasattr(signal, "pthread_kill"):  # it wakes a thread that waits, too
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
    else:
        _thread.interrupt_main()
