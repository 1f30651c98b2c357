"""The unit that every learner adapts to and is judged on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Examples:
    """Inputs with their targets.

    Attributes:
        inputs: what the learner's module takes, each tensor with the examples along its first axis. For segmentation
            the image channels (B, slices, H, W) and the segment channels (B, 13, H, W).
        targets: the answers: (B, N, H, W) masks of N classes, where N is 1 for segmentation, and H and W are 1 for the
            classes of whole pictures; anything for regression.
    """

    inputs: tuple[torch.Tensor, ...]
    targets: torch.Tensor

    def to(self, device: torch.device | str) -> Examples:
        """The same on a device, as float32."""
        # Moved first and widened there: half the transfer, and no conversion on the CPU.
        moved = (x.to(device, non_blocking=True).float() for x in (*self.inputs, self.targets))
        *inputs, targets = moved
        return Examples(tuple(inputs), targets)

    def split(self, count: int) -> list[Examples]:
        """The same in parts of at most so many examples."""
        parts = (_split(x, count) for x in (*self.inputs, self.targets))
        return [Examples(tuple(inputs), targets) for *inputs, targets in zip(*parts, strict=True)]


def _split(values: torch.Tensor | Sequence, count: int) -> list:
    """Parts of a tensor, or of several together, as encoded inputs are."""
    if isinstance(values, torch.Tensor):
        return list(values.split(count))
    return list(zip(*(_split(value, count) for value in values), strict=True))


@dataclass(frozen=True)
class Episode:
    """A task in miniature: learn from the support set, be judged on the query set."""

    support: Examples
    query: Examples

    def to(self, device: torch.device | str) -> Episode:
        """The same on a device, as float32."""
        return Episode(self.support.to(device), self.query.to(device))
