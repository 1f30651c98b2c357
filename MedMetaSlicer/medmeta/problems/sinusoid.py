"""Few-shot regression of sine waves.

Source: Finn et al., ICML 2017, section 5.1: y = amplitude * sin(x - phase), amplitude in [0.1, 5], phase in [0, pi],
x in [-5, 5]; a network of two hidden layers of 40 ReLUs; mean squared error.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import nn

from medmeta.episodes import Episode, Examples
from medmeta.synthesis.random import Draw

AMPLITUDES, PHASES, RANGE = (0.1, 5.0), (0.0, math.pi), (-5.0, 5.0)


@dataclass(frozen=True)
class Sinusoid:
    """One task: a sine wave."""

    amplitude: float
    phase: float

    def __call__(self, x: torch.Tensor) -> Examples:
        """Examples at (B, 1) places."""
        return Examples((x,), self.amplitude * torch.sin(x - self.phase))


class RandomSinusoid:
    """Draws episodes.

    Args:
        shots: support points.
        queries: query points.
    """

    def __init__(self, shots: int, queries: int) -> None:
        self.shots = shots
        self.queries = queries

    def __call__(self, draw: Draw) -> Episode:
        """Draws a wave and its support and query points, (shots, 1) and (queries, 1)."""
        wave = Sinusoid(draw.uniform(*AMPLITUDES), draw.uniform(*PHASES))
        x = draw.vector([RANGE[0]] * (self.shots + self.queries), [RANGE[1]] * (self.shots + self.queries))[:, None]
        return Episode(wave(x[: self.shots]), wave(x[self.shots :]))


def sinusoid_network() -> nn.Module:
    """1 -> 40 -> 40 -> 1, with the source's initialisation: normal of standard deviation .01, cut at two, no bias."""
    network = nn.Sequential(nn.Linear(1, 40), nn.ReLU(), nn.Linear(40, 40), nn.ReLU(), nn.Linear(40, 1))
    for layer in network[::2]:
        nn.init.trunc_normal_(layer.weight, std=0.01, a=-0.02, b=0.02)
        nn.init.zeros_(layer.bias)
    return network


def mean_squared_error(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Scalar mean of squared differences."""
    return ((outputs - targets) ** 2).mean()
