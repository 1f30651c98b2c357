"""Whole slices through a network that sees a tile at a time: tiles overlap where there is something to tell."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch

from medmeta.adaptation.render import batches

FAINT = -5.0
"""Logit below which a tile is taken to hold nothing: no other tile that overlaps it is looked at for its sake."""

SPREAD = 1 / 8
"""Standard deviation of a tile's weight round its middle, in sides: at its border it sees less of what is round."""

LEAST_WEIGHT = 1e-3
"""Of its middle's: corners of slices lie in the corner of a single tile."""

Corner = tuple[int, int, int]
"""Number of a slice in the batch, first row, first column."""


def tiled(
    inputs: torch.Tensor,
    tile: tuple[int, int],
    at_once: int,
    answer: Callable[[torch.Tensor], torch.Tensor],
    on_tiles: Callable[[], None] = lambda: None,
) -> torch.Tensor:
    """Logits of whole slices, a mean over tiles in which their middles weigh most.

    Tiles side by side are looked at first. Those that overlap them by half follow where one of them has found something
    that is not quite unlikely: most of a slice holds nothing of a structure, and once is enough to see that.

    Args:
        inputs: (B, C, H, W), sides not smaller than the tile's.
        tile: rows and columns.
        at_once: tiles that go through the network together.
        answer: (T, C, rows, columns) -> (T, S, rows, columns) logits.
        on_tiles: called after each time; may raise to stop.

    Returns:
        (B, S, H, W).
    """
    rows, columns = (_starts(length, side) for length, side in zip(inputs.shape[2:], tile, strict=True))
    weight = _weight(tile).to(inputs.device)
    total, weights = None, torch.zeros_like(inputs[:, :1])

    def see(corners: Sequence[Corner]) -> None:
        nonlocal total
        for few in batches(len(corners), at_once):
            own = [corners[i] for i in few]
            found = answer(torch.stack([_cut(inputs[b], row, column, tile) for b, row, column in own]))
            if total is None:
                total = found.new_zeros(len(inputs), found.shape[1], *inputs.shape[2:])
            for logits, (b, row, column) in zip(found, own, strict=True):
                _cut(total[b], row, column, tile).add_(weight * logits)
                _cut(weights[b], row, column, tile).add_(weight)
            on_tiles()

    first = {(b, row, column) for b in range(len(inputs)) for row in _cover(rows) for column in _cover(columns)}
    see(sorted(first))
    likely = (total.amax(1, keepdim=True) > FAINT * weights)[:, 0].cpu()
    all_tiles = ((b, row, column) for b in range(len(inputs)) for row in rows for column in columns)
    see([c for c in all_tiles if c not in first and bool(_cut(likely[c[0]], *c[1:], tile).any())])
    return total / weights


def _cut(slices: torch.Tensor, row: int, column: int, tile: tuple[int, int]) -> torch.Tensor:
    """A tile of (..., H, W), a view."""
    return slices[..., row : row + tile[0], column : column + tile[1]]


def _starts(length: int, side: int) -> list[int]:
    """Where tiles begin that overlap by half; the last ends where the slice does."""
    step = max(1, side // 2)
    return [min(i * step, length - side) for i in range(math.ceil((length - side) / step) + 1)]


def _cover(starts: Sequence[int]) -> list[int]:
    """Every other one and the last: no more than are needed to see all."""
    return sorted({*starts[::2], starts[-1]})


def _weight(tile: tuple[int, int]) -> torch.Tensor:
    """(rows, columns) of a tile's pixels."""
    sides = ((torch.arange(n) - (n - 1) / 2) / (SPREAD * n) for n in tile)
    rows, columns = (torch.exp(-side.square() / 2) for side in sides)
    return (rows[:, None] * columns).clamp_min(LEAST_WEIGHT)
