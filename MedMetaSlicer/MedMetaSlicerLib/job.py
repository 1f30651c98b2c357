"""Long work in a thread, watched from the main thread. Knows neither Qt nor MRML."""

import threading

from medmeta.errors import Cancelled


class BackgroundJob:
    """Runs a function in a thread; whoever started it polls.

    The function must not touch the scene or any widget. It gets a `progress` argument that it calls with
    medmeta.progress.Progress; after `cancel` that call raises Cancelled.

    :param function: called with progress=...; its result is kept
    """

    def __init__(self, function):
        self._function = function
        self._cancelled = threading.Event()
        self._lock = threading.Lock()
        self._progress = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.result = None
        self.error = None

    def start(self):
        """Starts the thread."""
        self._thread.start()

    def cancel(self):
        """Asks the function to stop at its next report of progress."""
        self._cancelled.set()

    @property
    def finished(self):
        """True once the function has returned or failed."""
        return self._thread.ident is not None and not self._thread.is_alive()

    @property
    def cancelled(self):
        """True where it stopped because it was told to."""
        return isinstance(self.error, Cancelled)

    @property
    def progress(self):
        """The last Progress, or None."""
        with self._lock:
            return self._progress

    def wait(self, seconds=None):
        """Waits for the end; True where it came in time."""
        self._thread.join(seconds)
        return self.finished

    def _report(self, event):
        if self._cancelled.is_set():
            raise Cancelled("Cancelled; nothing was changed.")
        with self._lock:
            self._progress = event

    def _run(self):
        try:
            self.result = self._function(progress=self._report)
        except BaseException as error:
            self.error = error
