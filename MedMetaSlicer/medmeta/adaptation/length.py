"""How long a structure is of which a single slice is drawn: what the network finds of it on either side tells.

Told of a shape that goes on for ever, the network finds much of what is long and little of what ends; told of no shape,
it goes by the image alone and misses what looks like its surroundings. What is found both times is likely there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch

from medmeta.priors import USUAL_SIZES, FollowedPrior, ShapePrior

Answer = Callable[[Sequence[int], "ShapePrior | None"], torch.Tensor]
"""(slice numbers, prior, or None for none) -> (B, h, w) logits."""

ASKED = 0.75
"""Sizes (square roots of the drawn area) from the drawn slice at which the network is asked."""

SHORTEST, LONG, FOUND, LONGEST = 0.6, 2.5, 0.6, 1.8
"""Sizes from the drawn slice to an end: where nothing is found, where the share `FOUND` is, and at most.

Chosen on real cases of even place. The hippocampus has 2.3, and .57 is found there; brain structures have 1.0 and .14,
tumours of the thigh 1.1 and .39, but up to .9: muscle looks like them. Hence the longest."""

FILLED, FEWEST = 0.75, 2
"""Share of the volume's slices that a structure is expected to fill at most; slices to either side, where there are
few."""


def expected_sizes(prior: ShapePrior, count: int, answer: Answer) -> float:
    """How far a structure is expected to go on to either side, in square roots of its drawn area.

    The shares of the drawn area that are found with and without a shape are multiplied; the expectation grows
    exponentially with the product. Hardly a structure fills the volume from end to end, so it is at most `FILLED`.

    Args:
        prior: of one annotated slice, on which something is drawn.
        count: slices of the volume.
        answer: the network's.
    """
    drawn, area = prior.positions[0], int((prior.distances[0] > 0).sum())
    away = max(1, round(ASKED * area**0.5 / prior.pitch))
    most = min(LONGEST, max(FEWEST, FILLED * count / 2) * prior.pitch / area**0.5)
    asked = [position for position in (drawn - away, drawn + away) if 0 <= position < count]
    if not asked:
        return min(most, USUAL_SIZES)
    told, untold = (
        float((answer(asked, shape) > 0).sum()) / len(asked) / area
        for shape in (FollowedPrior.of(prior, math.inf), None)
    )
    found = min(1.0, told) * min(1.0, untold)
    return min(most, SHORTEST * (LONG / SHORTEST) ** (found / FOUND))
