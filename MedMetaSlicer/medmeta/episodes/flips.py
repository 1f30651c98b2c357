"""Versions of a support set for the inner loop: the same slices turned over."""

from __future__ import annotations

import torch

from medmeta.episodes.episode import Examples


def flipped(examples: Examples, axes: tuple[int, ...]) -> Examples:
    """Examples with every tensor flipped; the position channels turn with the image, so that places stay places."""
    turn = [torch.flip(x, axes).contiguous() for x in (*examples.inputs, examples.targets)]
    return Examples(tuple(turn[:-1]), turn[-1])


FLIPS = ((), (-1,), (-2,), (-2, -1))


def support_versions(examples: Examples, steps: int = len(FLIPS)) -> list[Examples]:
    """As drawn, and flipped along columns, rows and both: the inner loop takes one after the other.

    Args:
        examples: as drawn.
        steps: of the inner loop; versions that it would not come to are not made.
    """
    return [flipped(examples, axes) if axes else examples for axes in FLIPS[: max(1, steps)]]
