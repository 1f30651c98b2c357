"""A picture of what was drawn and what came out: image with drawing, prediction and reference of a few slices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import binary_erosion

from medmeta.volumes import Volume

COLORS = ((225, 85, 65), (60, 150, 235), (95, 190, 80), (245, 190, 50), (175, 95, 205), (45, 190, 185))
"""RGB, one a segment, repeated where there are more."""

ROWS = ("drawn", "prediction", "reference")
TILE, GAP, HEADER, MARGIN = 230, 6, 26, 8
LEAST_WIDTH = 420
BACKGROUND, TEXT, FAINT = (24, 24, 28), (235, 235, 235), (150, 150, 155)


@dataclass(frozen=True)
class View:
    """How the slices of a volume lie on the page: radiological, as anatomical viewers show them."""

    axis: int
    flips: tuple[bool, bool]
    aspect: float
    box: tuple[slice, slice]

    @classmethod
    def of(cls, volume: Volume, axis: int, inside: np.ndarray) -> View:
        """Shows what lies round `inside`, (I, J, K), with a margin."""
        across, down = (a for a in range(3) if a != axis)
        direction = np.reshape(volume.geometry.direction, (3, 3))
        flips = []
        for index, is_down in ((across, False), (down, True)):
            world = int(np.abs(direction[:, index]).argmax())
            # LPS grows to the left, the back and the head: to the right and down on the page, but for the head.
            up = is_down and world == 2
            flips.append(bool((direction[world, index] > 0) == up))
        box = []
        for index in (across, down):
            other = tuple(a for a in range(3) if a != index)
            occupied = np.flatnonzero(inside.any(axis=other))
            size = inside.shape[index]
            low, high = (occupied[0], occupied[-1] + 1) if occupied.size else (0, size)
            margin = max(6, (high - low) // 4)
            box.append(slice(max(0, low - margin), min(size, high + margin)))
        spacing = volume.geometry.spacing
        return cls(axis, (flips[0], flips[1]), spacing[down] / spacing[across], (box[0], box[1]))

    def plane(self, array: np.ndarray, index: int) -> np.ndarray:
        """(rows, columns) of one slice."""
        plane = np.take(array, index, self.axis)[self.box].T
        return plane[:: -1 if self.flips[1] else 1, :: -1 if self.flips[0] else 1]

    def size(self) -> tuple[int, int]:
        """Width and height of a tile, pixels."""
        width, height = (s.stop - s.start for s in self.box)
        height = height * self.aspect
        scale = TILE / max(width, height)
        return max(1, round(width * scale)), max(1, round(height * scale))


def _grey(plane: np.ndarray, low: float, high: float, size: tuple[int, int]) -> np.ndarray:
    scaled = np.clip((plane.astype(float) - low) / max(high - low, 1e-9), 0, 1) * 255
    picture = Image.fromarray(scaled.astype(np.uint8)).resize(size, Image.Resampling.BILINEAR)
    return np.repeat(np.asarray(picture)[..., None], 3, axis=2)


def _overlaid(grey: np.ndarray, labels: np.ndarray, values: Sequence[int]) -> np.ndarray:
    """Segments as a tint with a full-coloured border."""
    picture = grey.astype(float)
    for place, value in enumerate(values):
        mask = Image.fromarray(((labels == value) * 255).astype(np.uint8))
        inside = np.asarray(mask.resize(grey.shape[1::-1], Image.Resampling.NEAREST)) > 0
        border = inside & ~binary_erosion(inside, iterations=2)
        color = np.array(COLORS[place % len(COLORS)], dtype=float)
        picture[inside] = 0.7 * picture[inside] + 0.3 * color
        picture[border] = color
    return picture.astype(np.uint8)


def slices_to_show(reference: np.ndarray, axis: int, slices: Sequence[int], count: int = 5) -> tuple[int, ...]:
    """Slices worth a look: spread over the structure, not annotated if that can be, but for one that is.

    Args:
        reference: (I, J, K), nonzero inside the structures.
        axis: slice axis.
        slices: the annotated slices.
        count: at most so many.
    """
    occupied = np.flatnonzero((reference != 0).any(axis=tuple(a for a in range(3) if a != axis)))
    free = [int(i) for i in occupied if i not in slices]
    wanted = [free[(2 * i + 1) * len(free) // (2 * (count - 1))] for i in range(count - 1)] if free else []
    middle = [sorted(slices)[len(slices) // 2]] if slices else []
    return tuple(sorted({*wanted, *middle}))


def montage(
    volume: Volume,
    prediction: np.ndarray,
    reference: np.ndarray,
    *,
    axis: int,
    annotation: np.ndarray | None = None,
    slices: Sequence[int] = (),
    title: str = "",
    names: Mapping[int, str] | None = None,
) -> Image.Image:
    """Draws the picture: a row each for what was drawn, prediction and reference, a column for each slice.

    Args:
        volume: image, (I, J, K).
        prediction: (I, J, K) integers.
        reference: (I, J, K) integers.
        axis: slice axis.
        annotation: (I, J, K) integers, what was drawn; None for a volume on which nothing was.
        slices: the annotated slices.
        title: first line.
        names: segment value -> name, for the legend.
    """
    values = [int(v) for v in np.unique(reference) if v]
    view = View.of(volume, axis, (reference != 0) | (prediction != 0))
    width, height = view.size()
    shown = slices_to_show(reference, axis, slices)
    draw = ImageDraw.Draw(Image.new("RGB", (1, 1)))
    large, small = ImageFont.load_default(16), ImageFont.load_default(13)
    side = MARGIN + GAP + int(max(draw.textlength(name, small) for name in ROWS))
    top = 3 * HEADER + MARGIN
    size = side + len(shown) * (width + GAP) + MARGIN, top + len(ROWS) * (height + GAP) + MARGIN
    page = Image.new("RGB", (max(size[0], LEAST_WIDTH), size[1]), BACKGROUND)
    draw = ImageDraw.Draw(page)
    draw.text((MARGIN, MARGIN), title, TEXT, large)
    _legend(draw, (MARGIN, MARGIN + HEADER), values, names or {}, small)
    cut = np.moveaxis(volume.array, axis, 0)[list(shown)] if shown else volume.array
    low, high = np.nanpercentile(cut.astype(float), (0.5, 99.5))
    for row, name in enumerate(ROWS):
        draw.text((MARGIN, top + row * (height + GAP) + height // 2), name, TEXT, small)
    for column, index in enumerate(shown):
        x = side + column * (width + GAP)
        draw.text((x, top - HEADER + 6), f"slice {index}" + (", drawn" if index in slices else ""), FAINT, small)
        grey = _grey(view.plane(volume.array, index), low, high, (width, height))
        for row, labels in enumerate((annotation if index in slices else None, prediction, reference)):
            tile = grey if labels is None else _overlaid(grey, view.plane(labels, index), values)
            page.paste(Image.fromarray(tile), (x, top + row * (height + GAP)))
    return page


def _legend(
    draw: ImageDraw.ImageDraw, at: tuple[int, int], values: Sequence[int], names: Mapping[int, str], font
) -> None:
    x, y = at
    for place, value in enumerate(values):
        draw.rectangle((x, y + 3, x + 11, y + 14), fill=COLORS[place % len(COLORS)])
        name = names.get(value, f"segment {value}")
        draw.text((x + 17, y), name, FAINT, font)
        x += 35 + int(draw.textlength(name, font))
