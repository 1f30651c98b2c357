"""Where the network looks for structures: on slices that their priors come near, and on as it finds them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import torch

from medmeta.adaptation.render import OUTSIDE, batches
from medmeta.episodes.channels import REACH
from medmeta.priors import ShapePrior

SEEN = math.log(0.02 / 0.98)
"""Logit from which on a pixel may belong to the structure, so that the next slice is looked at too."""

AT_ONCE = {"cpu": 150_000, "cuda": 2_000_000}
"""Pixels that go through the network at once: beyond, a device gets no quicker, and cancelling must act soon."""

Features = Mapping[str, tuple[torch.Tensor, ...]]
"""Learner -> what its backbone makes of some slices, (B, ...) each."""


def near(prior: ShapePrior, count: int) -> list[bool]:
    """On which slices there is something of a shape within `REACH` pixels: on others the network is told of none.

    All where there is none that says so: nothing may be drawn of a structure that is there all the same.

    Args:
        prior: of one structure.
        count: slices of the volume.
    """
    deepest = torch.stack([prior.at(position).max() for position in range(count)])
    found = (deepest > -REACH).tolist()
    return found if any(found) else [True] * count


def look(
    encoded: Callable[[Sequence[int]], Features],
    answer: Callable[[int, Sequence[int], Features], torch.Tensor],
    likely: Sequence[Sequence[bool]],
    shape: tuple[int, int, int],
    batch: int,
    tick: Callable[[int], None],
    kind: str = "cpu",
) -> torch.Tensor:
    """(S, Z, h, w) logits of a whole volume, half precision; `OUTSIDE` where the network has not looked.

    Args:
        encoded: slice numbers -> their features, the same for all segments.
        answer: (segment, slice numbers, their features) -> (B, h, w) logits.
        likely: S x Z, where to look first. Beyond, each slice whose neighbour shows something is looked at as well.
        shape: (Z, h, w).
        batch: slices at a time.
        tick: called with the number of slices just done, and with 0 in between; may raise to cancel.
        kind: of the device that computes.
    """
    logits = None
    seen = [[False] * shape[0] for _ in likely]
    done = [list(own) for own in likely]
    batch = max(1, min(batch, AT_ONCE[kind] // (shape[1] * shape[2])))

    def see(segment: int, positions: Sequence[int], features: Features) -> None:
        nonlocal logits
        found = answer(segment, positions, features)
        if logits is None:
            logits = torch.full((len(likely), *shape), OUTSIDE, dtype=torch.half, device=found.device)
        logits[segment, list(positions)] = found.half()
        for position, most in zip(positions, found.amax((1, 2)).tolist(), strict=True):
            seen[segment][position] = most > SEEN
        tick(0)

    for positions in batches(shape[0], batch):
        wanted = [[position for position in positions if own[position]] for own in likely]
        anyone = sorted({position for own in wanted for position in own})
        features = encoded(anyone) if anyone else {}
        for segment, own in enumerate(wanted):
            if own:
                see(segment, own, _picked(features, [anyone.index(position) for position in own]))
        tick(len(positions))
    for segment, own in enumerate(done):
        while wanted := _beside(own, seen[segment])[:batch]:
            for position in wanted:
                own[position] = True
            see(segment, wanted, encoded(wanted))
    return logits


def _picked(features: Features, rows: Sequence[int]) -> Features:
    """The features of some of the slices; in one piece, views."""
    if rows[-1] - rows[0] + 1 == len(rows):
        return {name: tuple(one[rows[0] : rows[-1] + 1] for one in own) for name, own in features.items()}
    # Joined, as picking by number would give up the layout in which convolutions are quick.
    return {
        name: tuple(torch.cat([one[row : row + 1] for row in rows]) for one in own) for name, own in features.items()
    }


def _beside(done: Sequence[bool], seen: Sequence[bool]) -> list[int]:
    """Slices not looked at yet whose neighbour shows something."""
    neighbours = zip([False, *seen[:-1]], [*seen[1:], False], strict=True)
    return [i for i, (own, sides) in enumerate(zip(done, neighbours, strict=True)) if not own and any(sides)]
