"""Losses on their way from a device to whoever looks at them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import torch

Sent = tuple[torch.Tensor, Callable[[], bool]]
"""A loss in this process's memory, and whether it has arrived there."""


def send(loss: torch.Tensor) -> Sent:
    """Sends a loss from a GPU without waiting for it: what is computed there runs on.

    Args:
        loss: scalar on a GPU.
    """
    here = torch.empty((), dtype=loss.dtype, pin_memory=True)
    here.copy_(loss, non_blocking=True)
    arrived = torch.cuda.Event()
    arrived.record(torch.cuda.current_stream(loss.device))
    return here, arrived.query


class LossTrace:
    """Losses of the steps of a loop.

    `float(loss)` would wait until the GPU is done with all that it was asked, at every step; so they are sent, and read
    when they have arrived. On the CPU they are there at once.

    Args:
        sender: sends a loss from a device that is not the CPU.
    """

    def __init__(self, sender: Callable[[torch.Tensor], Sent] = send) -> None:
        self._sender = sender
        self._waiting: deque[Sent] = deque()
        self._last: float | None = None

    def add(self, loss: torch.Tensor) -> None:
        """A step's loss, a scalar on any device."""
        if loss.device.type == "cpu":
            self._last = float(loss)
        else:
            self._waiting.append(self._sender(loss))

    def latest(self) -> float | None:
        """The last loss that has arrived; None where none has."""
        while self._waiting and self._waiting[0][1]():
            self._last = float(self._waiting.popleft()[0])
        return self._last

    @property
    def waiting(self) -> int:
        """How many losses have not arrived."""
        self.latest()
        return len(self._waiting)
