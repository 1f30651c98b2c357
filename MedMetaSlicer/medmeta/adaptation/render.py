"""Query slices -> label map and confidence, a few slices at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import torch

from medmeta.adaptation.decision import Decision
from medmeta.adaptation.expectation import expected_overlap
from medmeta.episodes import Window

OUTSIDE = -12.0
"""Logit outside the region of interest."""

NEAR = -7.0
"""Logit below which a pixel is background, whatever its neighbours are: only its confidence is to be told."""

AT_ONCE = {"cpu": 1_500_000, "cuda": 60_000_000}
"""Logits at the volume's resolution that are decided at once: what fits into a processor's cache is done sooner."""

SegmentLogits = Callable[[Sequence[int]], torch.Tensor]
"""Slice numbers -> (S, B, h, w) logits in the window."""


def labels_and_confidence(logits: Iterable[torch.Tensor], values: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
    """The most probable segment of every voxel.

    Args:
        logits: S times (B, H, W), one segment against everything else each.
        values: the S label values.

    Returns:
        (B, H, W) integer labels, 0 for background, and (B, H, W) float32 confidence: the probability of what the voxel
        was given; see `Decision`.
    """
    decision = Decision.of((torch.sigmoid(own) for own in logits), values)
    return decision.labels, decision.confidence


def all_logits(segment_logits: SegmentLogits, count: int, batch: int, tick: Callable[[int], None]) -> torch.Tensor:
    """(S, Z, h, w) of a whole volume, half precision: what comes next needs all slices, and large volumes have many.

    Args:
        segment_logits: see `SegmentLogits`.
        count: Z.
        batch: slices at a time.
        tick: called with the number of slices just done; may raise to cancel.
    """
    parts = []
    for positions in batches(count, batch):
        parts.append(segment_logits(positions).half())
        tick(len(positions))
    return torch.cat(parts, dim=1)


def batches(count: int, batch: int) -> list[range]:
    """Slice numbers 0 to `count` - 1, so many at a time."""
    return [range(start, min(start + batch, count)) for start in range(0, count, batch)]


def render(
    segment_logits: SegmentLogits,
    window: Window,
    shape: tuple[int, int, int],
    values: Sequence[int],
    batch: int,
    tick: Callable[[int], None],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Predicts all slices of a volume.

    Args:
        segment_logits: see `SegmentLogits`.
        window: where the logits lie.
        shape: (Z, H, W) of the volume.
        values: label values.
        batch: slices at a time.
        tick: called with the number of slices just done; may raise to cancel.

    Returns:
        (Z, H, W) unsigned integer labels, float32 confidence, and the (S, Z, 2) sums of `expected_overlap`.
    """
    confidence = np.full(shape, (1 - _sigmoid(OUTSIDE)) ** len(values), dtype=np.float32)
    overlap = np.zeros((len(values), shape[0], 2), dtype=np.float32)
    visible = window.visible(shape[1:])

    def note(positions: range, logits: torch.Tensor) -> None:
        overlap[:, positions.start : positions.stop] = expected_overlap(logits)
        background = window.enlarged(torch.sigmoid(-logits).prod(0), shape[1:])
        confidence[positions.start : positions.stop, *visible] = background.cpu().numpy()

    labels = np.zeros(shape, dtype=np.min_scalar_type(max(values)))
    for here, found, sure in _decided(segment_logits, window, shape, values, batch, tick, note):
        labels[here], confidence[here] = found.cpu().numpy(), sure.cpu().numpy()
    return labels, confidence, overlap


def render_labels(
    segment_logits: SegmentLogits,
    window: Window,
    shape: tuple[int, int, int],
    values: Sequence[int],
    batch: int,
    tick: Callable[[int], None],
) -> np.ndarray:
    """The labels of `render` alone."""
    labels = np.zeros(shape, dtype=np.min_scalar_type(max(values)))
    for here, found, _ in _decided(segment_logits, window, shape, values, batch, tick):
        labels[here] = found.cpu().numpy()
    return labels


def _decided(
    segment_logits: SegmentLogits,
    window: Window,
    shape: tuple[int, int, int],
    values: Sequence[int],
    batch: int,
    tick: Callable[[int], None],
    note: Callable[[range, torch.Tensor], None] = lambda *_: None,
) -> Iterator[tuple[tuple[slice, ...], torch.Tensor, torch.Tensor]]:
    """Where in the volume something may be, with labels and confidence there; `note` is told the logits first."""
    visible = window.visible(shape[1:])
    for positions in batches(shape[0], batch):
        logits = segment_logits(positions).float()
        if bool((logits > OUTSIDE).any()):  # else as outside of the region: nothing is there
            note(positions, logits)
            box = window.reached((logits > NEAR).flatten(0, 1).any(0), shape[1:])
            area = len(values) * math.prod(max(1, part.stop - part.start) for part in visible)
            for few in batches(len(positions), max(1, AT_ONCE[logits.device.type] // area)):
                enlarged = (window.enlarged(own[few.start : few.stop], shape[1:], box) for own in logits)
                here = slice(positions.start + few.start, positions.start + few.stop)
                yield (here, *box), *labels_and_confidence(enlarged, values)
        tick(len(positions))


def _sigmoid(logit: float) -> float:
    return 1 / (1 + math.exp(-logit))
