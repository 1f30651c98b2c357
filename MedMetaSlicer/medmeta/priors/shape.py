"""Shape-based interpolation between annotated slices by signed distance.

A structure that runs obliquely through the slices is another one at every height; where the shapes of two slices hardly
overlap, plain interpolation finds nothing between them. So the shapes are also moved and stretched to a common place
and interpolated there, and what either finds is taken.

Source of the plain form: Raya and Udupa, "Shape-based interpolation of multidimensional objects", IEEE TMI 9(1), 1990.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from scipy.ndimage import distance_transform_edt

from medmeta.priors.placement import Placement

FAR = 64.0
"""Pixels; the distance given to slices of a structure that no annotated slice shows."""

GAP_SHARE = 0.5
"""Beyond its outermost annotated slice a structure is expected to go on for this share of the usual gap between two:
who draws slices spread evenly leaves half a gap at each end."""

DRIFT = 0.5
"""It moves on there as it did between its two outermost annotated slices, at this share of the speed."""

KEPT = 32 << 20
"""Bytes of interpolated slices that a prior keeps."""

LEAST_SIZES, USUAL_SIZES = 0.2, 1.5
"""The same in square roots of its area on that slice: at least, where few slices are drawn or the gaps are wide, and
where it is the only annotated slice."""


def signed_distance(mask: np.ndarray) -> np.ndarray:
    """Signed Euclidean distance to the mask's border, positive inside.

    Args:
        mask: (H, W) boolean.

    Returns:
        (H, W) float32, pixels; zero lies on the border between pixels (so +-0.5 beside it). All -FAR for an empty mask.
    """
    mask = np.asarray(mask, dtype=bool)
    if not mask.any():
        return np.full(mask.shape, -FAR, dtype=np.float32)
    if mask.all():
        return np.full(mask.shape, FAR, dtype=np.float32)
    inside, outside = distance_transform_edt(mask), distance_transform_edt(~mask)
    return np.where(mask, inside - 0.5, 0.5 - outside).astype(np.float32)


@dataclass(frozen=True)
class ShapePrior:
    """The annotated slices of one structure as signed distances, ready to be interpolated at any slice.

    Attributes:
        distances: (K, H, W) float32, pixels; see `signed_distance`, and `drawn` for slices drawn empty.
        positions: the K slice numbers, increasing.
        pitch: distance between slices, pixels.
    """

    distances: torch.Tensor
    positions: tuple[int, ...]
    pitch: float = 1.0

    @classmethod
    def from_masks(
        cls,
        masks: np.ndarray,
        positions: Sequence[int],
        pitch: float = 1.0,
        device: torch.device | str = "cpu",
    ) -> ShapePrior:
        """Builds the prior from (K, H, W) boolean masks; a mask may be empty ("the structure is not here")."""
        distances = np.stack([signed_distance(mask) for mask in masks])
        return cls(torch.from_numpy(distances).to(device), tuple(int(p) for p in positions), float(pitch))

    def neighbours(self, position: int, left_out: Sequence[int] = ()) -> tuple[int | None, int | None]:
        """Indices of the nearest annotated slices at or before, and at or after, a slice.

        Args:
            position: slice number.
            left_out: slice numbers that count as not annotated.
        """
        usable = [i for i, p in enumerate(self.positions) if p not in left_out]
        before = [i for i in usable if self.positions[i] <= position]
        after = [i for i in usable if self.positions[i] >= position]
        return (before[-1] if before else None), (after[0] if after else None)

    def drawn(self, index: int, left_out: Sequence[int] = ()) -> torch.Tensor:
        """Signed distance on an annotated slice, (H, W).

        An empty one is as deep outside as the structure is inside elsewhere: its thickest part ends half way there.

        Args:
            index: of the annotated slice.
            left_out: slice numbers that count as not annotated.
        """
        if self._depths[index] > 0:
            return self.distances[index]
        others = (d for p, d in zip(self.positions, self._depths, strict=True) if d > 0 and p not in left_out)
        return torch.full_like(self.distances[index], -max(others, default=FAR))

    @cached_property
    def _depths(self) -> list[float]:
        """How deep the shape is on each annotated slice, pixels; negative where it was drawn empty."""
        return self.distances.amax((1, 2)).tolist()

    def at(self, position: int, left_out: Sequence[int] = ()) -> torch.Tensor | None:
        """Interpolated signed distance at a slice, (H, W), or None where no annotated slice is left."""
        if left_out:
            return self._at(position, left_out)
        # Asked for by the preview, by what looks for slices to predict, and by the network's channels.
        if position not in self._kept:
            found = self._at(position, ())
            if len(self._kept) * self.distances[0].nbytes >= KEPT:
                return found
            self._kept[position] = found
        return self._kept[position]

    @cached_property
    def _kept(self) -> dict[int, torch.Tensor | None]:
        """What `at` has found, up to `KEPT` bytes."""
        return {}

    def _at(self, position: int, left_out: Sequence[int]) -> torch.Tensor | None:
        before, after = self.neighbours(position, left_out)
        if before is None and after is None:
            return None
        if before is None or after is None:
            return self._beyond(after if before is None else before, position, left_out)
        if before == after:
            return self.drawn(before, left_out)
        start, stop = self.positions[before], self.positions[after]
        return self._between(before, after, (position - start) / (stop - start), left_out)

    @cached_property
    def placements(self) -> list[Placement | None]:
        """Where the shape lies on each annotated slice."""
        return [Placement.of(distance) for distance in self.distances]

    @cached_property
    def _areas(self) -> list[int]:
        """Pixels of the shape on each annotated slice."""
        return (self.distances > 0).sum((1, 2)).tolist()

    def _between(self, before: int, after: int, share: float, left_out: Sequence[int]) -> torch.Tensor:
        one, other = self.drawn(before, left_out), self.drawn(after, left_out)
        plain = torch.lerp(one, other, share)
        here, there = self.placements[before], self.placements[after]
        if here is None or there is None:
            return plain
        middle = here.towards(there, share)
        aligned = torch.lerp(here.moved(one, middle), there.moved(other, middle), share)
        return torch.maximum(plain, aligned)

    def _beyond(self, end: int, position: int, left_out: Sequence[int]) -> torch.Tensor:
        """The shape beyond an outermost annotated slice: it closes as an ellipsoid does, over its expected length."""
        distance, here = self.drawn(end, left_out), self.placements[end]
        if here is None:
            return distance
        far = position - self.positions[end]
        nearest = self._nearest(end, left_out)
        if nearest is not None and self.placements[nearest] is not None:
            gap = self.positions[nearest] - self.positions[end]
            centre = torch.lerp(here.centre, self.placements[nearest].centre, DRIFT * far / gap)
            distance = here.moved(distance, Placement(centre, here.spread))
        return distance - self._depths[end] * closing(abs(far) / self._length(end, left_out))

    def _nearest(self, end: int, left_out: Sequence[int]) -> int | None:
        """The annotated slice that is nearest to another one; None where there is none."""
        others = [i for i, p in enumerate(self.positions) if i != end and p not in left_out]
        return min(others, key=lambda i: abs(self.positions[i] - self.positions[end]), default=None)

    def _length(self, end: int, left_out: Sequence[int]) -> float:
        """Slices over which the structure is expected to go on beyond an outermost annotated slice."""
        size = self._areas[end] ** 0.5 / self.pitch
        nearest = self._nearest(end, left_out)
        if nearest is None:
            return USUAL_SIZES * size
        least = LEAST_SIZES * size
        drawn = [p for p, area in zip(self.positions, self._areas, strict=True) if area and p not in left_out]
        if len(drawn) < 2:
            return max(GAP_SHARE * abs(self.positions[nearest] - self.positions[end]), least)
        # The mean of all gaps: one alone is rounded to whole slices, or was halved by a slice added later.
        gap = (drawn[-1] - drawn[0]) / (len(drawn) - 1)
        # At an end hardly more slices are left undrawn than between two (the extent is known to a slice), unless so few
        # are drawn that they may lie close together by chance.
        undrawn = gap - 1 + 1 / (len(drawn) - 1)
        return max(GAP_SHARE * gap, min(least, max(undrawn, 2 * least / len(drawn))))


def closing(far: float) -> float:
    """How much of its depth a shape has lost so far on the way to its end at 1: as an ellipsoid, then on and on."""
    return 1 - math.sqrt(1 - far**2) if far < 1 else far
