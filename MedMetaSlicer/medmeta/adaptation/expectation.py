"""How good a prediction is likely to be, by its own probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

FAINT = 0.1
"""Probability below which a pixel is not expected to be the structure: the many faint ones of a large background would
together weigh more than the structure itself. Chosen on real cases of even place (of 0 to .3)."""


def expected_overlap(logits: torch.Tensor) -> np.ndarray:
    """What the Dice of some slices is expected from.

    Args:
        logits: (S, B, H, W), calibrated, one segment against everything else each.

    Returns:
        (S, B, 2): over the pixels of a slice, the sum of p * y, and of p + y, where p is a segment's probability and y
        is 1 where the pixel was given to it; p below `FAINT` counts as 0.
    """
    import torch  # here alone: expectations are also read where nothing is computed

    from medmeta.adaptation.decision import Decision

    probability = torch.sigmoid(logits.float())
    numbers = torch.arange(1, len(logits) + 1)
    decision = Decision.of(probability, numbers.tolist())
    probability = torch.where(probability < FAINT, 0.0, probability)
    given = (decision.labels == numbers.to(logits.device)[:, None, None, None]).float()
    both, sizes = (probability * given).sum((2, 3)), (probability + given).sum((2, 3))
    return torch.stack([both, sizes], dim=-1).cpu().numpy()


@dataclass(frozen=True)
class ExpectedDice:
    """The Dice that calibrated probabilities let expect: 2 sum(p y) / sum(p + y), p the probability, y the decision.

    Source: the soft Dice of a prediction with itself; Li et al., "Estimating model performance under domain shifts with
    class-specific confidence scores", MICCAI 2022.

    Attributes:
        cases: for each segment over all slices that were not annotated; None where nothing is expected there.
        slices: (S, Z) of each slice, numbered along the volume's slice axis; NaN on annotated slices, and where neither
            something was found nor is expected (less than a pixel of the network's).
    """

    cases: tuple[float | None, ...]
    slices: np.ndarray

    @classmethod
    def of(cls, overlap: np.ndarray, annotated: Sequence[int] = (), flipped: bool = False) -> ExpectedDice:
        """From (S, Z, 2) sums as `expected_overlap` gives them.

        Args:
            overlap: the sums.
            annotated: slices that do not count, in the order of `overlap`.
            flipped: True where the volume's slice axis runs the other way.
        """
        overlap = overlap.astype(np.float64)
        overlap[:, list(annotated)] = 0
        both, sizes = overlap[..., 0], overlap[..., 1]
        with np.errstate(invalid="ignore"):
            slices = np.where(sizes > 1, 2 * both / sizes, np.nan)
        total = overlap.sum(1)
        cases = tuple(float(2 * b / s) if s > 1 else None for b, s in total)
        return cls(cases, np.ascontiguousarray(slices[:, ::-1] if flipped else slices))
