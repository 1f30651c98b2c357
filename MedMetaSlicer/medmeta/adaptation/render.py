"""Query slices -> label map and confidence, a few slices at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch

from medmeta.adaptation.decision import Decision
from medmeta.adaptation.expectation import expected_overlap
from medmeta.episodes import Window

OUTSIDE = -12.0
"""Logit outside the region of interest."""

AT_ONCE = 1_500_000
"""Logits at the volume's resolution that are decided at once: what fits into a processor's cache is done sooner."""

SegmentLogits = Callable[[Sequence[int]], torch.Tensor]
"""Slice numbers -> (S, B, h, w) logits in the window."""


def labels_and_confidence(logits: torch.Tensor, values: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
    """The most probable segment of every voxel.

    Args:
        logits: (S, B, H, W), one segment against everything else each.
        values: the S label values.

    Returns:
        (B, H, W) int64 labels, 0 for background, and (B, H, W) float32 confidence: the probability of what the voxel
        was given; see `Decision`.
    """
    decision = Decision.of(torch.sigmoid(logits))
    labels = torch.as_tensor(values, device=logits.device)[decision.segment]
    return torch.where(decision.inside, labels, 0), decision.confidence


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
    labels = np.zeros(shape, dtype=np.min_scalar_type(max(values)))
    confidence = np.full(shape, (1 - _sigmoid(OUTSIDE)) ** len(values), dtype=np.float32)
    overlap = np.zeros((len(values), shape[0], 2), dtype=np.float32)
    rows, columns = window.visible(shape[1:])
    area = len(values) * (rows.stop - rows.start) * (columns.stop - columns.start)
    for positions in batches(shape[0], batch):
        logits = segment_logits(positions).float()
        if bool((logits <= OUTSIDE).all()):  # as outside of the region: nothing is there
            tick(len(positions))
            continue
        overlap[:, positions.start : positions.stop] = expected_overlap(logits)
        for few in batches(len(positions), max(1, AT_ONCE // area)):
            within = torch.stack([window.enlarged(segment[few.start : few.stop], shape[1:]) for segment in logits])
            found, sure = labels_and_confidence(within, values)
            here = (slice(positions.start + few.start, positions.start + few.stop), rows, columns)
            labels[here] = found.cpu().numpy()
            confidence[here] = sure.cpu().numpy()
        tick(len(positions))
    return labels, confidence, overlap


def _sigmoid(logit: float) -> float:
    return 1 / (1 + math.exp(-logit))
