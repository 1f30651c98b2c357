"""The Dice to expect, told from what goes with it: doubt, another opinion, and how much was drawn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LEAST, MOST = 0.01, 0.999
"""Dice beyond these count as these: their logits have no end."""


@dataclass(frozen=True)
class Signs:
    """What goes with the Dice of segments, or of their slices; all arrays of one shape.

    Attributes:
        soft: Dice that the probabilities let expect, see `ExpectedDice`.
        agreement: Dice with another opinion, that of the interpolated shapes.
        single: 1 where the segment was drawn on a single slice, else 0: then it may run to either side, and no held-out
            slice has told how it does.
    """

    soft: np.ndarray
    agreement: np.ndarray
    single: np.ndarray

    def columns(self) -> np.ndarray:
        """(..., 4), the larger the better, to be weighted by a `DiceModel`'s attributes in their order."""
        return np.stack([np.ones_like(self.soft), logit(self.soft), logit(self.agreement), -self.single], axis=-1)


@dataclass(frozen=True)
class DiceModel:
    """The logit of the Dice is a weighted sum of its signs; no weight but the constant is below 0, so that none of them
    counts for what it does not mean.

    Probabilities alone know nothing of errors that all pixels share: of a structure that went on elsewhere they are as
    sure as of one that did not. Where interpolation and result contradict each other, or a single slice is all that
    was drawn, such errors are more frequent. What they cost was fitted once, for all structures.

    Attributes:
        constant, soft, agreement, single: weights, see `Signs`.
    """

    constant: float = 0.0
    soft: float = 1.0
    agreement: float = 0.0
    single: float = 0.0

    def weights(self) -> np.ndarray:
        """(4,) in the order of `Signs.columns`."""
        return np.array([self.constant, self.soft, self.agreement, self.single])

    def __call__(self, signs: Signs) -> np.ndarray:
        """The Dice to expect, of the signs' shape; NaN where a sign is."""
        return sigmoid(signs.columns() @ self.weights())


def logit(dice: np.ndarray) -> np.ndarray:
    """ln(D / (1 - D)) of a Dice cut at `LEAST` and `MOST`."""
    kept = np.clip(dice, LEAST, MOST)
    return np.log(kept / (1 - kept))


def sigmoid(value: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-value))."""
    return 1 / (1 + np.exp(-value))


ANNOTATED = DiceModel(constant=0.06, soft=0.52, agreement=0.48, single=0.67)
"""Of volumes in which slices are drawn; of others probabilities stand as they are. Fitted as `scripts/calibrate_dice`
does, on 78 structures of seven cohorts with one, two, three and five slices."""
