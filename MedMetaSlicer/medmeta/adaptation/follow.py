"""From a single annotated slice outwards, some slices at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from medmeta.priors import FollowedPrior, ShapePrior, signed_distance

STEP = 3.0
"""Network pixels between two slices on which the shape is taken anew."""

FARTHEST = 1.5
"""Expected lengths, beyond which nothing is followed."""

LEAST = 3
"""Network pixels of a shape that is still there."""


def follow(prior: ShapePrior, count: int, answer: Callable[[Sequence[int], ShapePrior], torch.Tensor]) -> FollowedPrior:
    """Follows a structure to both sides, until it ends.

    Args:
        prior: of one annotated slice.
        count: slices of the volume.
        answer: (slice numbers, prior) -> (B, h, w) logits.
    """
    followed = FollowedPrior.of(prior)
    drawn = prior.positions[0]
    step = max(1, round(STEP / prior.pitch))
    if not (prior.distances[0] > 0).any():
        return followed
    for side in (-1, 1):
        position = drawn + side * step
        while 0 <= position < count and abs(position - drawn) <= FARTHEST * followed.length:
            found = (answer([position], followed)[0] > 0).cpu().numpy()
            if found.sum() < LEAST:
                break
            followed = followed.finding(position, torch.from_numpy(signed_distance(found)).to(prior.distances.device))
            position += side * step
    return followed
