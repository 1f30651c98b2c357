"""From a single annotated slice outwards, some slices at a time.

A structure that runs obliquely leaves its place, and only following it shows where it goes. One that stays in its place
the prior knows as well; if the network finds it larger there than the prior expects, and it were followed, the network
would be told its own exaggeration, and exaggerate again.
"""

from __future__ import annotations

import numpy as np
import torch

from medmeta.adaptation.length import Answer, expected_sizes
from medmeta.priors import FollowedPrior, ShapePrior, signed_distance

STEP = 3.0
"""Network pixels between two slices on which the shape is taken anew."""

FARTHEST = 1.5
"""Expected lengths, beyond which nothing is followed."""

LEAST = 3
"""Network pixels of a shape that is still there."""

LEAVING = 0.2
"""Share of a shape that has left the drawn one at the structure's expected end, where it is followed at all; on the way
there, so much less as it is nearer to the drawn slice."""


def follow(prior: ShapePrior, count: int, answer: Answer) -> FollowedPrior:
    """Follows a structure to both sides, until it ends.

    Args:
        prior: of one annotated slice.
        count: slices of the volume.
        answer: the network's.
    """
    drawn, shape = prior.positions[0], (prior.distances[0] > 0).cpu().numpy()
    step = max(1, round(STEP / prior.pitch))
    if not shape.any():
        return FollowedPrior.of(prior)
    usual = followed = FollowedPrior.of(prior, expected_sizes(prior, count, answer))
    for side in (-1, 1):
        position = drawn + side * step
        while 0 <= position < count and abs(position - drawn) <= FARTHEST * followed.length:
            found = (answer([position], followed)[0] > 0).cpu().numpy()
            if found.sum() < LEAST:
                break
            far, expected = abs(position - drawn) / followed.length, int((usual.at(position) > 0).sum())
            if found.sum() < expected or _left(shape, found) > LEAVING * far:
                distance = torch.from_numpy(signed_distance(found))
                followed = followed.finding(position, distance.to(prior.distances.device))
            position += side * step
    return followed


def _left(drawn: np.ndarray, found: np.ndarray) -> float:
    """Share of the smaller of two shapes that lies outside of the other: 0 where one has grown or shrunk in place.

    That is 1 less the overlap coefficient (Szymkiewicz, 1934; Simpson, 1943).

    Args:
        drawn, found: (H, W) boolean, neither of them empty.
    """
    return 1 - float((drawn & found).sum() / min(drawn.sum(), found.sum()))
