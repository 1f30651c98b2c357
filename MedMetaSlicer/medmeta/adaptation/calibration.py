"""Probabilities that mean what they say: logits divided by a temperature that grows with the distance from drawings."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from medmeta.episodes.channels import DISTANCES, FAR_SLICES, THERE


@dataclass(frozen=True)
class Calibration:
    """Temperature scaling; alone, it turns no decision between a segment and all else over.

    The temperature of a slice is exp(base + slope * d + beyond * b): d is the distance to its nearest annotated slice
    over `FAR_SLICES` network pixels, at most 1; b is 1 for a slice beyond the outermost annotated ones, else 0. Without
    a prior, as in volumes in which nothing is drawn, it is exp(other).

    Source: Guo et al., "On calibration of modern neural networks", ICML 2017, temperature scaling; `scripts/calibrate`
    fits it on procedural cohorts.

    Attributes:
        base, slope, beyond, other: natural logarithms.
    """

    base: float = 0.0
    slope: float = 0.0
    beyond: float = 0.0
    other: float = 0.0

    def __call__(self, logits: torch.Tensor, segment: torch.Tensor) -> torch.Tensor:
        """Calibrated logits.

        Args:
            logits: (B, 1, H, W), final ones.
            segment: (B, 13, H, W) segment channels.
        """
        distance, beyond, known = places(segment)
        log = torch.where(known, self.log_temperature(distance, beyond), self.other)
        return logits * torch.exp(-log)[:, None, None, None]

    def log_temperature(self, distance: torch.Tensor, beyond: torch.Tensor) -> torch.Tensor:
        """Of slices with a prior, see `places`."""
        return self.base + self.slope * distance + self.beyond * beyond

    def of_volume(
        self, logits: torch.Tensor, positions: Sequence[int], pitch: float, on_step: Callable[[], None] = lambda: None
    ) -> torch.Tensor:
        """Calibrates a whole volume in place.

        Args:
            logits: (S, Z, h, w).
            positions: the annotated slices; none where nothing is drawn.
            pitch: distance between slices, network pixels.
            on_step: called for each segment; may raise to stop.
        """
        log = torch.full(logits.shape[1:2], self.other)
        if len(positions):
            log = self.log_temperature(*places_of_volume(logits.shape[1], positions, pitch))
        factors = torch.exp(-log).to(logits)[:, None, None]
        for own in logits:
            on_step()
            own.mul_(factors)
        return logits

    def without_prior(self, logits: torch.Tensor) -> torch.Tensor:
        """Calibrated logits of any shape, of volumes in which nothing is drawn."""
        return logits * math.exp(-self.other)


def places(segment: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Of the slices of segment channels, (B, 13, H, W): distance over `FAR_SLICES`, beyond the ends, has a prior."""
    there = segment[:, THERE, 0, 0] > 0
    distance = torch.where(there, segment[:, DISTANCES, 0, 0], torch.inf).amin(1).clamp(max=1)
    return distance, (~there.all(1)).float(), there.any(1)


def places_of_volume(count: int, positions: Sequence[int], pitch: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Of the `count` slices of a volume: distance over `FAR_SLICES`, and beyond the ends, as `places` has them."""
    numbers = torch.arange(count)
    away = (numbers[:, None] - torch.as_tensor(list(positions))).abs().amin(1)
    beyond = (numbers < min(positions)) | (numbers > max(positions))
    return (away * pitch / FAR_SLICES).clamp(max=1), beyond.float()


FITTED = Calibration(base=-0.02, slope=0.3, beyond=0.32, other=0.64)
"""By `scripts/calibrate --cohorts 12 --other 4`, with the weights that ship."""

AFTER_WALK = Calibration(base=-0.12, slope=0.05, beyond=-0.02, other=-0.5)
"""Of what the random walk makes of the calibrated logits, which is less sure than it is right: it moves them towards
those of their neighbours. `other` is where templates were laid over a volume, whose signed distances are no
probabilities. Fitted as `scripts/calibrate --after-walk` does, on five procedural cohorts with one and three slices;
`other` is between what two of them ask for (-0.84) and what hippocampi of even place do (-0.48). Since then walks
of one to seven slices hold less to the network; fitted again when those of two to seven did, it was better for some
cohorts and worse for others, and so stayed (docs/lab-notes/calibration.md)."""
