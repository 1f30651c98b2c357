"""Query slices -> label map and confidence, a few slices at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from medmeta.adaptation.decision import Decision, label_type
from medmeta.adaptation.expectation import expected_overlap
from medmeta.adaptation.frame import SliceFrame
from medmeta.episodes import Window

OUTSIDE = -12.0
"""Logit outside the region of interest."""

NEAR = -7.0
"""Logit below which a pixel is background, whatever its neighbours are: only its confidence is to be told."""

AT_ONCE = {"cpu": 1_500_000, "cuda": 60_000_000}
"""Logits at the volume's resolution that are decided at once: what fits into a processor's cache is done sooner."""

KEPT = 400_000_000
"""Voxels whose labels and confidence, 5 bytes, may stay on a GPU until the last of them is decided and cleaned up."""

SegmentLogits = Callable[[Sequence[int]], torch.Tensor]
"""Slice numbers -> (S, B, h, w) logits in the window."""


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


@dataclass(frozen=True)
class Rendering:
    """A predicted volume, slices first, where `Canvas` keeps it.

    Attributes:
        labels: (Z, H, W) uint8, or int64 where there are larger label values.
        confidence: (Z, H, W) float32.
        overlap: (S, Z, 4) sums of `expected_overlap`.
    """

    labels: torch.Tensor
    confidence: torch.Tensor
    overlap: np.ndarray


@dataclass(frozen=True)
class Canvas:
    """The volume at whose resolution logits in a window are decided, a few slices at a time.

    Attributes:
        window: where the logits lie.
        shape: (Z, H, W) of the volume.
        values: label values.
        batch: slices at a time.
        device: where to keep up to `KEPT` voxels; more are kept in the host's memory.
        slices: those that there are logits of, the others are background for sure; None for all.
    """

    window: Window
    shape: tuple[int, int, int]
    values: Sequence[int]
    batch: int
    device: torch.device | str = "cpu"
    slices: range | None = None

    def render(
        self, segment_logits: SegmentLogits, tick: Callable[[int], None], opinion: SegmentLogits | None = None
    ) -> Rendering:
        """Labels and confidence.

        Args:
            segment_logits: see `SegmentLogits`; number 0 is the first of `slices`.
            tick: called with the number of slices just done; may raise to cancel.
            opinion: slice numbers, as those -> (S, B, h, w) boolean, where the segments are by another opinion, see
                `expected_overlap`.
        """
        there, visible = self.slices or range(self.shape[0]), self.window.visible(self.shape[1:])
        labels = blank(self.shape, 0, label_type(self.values), self.device)
        overlap = np.zeros((len(self.values), self.shape[0], 4), dtype=np.float32)
        outside = (1 - _sigmoid(OUTSIDE)) ** len(self.values)
        confidence = blank(self.shape, outside, torch.float32, self.device)
        confidence[: there.start], confidence[there.stop :] = 1, 1

        def note(positions: range, logits: torch.Tensor) -> None:
            another = opinion and opinion(range(positions.start - there.start, positions.stop - there.start))
            overlap[:, positions.start : positions.stop] = expected_overlap(logits, another)
            background = self.window.enlarged(torch.sigmoid(-logits).prod(0), self.shape[1:])
            confidence[positions.start : positions.stop, *visible] = background.to(confidence.device)

        for here, decision in self._decided(segment_logits, tick, note):
            labels[here], confidence[here] = decision.labels.to(labels), decision.confidence.to(confidence)
        return Rendering(labels, confidence, overlap)

    def labels(self, segment_logits: SegmentLogits, tick: Callable[[int], None]) -> torch.Tensor:
        """The labels of `render` alone."""
        labels = blank(self.shape, 0, label_type(self.values), self.device)
        for here, decision in self._decided(segment_logits, tick):
            labels[here] = decision.labels.to(labels)
        return labels

    def _decided(
        self,
        segment_logits: SegmentLogits,
        tick: Callable[[int], None],
        note: Callable[[range, torch.Tensor], None] = lambda *_: None,
    ) -> Iterator[tuple[tuple[slice, ...], Decision]]:
        """Where in the volume something may be, and what is decided there; `note` is told the logits first."""
        slices, plane = self.slices or range(self.shape[0]), self.shape[1:]
        area = len(self.values) * math.prod(max(1, part.stop - part.start) for part in self.window.visible(plane))
        for positions in batches(len(slices), self.batch):
            logits = segment_logits(positions).float()
            if bool((logits > OUTSIDE).any()):  # else as outside of the region: nothing is there
                here = slices[positions.start : positions.stop]
                note(here, logits)
                box = self.window.reached((logits > NEAR).flatten(0, 1).any(0), plane)
                for few in batches(len(positions), max(1, AT_ONCE[logits.device.type] // area)):
                    enlarged = (self.window.enlarged(own[few.start : few.stop], plane, box) for own in logits)
                    part = slice(here.start + few.start, here.start + few.stop)
                    yield (part, *box), Decision.of((torch.sigmoid(own) for own in enlarged), self.values)
            tick(len(positions))


def blank(shape: Sequence[int], value: float, kind: torch.dtype, device: torch.device | str) -> torch.Tensor:
    """A volume of one value; where it has up to `KEPT` voxels on a device, else in the host's memory."""
    return torch.full(tuple(shape), value, dtype=kind, device=device if math.prod(shape) <= KEPT else "cpu")


def in_volume(
    slices: torch.Tensor, frame: SliceFrame, like: np.ndarray, kind: np.dtype | type = np.float32
) -> np.ndarray:
    """(Z, H, W) -> (I, J, K) in the host's memory, of another type, and in the order that `SliceFrame.restored` gives.

    A GPU turns the axes before they travel: there that is quick.
    """
    if slices.device.type == "cpu":
        return frame.restored(slices.numpy(), like).astype(kind, copy=False)
    return turned(slices, frame, like).astype(kind, copy=False)


def turned(slices: torch.Tensor, frame: SliceFrame, like: np.ndarray) -> np.ndarray:
    """`SliceFrame.restored` on a device; only what it makes travels."""
    found = slices.flip([axis for axis, flip in enumerate(frame.flips) if flip])
    found = found.permute(*np.argsort(frame.axes).tolist())
    if like.flags.f_contiguous and not like.flags.c_contiguous:
        return found.permute(2, 1, 0).contiguous().cpu().numpy().transpose(2, 1, 0)
    return found.contiguous().cpu().numpy()


def _sigmoid(logit: float) -> float:
    return 1 / (1 + math.exp(-logit))
