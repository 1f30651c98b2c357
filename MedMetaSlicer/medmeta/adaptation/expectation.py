"""How good a prediction is likely to be, by its own probabilities and by another opinion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from medmeta.adaptation.dice_model import DiceModel, Signs

if TYPE_CHECKING:
    import torch

FAINT = 0.1
"""Probability below which a pixel is not expected to be the structure: the many faint ones of a large background would
together weigh more than the structure itself. Chosen on real cases of even place (of 0 to .3)."""


def expected_overlap(logits: torch.Tensor, opinion: torch.Tensor | None = None) -> np.ndarray:
    """What the Dice of some slices is expected from.

    Args:
        logits: (S, B, H, W), calibrated, one segment against everything else each.
        opinion: (S, B, H, W) boolean, where the segments are by another one; None for the decision itself.

    Returns:
        (S, B, 4): over the pixels of a slice, the sum of p * y, p + y, o * y and o + y, where p is a segment's
        probability, y is 1 where the pixel was given to it, and o is the other opinion; p below `FAINT` counts as 0.
    """
    import torch  # here alone: expectations are also read where nothing is computed

    from medmeta.adaptation.decision import Decision

    probability = torch.sigmoid(logits.float())
    numbers = torch.arange(1, len(logits) + 1)
    decision = Decision.of(probability, numbers.tolist())
    probability = torch.where(probability < FAINT, 0.0, probability)
    given = (decision.labels == numbers.to(logits.device)[:, None, None, None]).float()
    other = given if opinion is None else opinion.to(given)
    sums = [part.sum((2, 3)) for one in (probability, other) for part in (one * given, one + given)]
    return torch.stack(sums, dim=-1).cpu().numpy()


PROBABILITIES = DiceModel()
"""What probabilities say alone."""


@dataclass(frozen=True)
class ExpectedDice:
    """The Dice to expect, by a `DiceModel`.

    Its first sign is the Dice that calibrated probabilities let expect: 2 sum(p y) / sum(p + y), p the probability, y
    the decision. Source: the soft Dice of a prediction with itself; Li et al., "Estimating model performance under
    domain shifts with class-specific confidence scores", MICCAI 2022.

    Attributes:
        cases: for each segment over all slices that were not annotated; None where nothing is expected there.
        slices: (S, Z) of each slice, numbered along the volume's slice axis; NaN on annotated slices, and where neither
            something was found nor is expected (less than a pixel of the network's).
    """

    cases: tuple[float | None, ...]
    slices: np.ndarray

    @classmethod
    def of(
        cls,
        overlap: np.ndarray,
        annotated: Sequence[int] = (),
        flipped: bool = False,
        model: DiceModel = PROBABILITIES,
        single: Sequence[bool] | None = None,
    ) -> ExpectedDice:
        """From (S, Z, 4) sums as `expected_overlap` gives them.

        Args:
            overlap: the sums.
            annotated: slices that do not count, in the order of `overlap`.
            flipped: True where the volume's slice axis runs the other way.
            model: what to make of them; probabilities alone, if not given.
            single: which of the segments are drawn on a single slice; None for none.
        """
        overlap = overlap.astype(np.float64)
        overlap[:, list(annotated)] = 0
        single = np.zeros(len(overlap)) if single is None else np.asarray(single, dtype=float)
        cases, slices = model(_signs(overlap.sum(1), single)), model(_signs(overlap, single[:, None]))
        return cls(
            tuple(None if np.isnan(dice) else float(dice) for dice in cases),
            np.ascontiguousarray(slices[:, ::-1] if flipped else slices),
        )


def _signs(overlap: np.ndarray, single: np.ndarray) -> Signs:
    """From (..., 4) sums; NaN where less than a pixel is found or expected."""
    both, sizes, shared, together = np.moveaxis(overlap, -1, 0)
    soft = 2 * both / np.where(sizes > 1, sizes, np.nan)
    agreement = 2 * shared / np.where(together > 0, together, np.inf)
    return Signs(soft, agreement, np.broadcast_to(single, soft.shape))
