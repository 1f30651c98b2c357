"""Label maps carried from one volume to another by registration alone, without a network: what an atlas can offer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from medmeta.adaptation.frame import SliceFrame
from medmeta.transfer.atlas import MARGIN, Atlas
from medmeta.transfer.template import Template
from medmeta.volumes import Volume, finite


def carried(
    volume: Volume,
    template: Volume,
    labels: np.ndarray,
    values: Sequence[int],
    axis: int,
    *,
    refined: bool = True,
    device: str = "cpu",
) -> np.ndarray:
    """Where segments of one volume are in another.

    Args:
        volume: (I, J, K), in which they are looked for.
        template: (I', J', K'), whose label map is known.
        labels: (I', J', K') that label map.
        values: S label values.
        axis: of the template, along which slices lie.
        refined: whether registration is refined round each segment.
        device: where.

    Returns:
        (S, I, J, K) boolean; nothing where the template was laid over the volume too badly to be believed.
    """
    frame = SliceFrame.along(axis, template.geometry.spacing, template.geometry.direction)
    own = SliceFrame.like(frame.direction, volume.geometry.spacing, volume.geometry.direction)
    slices = own.to_slices(finite(volume.array))
    found = np.zeros((len(values), *slices.shape), bool)
    kept = Template.of(template, labels, frame, values)
    if kept is not None:
        kept = kept if refined else replace(kept, near=None)
        atlas = Atlas(slices, own, [kept.on(device, len(values))])
        if atlas.fits and (place := atlas.place(math.sqrt(math.prod(own.spacing[1:])), MARGIN)) is not None:
            sides = slices.shape[1:]
            for part, shapes in zip(found, atlas.distances(place), strict=True):
                inside = place.window.enlarged(shapes[0], sides).cpu().numpy() > 0
                part[place.first : place.stop, *place.window.visible(sides)] = inside
    return np.stack([own.from_slices(part) for part in found])
