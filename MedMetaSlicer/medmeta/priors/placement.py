"""Where a shape lies in its slice and how large it is, so that shapes of two slices can be laid over each other."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F

LEAST_SPREAD = 0.55
"""Pixels; a shape of a single row has no spread of its own."""

LARGEST_STRETCH = 2.0
"""Beyond it two shapes are not the same one, grown."""


@dataclass(frozen=True)
class Placement:
    """Centre and size of a shape.

    Attributes:
        centre: (2,) row and column, pixels.
        spread: (2,) standard deviation of its pixels along rows and columns, pixels.
    """

    centre: torch.Tensor
    spread: torch.Tensor

    @classmethod
    def of(cls, distance: torch.Tensor) -> Placement | None:
        """Of a signed distance, (H, W), positive inside; None where nothing is inside."""
        pixels = (distance > 0).nonzero().float()
        if len(pixels) == 0:
            return None
        return cls(pixels.mean(0), pixels.std(0, unbiased=False).clamp_min(LEAST_SPREAD))

    def towards(self, other: Placement, share: float) -> Placement:
        """The placement on the way to another one: itself at share 0, the other at 1, beyond either outside of that."""
        return Placement(
            torch.lerp(self.centre, other.centre, share),
            torch.lerp(self.spread, other.spread, share).clamp_min(LEAST_SPREAD),
        )

    def moved(self, distance: torch.Tensor, to: Placement) -> torch.Tensor:
        """A signed distance, (H, W), of a shape that is placed here, moved and stretched to another placement.

        Distances are stretched with the shape, by the mean of both axes; edges go on beyond the border.
        """
        stretch = (to.spread / self.spread).clamp(1 / LARGEST_STRETCH, LARGEST_STRETCH)
        rows, columns = (
            2 * (self.centre[i] + (at - to.centre[i]) / stretch[i]) / max(1, len(at) - 1) - 1
            for i, at in enumerate(torch.arange(n, device=distance.device) for n in distance.shape)
        )
        points = torch.stack(torch.meshgrid(rows, columns, indexing="ij"), dim=-1).flip(-1)
        sampled = F.grid_sample(distance[None, None], points[None], padding_mode="border", align_corners=True)[0, 0]
        return sampled * stretch.prod().sqrt()
