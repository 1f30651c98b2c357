"""Work that does not fit into a GPU's memory: in smaller batches, and in the end on the CPU."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch

Result = TypeVar("Result")


def within_memory(
    run: Callable[[str, int], Result], device: str, batch: int, notice: Callable[[str], None] = lambda _: None
) -> Result:
    """Runs something again, smaller, until it fits.

    Args:
        run: (device, batch) -> result; raises `torch.OutOfMemoryError` where it does not fit.
        device: "auto", "cpu", "cuda" or "cuda:N".
        batch: slices at once, at first; halved until it is 1.
        notice: told in a sentence whenever something was changed.

    Raises:
        torch.OutOfMemoryError: it does not fit on the CPU either.
    """
    while True:
        try:
            return run(device, batch)
        except torch.OutOfMemoryError:
            if device == "cpu":
                raise
        # Outside of the handler: the exception's frames hold the tensors that were too many.
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        if batch > 1:
            batch //= 2
            notice(f"The GPU's memory is too small: going on with {batch} slices at once.")
        else:
            device = "cpu"
            notice("The GPU's memory is too small even for single slices: going on on the CPU, which takes longer.")
