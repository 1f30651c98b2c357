"""A time budget: what does not fit into it is left out."""

from __future__ import annotations

import math
import time


class OutOfTime(Exception):
    """The budget does not allow to go on."""


class Budget:
    """Counts down from when it is made.

    Args:
        seconds: how many there are; None for no end.
    """

    def __init__(self, seconds: float | None = None) -> None:
        self.seconds = math.inf if seconds is None else seconds
        self.started = time.monotonic()

    @property
    def spent(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started

    def check(self, reserve: float = 0.0) -> None:
        """Stops what runs.

        Args:
            reserve: seconds that must be left.

        Raises:
            OutOfTime: they are not.
        """
        if self.spent + reserve > self.seconds:
            raise OutOfTime
