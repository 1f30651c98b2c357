"""How far long work has come."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """One step of long work.

    Attributes:
        phase: "check", "adapt", "cohort", "register", "predict", "refine", "match", "ledger", "cases" or "demo".
        done, total: steps of this phase.
        message: more about it, if anything.
        loss: of the last step whose loss is known, where there is one; it lags a few steps behind on a GPU.
    """

    phase: str
    done: int
    total: int
    message: str = ""
    loss: float | None = None


ProgressCallback = Callable[[Progress], None]
"""Told about progress; raises `medmeta.errors.Cancelled` to stop the work."""
