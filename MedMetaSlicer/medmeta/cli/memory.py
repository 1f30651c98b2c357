"""Work in as much memory as the GPU has, with a note where it is too little."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from medmeta.cli.console import Console

Result = TypeVar("Result")


def fitting(run: Callable[[str, int], Result], device: str, console: Console, batch: int | None = None) -> Result:
    """Runs something, again and smaller where the GPU has too little memory, in the end on the CPU.

    Args:
        run: (device, slices at once) -> result.
        device: "auto", "cpu", "cuda" or "cuda:N".
        console: is told of it.
        batch: slices at once, at first; None for what suits the device.

    Raises:
        DeviceError: the device is not there.
    """
    from medmeta.adaptation.memory import within_memory
    from medmeta.devices import resolve_device, usual_batch

    return within_memory(run, device, batch or usual_batch(resolve_device(device)), console.note)
