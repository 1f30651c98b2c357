"""An event loop with timers, as Qt has one, for tests without Qt."""

import time


class Timer:
    """As qt.QTimer, as far as the work needs it."""

    def __init__(self):
        self.interval = None
        self.due = 0.0
        self.functions = []

    def connect(self, signal, function):
        assert signal == "timeout()"
        self.functions.append(function)

    def start(self, milliseconds):
        self.interval = milliseconds / 1000
        self.due = time.monotonic() + self.interval

    def stop(self):
        self.interval = None


class Loop:
    """Runs timers; knows how long the longest turn took, in which nothing else could happen."""

    def __init__(self):
        self.timers = []
        self.longest = 0.0

    def timer(self):
        self.timers.append(Timer())
        return self.timers[-1]

    @property
    def idle(self):
        """True where no timer runs."""
        return all(timer.interval is None for timer in self.timers)

    def turn(self):
        for timer in self.timers:
            if timer.interval is not None and time.monotonic() >= timer.due:
                timer.due = time.monotonic() + timer.interval
                start = time.monotonic()
                for function in timer.functions:
                    function()
                self.longest = max(self.longest, time.monotonic() - start)

    def until(self, condition, seconds=20.0):
        """Runs until something is so."""
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "nothing came of it"
            self.turn()
            time.sleep(0.002)
