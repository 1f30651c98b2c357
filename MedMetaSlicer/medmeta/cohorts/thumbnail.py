"""A small picture of a predicted case: the slice that shows most of it, with the outlines drawn over it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import binary_erosion

from medmeta.annotations import Segment
from medmeta.disk import replacing
from medmeta.evaluation.montage import View
from medmeta.volumes import Volume, finite

SIZE = 160
"""Pixels of the longer side."""

COLOURS = 64
"""Of the picture: enough for grey values with outlines, at a third of the bytes."""


def thumbnail(volume: Volume, labels: np.ndarray, segments: Sequence[Segment], axis: int) -> bytes:
    """Draws the picture, a PNG.

    Args:
        volume: the image.
        labels: (I, J, K) integers.
        segments: with the colours of the outlines.
        axis: slice axis.
    """
    others = tuple(a for a in range(3) if a != axis)
    found = labels != 0
    areas = found.sum(axis=others)
    index = int(areas.argmax()) if areas.any() else len(areas) // 2
    view = View.of(volume, axis, found)
    rows, columns = view.plane(volume.array, index).shape
    width, height = columns, rows * view.aspect
    scale = SIZE / max(width, height)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    plane = finite(view.plane(volume.array, index), volume.name).astype(float)
    low, high = np.percentile(plane, (1, 99))
    grey = (np.clip((plane - low) / max(high - low, 1e-9), 0, 1) * 255).astype(np.uint8)
    picture = np.array(Image.fromarray(grey).resize(size, Image.Resampling.BILINEAR).convert("RGB"))
    shown = view.plane(labels, index)
    for segment in segments:
        mask = Image.fromarray(((shown == segment.value) * 255).astype(np.uint8))
        inside = np.asarray(mask.resize(size, Image.Resampling.NEAREST)) > 0
        picture[inside & ~binary_erosion(inside)] = np.round(np.array(segment.color) * 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(picture).quantize(COLOURS).save(file, "PNG", optimize=True)
    return file.getvalue()


def write_thumbnail(picture: bytes, path: Path) -> None:
    """Writes a picture; an older one is replaced only when all is written.

    Raises:
        OSError: it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        temporary.write_bytes(picture)
