"""A single annotated slice, followed: the shape goes on from what was found last, not from what was drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch

from medmeta.priors.shape import USUAL_SIZES, ShapePrior, closing


@dataclass(frozen=True)
class FollowedPrior(ShapePrior):
    """A prior of one annotated slice, with what has been found on others.

    Where a structure runs on the other side of its only annotated slice is not known: a structure that lies obliquely
    soon leaves its place. Following it from slice to slice shows.

    Attributes:
        found: slice number -> (H, W) signed distance of the shape found there.
        sizes: how far the structure is expected to go on to either side, in square roots of its area; infinity for a
            shape that goes on as it is.
    """

    found: Mapping[int, torch.Tensor] = field(default_factory=dict)
    sizes: float = USUAL_SIZES

    @classmethod
    def of(cls, prior: ShapePrior, sizes: float = USUAL_SIZES) -> FollowedPrior:
        """Nothing found yet.

        Raises:
            ValueError: more than one slice is annotated.
        """
        if len(prior.positions) != 1:
            raise ValueError(f"{len(prior.positions)} slices are annotated: only a single one is followed")
        return cls(prior.distances, prior.positions, prior.pitch, sizes=sizes)

    def finding(self, position: int, distance: torch.Tensor) -> FollowedPrior:
        """The same with one more slice."""
        return replace(self, found={**self.found, position: distance})

    def _length(self, end: int, left_out: Sequence[int]) -> float:
        return self.sizes * self._areas[end] ** 0.5 / self.pitch

    @property
    def length(self) -> float:
        """Slices over which the structure is expected to go on, to each side."""
        return self._length(0, ())

    def at(self, position: int, left_out: Sequence[int] = ()) -> torch.Tensor | None:
        """See `ShapePrior.at`: goes on from the last slice found on the way, and closes as from the annotated one."""
        drawn = self.positions[0]
        between = [p for p in self.found if min(drawn, position) < p < max(drawn, position)]
        if not between or drawn in left_out:
            return super().at(position, left_out)
        base = min(between, key=lambda p: abs(p - position))
        closed = closing(abs(position - drawn) / self.length) - closing(abs(base - drawn) / self.length)
        return self.found[base] - self.distances[0].max() * closed
