"""From the segments' probabilities, one against everything else each, to one answer for every pixel."""

from __future__ import annotations

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Decision:
    """What pixels are given to.

    Attributes:
        segment: (B, H, W) int64, number of the most probable segment.
        inside: (B, H, W) boolean, False where background is more probable than that segment.
        confidence: (B, H, W), the probability of what was decided.
    """

    segment: torch.Tensor
    inside: torch.Tensor
    confidence: torch.Tensor

    @classmethod
    def of(cls, probabilities: torch.Tensor) -> Decision:
        """From (S, B, H, W) probabilities.

        Background has the probability that none of the segments is there, as if they did not depend on each other. So
        between two segments that are both likely no gap opens where neither has one half.
        """
        best, segment = probabilities.max(0)
        background = (1 - probabilities).prod(0)
        inside = best > background
        return cls(segment, inside, torch.where(inside, best, background))
