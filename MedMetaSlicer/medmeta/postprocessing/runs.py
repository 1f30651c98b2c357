"""Runs of voxels along the rows of a grid: connected parts are found by them, as they are far fewer than voxels.

They are also little to bring from a GPU. Joining runs in place of voxels: He, Chao and Suzuki, "A run-based two-scan
labeling algorithm", IEEE TIP 17(5), 2008.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

AT_ONCE = 4_000_000
"""Voxels that are looked at in one piece, so that cancelling acts soon."""


@dataclass(frozen=True)
class Runs:
    """Disjoint runs on a (Z, H, W) grid, in order.

    Attributes:
        starts, stops: (N,) places of their first voxels, and behind their last ones. The place of a voxel is
            (z (H + 1) + y) (W + 1) + x: a gap parts rows and slices.
        shape: Z, H, W.
    """

    starts: np.ndarray
    stops: np.ndarray
    shape: tuple[int, int, int]

    def __len__(self) -> int:
        return len(self.starts)

    def where(self, chosen: np.ndarray) -> Runs:
        """Some of them, by (N,) truth values or by their numbers."""
        return replace(self, starts=self.starts[chosen], stops=self.stops[chosen])

    def joined(self, others: Runs) -> Runs:
        """With others after them: no longer in order."""
        joined = (np.concatenate(pair) for pair in ((self.starts, others.starts), (self.stops, others.stops)))
        return Runs(*joined, self.shape)

    @property
    def places(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(N,) slices, rows and first columns."""
        rows, columns = np.divmod(self.starts, self.shape[2] + 1)
        return *np.divmod(rows, self.shape[1] + 1), columns

    @property
    def lengths(self) -> np.ndarray:
        """(N,) voxels."""
        return self.stops - self.starts

    def parts(self, corners: bool) -> np.ndarray:
        """(N,) the number of each run's connected part, from 0 on.

        Args:
            corners: voxels that share an edge or a corner are connected too (26 neighbours), else sides alone (6).
        """
        if not len(self):
            return np.zeros(0, np.int32)
        row, reach = self.shape[2] + 1, int(corners)
        slice_ = row * (self.shape[1] + 1)
        ones, others = [], []
        for step in (row, slice_ - row, slice_, slice_ + row) if corners else (row, slice_):
            first = np.searchsorted(self.stops, self.starts + (step - reach), side="right")
            last = np.searchsorted(self.starts, self.stops + (step + reach), side="left")
            counts = np.maximum(last - first, 0)
            ones.append(np.repeat(np.arange(len(self)), counts))
            others.append(_ranges(first, counts))
        one, other = np.concatenate(ones), np.concatenate(others)
        touching = coo_array((np.ones(len(one), bool), (one, other)), shape=(len(self), len(self)))
        return connected_components(touching, directed=False)[1]

    def enclosed(self) -> Runs:
        """What they enclose: parts of the rest, by sides, that reach no side of the box round all runs."""
        if not len(self):
            return self
        z, y, x = self.places
        top, bottom, left, right = y.min(), y.max() + 1, x.min(), (x + self.lengths).max()
        rows = np.add.outer(np.arange(z.min(), z.max() + 1) * (self.shape[1] + 1), np.arange(top, bottom))
        rows = rows.ravel() * (self.shape[2] + 1)
        rest = replace(self, starts=rows + left, stops=rows + right).without(self)
        (deep, high, first), last = rest.places, rest.places[2] + rest.lengths
        outer = (deep == z.min()) | (deep == z.max()) | (high == top) | (high == bottom - 1)
        outer |= (first == left) | (last == right)
        if outer.all():
            return rest.where(~outer)
        parts = rest.parts(corners=False)
        return rest.where(~np.isin(parts, parts[outer]))

    def without(self, others: Runs) -> Runs:
        """What is left of them outside of others, each of which lies within one of them or outside of all."""
        inside = others.where(self._hold(others.starts)) if len(self) else others
        starts = np.sort(np.concatenate([self.starts, inside.stops]))
        stops = np.sort(np.concatenate([inside.starts, self.stops]))
        return replace(self, starts=starts, stops=stops).where(starts < stops)

    def voxels(self) -> np.ndarray:
        """Numbers of all their voxels in a flat (Z, H, W) array."""
        z, y, x = self.places
        return _ranges((z * self.shape[1] + y) * self.shape[2] + x, self.lengths)

    def _hold(self, places: np.ndarray) -> np.ndarray:
        """Whether there is a run at each of some places."""
        at = np.searchsorted(self.starts, places, side="right") - 1
        return (at >= 0) & (places < self.stops[at])


def labelled_runs(labels: torch.Tensor, on_step: Callable[[], None] = lambda: None) -> tuple[Runs, np.ndarray]:
    """Runs of one label each, background left out, and their (N,) labels.

    Args:
        labels: (Z, H, W) integers, on any device.
        on_step: called now and then; may raise to stop.
    """
    count, rows, columns = labels.shape
    found: list[np.ndarray] = [np.zeros((3, 0), np.int64)]
    step = max(1, AT_ONCE // (rows * columns))
    for first in range(0, count, step):
        on_step()
        part = labels[first : first + step]
        if not bool(part.any()):
            continue
        padded = torch.nn.functional.pad(part, (1, 1))
        # Where the label changes along a row a run ends, or begins, or both.
        at = (padded[..., 1:] != padded[..., :-1]).flatten().nonzero()[:, 0]
        row, column = at // (columns + 1), at % (columns + 1)
        label = padded.flatten()[row * (columns + 2) + column + 1]
        begun = label != 0
        place = (row + (row + first * rows) // rows + first * rows) * (columns + 1) + column
        ended = torch.zeros_like(begun)
        ended[1:] = begun[:-1]
        found.append(torch.stack([place[begun], place[ended], label[begun].to(place.dtype)]).cpu().numpy())
    starts, stops, values = np.concatenate(found, axis=1)
    return Runs(starts, stops, (count, rows, columns)), values


def _ranges(first: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """All whole numbers from each of `first` on, so many of each."""
    before = np.cumsum(counts) - counts
    return np.repeat(first - before, counts) + np.arange(counts.sum())
