"""Segments that are parts of one structure share its shape: between them it goes on, and the border is what is open.

Where one part is drawn on a slice and another one on the next, each alone would taper off towards the middle, as an
end does. The structure that both belong to does not end there. So it is interpolated as one shape, and divided by how
deep a pixel lies in each part, their own shapes interpolated.

The interpolation is that of `ShapePrior`; dividing the whole by the deepest part is the rule of signed distances for
several labels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from medmeta.priors.placement import LARGEST_STRETCH
from medmeta.priors.shape import ShapePrior

APART = 0.5
"""Sizes of the smaller shape between two that may be one structure."""

UNLIKE = 0.5
"""Difference of their mean grey values in standard deviations (Cohen's d): what looks otherwise is something else, and
the volume itself shows where it ends. Cohen calls .5 a medium effect ("Statistical power analysis", 1988)."""


@dataclass(frozen=True)
class PartPrior(ShapePrior):
    """A prior of one part.

    Attributes:
        whole: of all parts together.
        others: of each other part by itself.
    """

    whole: ShapePrior | None = None
    others: tuple[ShapePrior, ...] = ()

    def _at(self, position: int, left_out: Sequence[int]) -> torch.Tensor | None:
        own = super()._at(position, left_out)
        if own is None or (position in self.positions and position not in left_out):
            return own
        others = torch.stack([other.at(position, left_out) for other in self.others]).amax(0)
        return torch.minimum(self.whole.at(position, left_out), (own - others) / 2)


def shape_priors(
    masks: np.ndarray,
    images: np.ndarray,
    positions: Sequence[int],
    pitch: float = 1.0,
    device: torch.device | str = "cpu",
    on_step: Callable[[], None] = lambda: None,
) -> tuple[ShapePrior, ...]:
    """The priors of several segments, shared by those that are parts of one structure.

    Which ones are is decided once, by all annotated slices, those that are left out of a trial later included.

    Args:
        masks: (S, K, H, W) boolean, the segments on the annotated slices.
        images: (K, H, W), grey values of these.
        positions: the K slice numbers, increasing.
        pitch: distance between slices, pixels.
        device: where the priors are kept.
        on_step: called for every segment; may raise to stop.
    """
    own = []
    for mask in masks:
        on_step()
        own.append(ShapePrior.from_masks(mask, positions, pitch, device))
    found = list(own)
    for group in _groups(len(masks), _neighbours(masks, images, own)):
        whole = ShapePrior.from_masks(masks[group].any(0), positions, pitch, device)
        for s in group:
            others = tuple(own[t] for t in group if t != s)
            found[s] = PartPrior(own[s].distances, own[s].positions, own[s].pitch, whole, others)
    return tuple(found)


def _groups(count: int, pairs: Sequence[tuple[int, int]]) -> list[list[int]]:
    """Segments that pairs connect, two or more each."""
    group = list(range(count))
    for s, t in pairs:
        group = [group[s] if g == group[t] else g for g in group]
    found = [[s for s in range(count) if group[s] == g] for g in sorted(set(group))]
    return [members for members in found if len(members) > 1]


def _neighbours(masks: np.ndarray, images: np.ndarray, own: Sequence[ShapePrior]) -> list[tuple[int, int]]:
    """Pairs of segments of which one follows on the other."""
    drawn = masks.any((2, 3))
    if len(masks) < 2:
        return []
    pairs = []
    for i in range(len(drawn[0]) - 1):
        ending, beginning = (np.flatnonzero(drawn[:, a] & ~drawn[:, b]) for a, b in ((i, i + 1), (i + 1, i)))
        for s, t in _nearest(own, i, ending, beginning):
            if _alike(own, masks, images, (s, i), (t, i + 1)) and _touching(own, drawn, s, t):
                pairs.append((s, t))
    return pairs


def _nearest(own: Sequence[ShapePrior], i: int, ending: np.ndarray, beginning: np.ndarray) -> Iterator[tuple[int, int]]:
    """Of the segments that end at the i-th annotated slice and those that begin at the next, who are nearest to each
    other, both ways."""
    if not len(ending) or not len(beginning):
        return
    ends = torch.stack([own[s].placements[i].centre for s in ending])
    starts = torch.stack([own[t].placements[i + 1].centre for t in beginning])
    apart = torch.cdist(ends, starts)
    for row, column in enumerate(apart.argmin(1).tolist()):
        if int(apart[:, column].argmin()) == row:
            yield int(ending[row]), int(beginning[column])


def _alike(
    own: Sequence[ShapePrior], masks: np.ndarray, images: np.ndarray, one: tuple[int, int], other: tuple[int, int]
) -> bool:
    """Whether two (segment, annotated slice) may be the same structure: by place, size and grey values."""
    areas = sorted(int(masks[place].sum()) for place in (one, other))
    if areas[1] > LARGEST_STRETCH**2 * areas[0]:
        return False
    inside = masks[other]
    if -float(own[one[0]].distances[one[1]].cpu()[torch.from_numpy(inside)].max()) > APART * areas[0] ** 0.5:
        return False
    greys = [images[place[1]][masks[place]].astype(np.float64) for place in (one, other)]
    spread = np.sqrt(sum(grey.var() for grey in greys) / 2)
    return abs(greys[0].mean() - greys[1].mean()) <= UNLIKE * spread


def _touching(own: Sequence[ShapePrior], drawn: np.ndarray, s: int, t: int) -> bool:
    """Whether two segments lie side by side wherever both are drawn."""
    both = np.flatnonzero(drawn[s] & drawn[t])
    return all(float((own[s].distances[i] + own[t].distances[i]).max()) > -2 for i in both)
