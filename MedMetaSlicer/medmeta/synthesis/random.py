"""Draws from a torch.Generator: the one source of randomness of the synthesis, so that a seed says it all."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeVar

import torch

Item = TypeVar("Item")


class Draw:
    """Scalar draws from a generator.

    Args:
        generator: the source; two `Draw`s on equal generators give equal numbers.
    """

    def __init__(self, generator: torch.Generator) -> None:
        self.generator = generator

    @classmethod
    def seeded(cls, seed: int) -> Draw:
        """A source of its own for a seed."""
        return cls(torch.Generator().manual_seed(int(seed)))

    def uniform(self, low: float, high: float) -> float:
        """A number in [low, high)."""
        return low + (high - low) * torch.rand((), generator=self.generator).item()

    def log_uniform(self, low: float, high: float) -> float:
        """A number in [low, high), uniform in its logarithm."""
        return math.exp(self.uniform(math.log(low), math.log(high)))

    def normal(self, std: float = 1.0) -> float:
        """A number from N(0, std^2)."""
        return std * torch.randn((), generator=self.generator).item()

    def integer(self, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        return int(torch.randint(low, high + 1, (), generator=self.generator))

    def chance(self, probability: float) -> bool:
        """True with the given probability."""
        return self.uniform(0, 1) < probability

    def choice(self, items: Sequence[Item], weights: Sequence[float] | None = None) -> Item:
        """One of the items."""
        if weights is None:
            return items[self.integer(0, len(items) - 1)]
        return items[int(torch.multinomial(torch.tensor(weights, dtype=torch.float64), 1, generator=self.generator))]

    def vector(self, low: Sequence[float], high: Sequence[float]) -> torch.Tensor:
        """(len(low),) numbers, each in its own interval."""
        lower, upper = torch.tensor(low), torch.tensor(high)
        return lower + (upper - lower) * torch.rand(len(low), generator=self.generator)

    def order(self, count: int) -> list[int]:
        """The numbers 0 .. count - 1 in random order."""
        return torch.randperm(count, generator=self.generator).tolist()

    def rotation(self, degrees: float) -> torch.Tensor:
        """(3, 3) rotation about a random axis by at most `degrees`."""
        axis = torch.randn(3, generator=self.generator)
        x, y, z = (axis / axis.norm().clamp_min(1e-6)).tolist()
        angle = math.radians(self.uniform(-degrees, degrees))
        cross = torch.tensor([[0, -z, y], [z, 0, -x], [-y, x, 0]])
        return torch.eye(3) + math.sin(angle) * cross + (1 - math.cos(angle)) * cross @ cross
