"""What is being done now, and how far it is."""

import time

PHASES = {
    "adapt": {"check": 0.06, "adapt": 0.03, "predict": 0.2, "refine": 0.11, "cohort": 0.6},
    "predict": {"register": 0.4, "predict": 0.4, "refine": 0.2},
    "match": {"match": 1.0},
}
"""Kind of work -> its phases in their order, each with its usual share of the time on a CPU."""

LEAST_ELAPSED, LEAST_FRACTION = 1.0, 0.05
"""Seconds and share of the work before which nothing is said of the time that remains."""


class Activity:
    """One request from its start to its end. Plain numbers, updated by whoever runs it.

    :param kind: "adapt", "predict", "suggest", "match", "save", "load" or "forget"
    :param phases: phases that will come, where they are fewer than the usual ones
    :param clock: seconds, from any start

    phase, done, total: see medmeta.progress.Progress
    curves: {phase: [(step, loss), ...]}, of phases that have a loss
    notices: [text, ...] that the user should know
    state: "running", "cancelling", "done", "failed" or "cancelled"
    """

    def __init__(self, kind, phases=None, clock=time.monotonic):
        shares = PHASES.get(kind, {})
        self.kind = kind
        self.phase, self.done, self.total = "", 0, 0
        self.curves = {}
        self.notices = []
        self.state = "running"
        self._shares = {name: share for name, share in shares.items() if phases is None or name in phases}
        self._clock = clock
        self._started = clock()
        self._ended = None
        self._fraction = 0.0

    @property
    def fraction(self):
        """Share of the work that is done, 0 to 1; it never falls."""
        return self._fraction

    @property
    def elapsed(self):
        """Seconds since its start, to its end where it has ended."""
        return (self._clock() if self._ended is None else self._ended) - self._started

    @property
    def remaining(self):
        """Seconds that it will still take, judged by what it took so far; None where that cannot be told."""
        if self.ended:
            return 0.0
        if self._fraction < LEAST_FRACTION or self.elapsed < LEAST_ELAPSED:
            return None
        return self.elapsed * (1 - self._fraction) / self._fraction

    @property
    def ended(self):
        """True once it is done, failed or cancelled."""
        return self._ended is not None

    @property
    def losses(self):
        """[(step, loss), ...] of the latest phase that has a loss."""
        return self.curves[next(reversed(self.curves))] if self.curves else []

    def advance(self, event):
        """Takes in a medmeta.progress.Progress."""
        self.phase, self.done, self.total = event.phase, event.done, event.total
        if getattr(event, "loss", None) is not None:
            self.curves.setdefault(event.phase, []).append((event.done, event.loss))
        whole = sum(self._shares.values())
        if event.phase in self._shares and whole:
            names = list(self._shares)
            before = sum(self._shares[name] for name in names[: names.index(event.phase)])
            within = self._shares[event.phase] * min(1.0, event.done / max(1, event.total))
            self._fraction = max(self._fraction, min(1.0, (before + within) / whole))

    def restart(self):
        """It begins again from nothing, after its worker was lost to another request; its time goes on."""
        self.phase, self.done, self.total = "", 0, 0
        self.curves = {}
        self._fraction = 0.0

    def end(self, state):
        """It has ended: "done", "failed" or "cancelled"."""
        self.state = state
        self._ended = self._clock()
        if state == "done":
            self._fraction = 1.0
