"""The region of interest round an annotation, and the resolution that suits it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from medmeta.episodes.stack import Window


@dataclass(frozen=True)
class RegionRule:
    """How a window is laid round the annotated structures.

    Attributes:
        diameter: network pixels that a structure of median size should measure.
        margin: room left on each side, relative to the structures' larger side.
        least_margin: the same in network pixels, at least.
        zoom: smallest and largest network pixels per original pixel.
        largest: longest side of the window in network pixels.
        multiple: sides are multiples of it, as the network needs.
    """

    diameter: float = 40.0
    margin: float = 0.4
    least_margin: float = 16.0
    zoom: tuple[float, float] = (0.2, 2.5)
    largest: int = 192
    multiple: int = 8

    def window(self, masks: torch.Tensor, spacing: tuple[float, float]) -> Window:
        """The window for an annotation.

        Args:
            masks: (S, K, H, W) boolean, S segments on K annotated slices, not all empty.
            spacing: mm between rows and between columns.
        """
        union = masks.flatten(0, 1).any(0)
        rows, columns = union.any(1).nonzero()[:, 0], union.any(0).nonzero()[:, 0]
        row_mm, column_mm = spacing
        pixel = math.sqrt(row_mm * column_mm)
        areas = masks.flatten(2).sum(-1).amax(1).float()
        diameter = float(areas[areas > 0].sqrt().median())
        zoom = min(max(self.diameter / diameter, self.zoom[0]), self.zoom[1])
        sides = [(int(rows[0]), int(rows[-1]) + 1, row_mm), (int(columns[0]), int(columns[-1]) + 1, column_mm)]
        longest = max((stop - start) * mm for start, stop, mm in sides)
        margin = max(self.margin * longest, self.least_margin * pixel / zoom)
        starts, lengths = [], []
        for (start, stop, mm), size in zip(sides, union.shape, strict=True):
            grow = math.ceil(margin / mm)
            first, last = max(0, start - grow), min(size, stop + grow)
            starts.append(first)
            lengths.append(last - first)
        scale = zoom / pixel  # network pixels per mm
        longest = max(lengths[0] * row_mm, lengths[1] * column_mm)
        scale = min(scale, self.largest / longest)
        sizes = [self._round(n * mm * scale) for n, mm in zip(lengths, spacing, strict=True)]
        return Window(starts[0], starts[1], lengths[0], lengths[1], sizes[0], sizes[1])

    def _round(self, size: float) -> int:
        return max(4 * self.multiple, self.multiple * round(size / self.multiple))
