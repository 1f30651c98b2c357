"""From the segments' probabilities, one against everything else each, to one answer for every pixel."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Decision:
    """What pixels are given to.

    Attributes:
        labels: (B, H, W) integers, label value of the most probable segment; 0 where background is more probable.
        confidence: (B, H, W), the probability of what was decided.
    """

    labels: torch.Tensor
    confidence: torch.Tensor

    @classmethod
    def of(cls, probabilities: Iterable[torch.Tensor], values: Sequence[int]) -> Decision:
        """From (B, H, W) probabilities of each segment, and their label values.

        Background has the probability that none of the segments is there, as if they did not depend on each other. So
        between two segments that are both likely no gap opens where neither has one half.
        """
        best = background = labels = None
        for value, probability in zip(values, probabilities, strict=True):  # few: quicker than to reduce over them
            if best is None:
                best, background = probability, 1 - probability
                labels = torch.full_like(probability, value, dtype=label_type(values))
            else:
                labels = torch.where(probability > best, value, labels)
                best = torch.maximum(best, probability)
                background.mul_(1 - probability)
        return cls(torch.where(best > background, labels, 0), torch.maximum(best, background))


def label_type(values: Sequence[int]) -> torch.dtype:
    """The smallest type of label maps with such values that torch computes with."""
    return torch.uint8 if max(values) <= 255 else torch.int64
