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
        first, *others = probabilities
        best, background = first, 1 - first
        segment = torch.zeros(first.shape, dtype=torch.int64, device=first.device)
        for number, probability in enumerate(others, 1):  # few: quicker than reductions over the outermost axis
            segment.masked_fill_(probability > best, number)
            best = torch.maximum(best, probability)
            background = background * (1 - probability)
        inside = best > background
        return cls(segment, inside, torch.where(inside, best, background))
