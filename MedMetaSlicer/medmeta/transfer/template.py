"""What a task keeps of an annotated volume to lay it over others: the volume and its completed label map, reduced."""

from __future__ import annotations

import math
from collections.abc import Callable, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.ndimage import find_objects

from medmeta.adaptation import validation
from medmeta.adaptation.frame import SliceFrame
from medmeta.annotations import AnnotatedVolume
from medmeta.registration.greys import ends, reduced_greys
from medmeta.registration.raster import Box, Lattice, Raster, Spacing
from medmeta.transfer.distances import signed_distances
from medmeta.volumes import Volume, finite

SIDE = 96
"""Samples of the longest side of the reduced volume, at most."""

LABEL_SIDE = 128
"""The same of the box round all segments, which is kept finer: borders are to lie where they were."""

MOST_SEGMENTS = 255
"""Labels are bytes."""

NEAR_SIDE = 128
"""The same of the grey values round all segments, by which registration is refined there."""

ROOM = 0.6
"""Of them round each segment's box, in cube roots of its volume: twice what refinement looks at, as it may lie
elsewhere."""

GREYS = 255
"""Grey values between the volume's own dark and bright end (0.5% and 99.5%)."""

FAR = 8
"""Samples round that box in which distances to its segments are known."""

PLACES = ("spacing", "origin", "label_spacing", "label_origin")
NEAR_PLACES = ("near_spacing", "near_origin")
"""Fields that say where voxels lie; older files have none of the latter."""

MOST = 5
"""Templates that a task keeps: each is laid over every volume that is predicted."""

FARTHEST = 1e5
"""mm."""

LEAST_WEIGHT, WEIGHT_REACH = 0.1, 40.0
"""How much points far from all segments count in registration, and the distance at which most of the rest is gone, mm.

Head and neck: posture and field of view differ. A brain lies within that reach, and so does an animal."""


@dataclass(frozen=True)
class Template:
    """A reduced volume with reduced labels, slices first, the first voxel of the whole volume at 0 mm.

    Attributes:
        image: (Z, H, W) uint8 grey values.
        spacing: its samples' distances, mm.
        origin: place of its first sample, mm.
        labels: (z, h, w) uint8 of the box round all segments: 0 is background, n the task's n-th segment.
        label_spacing, label_origin: the same of the box.
        near: (z', h', w') uint8 grey values of all segments' boxes with some room; None in files of older versions.
        near_spacing, near_origin: the same of them.
    """

    image: np.ndarray
    spacing: Spacing
    origin: Spacing
    labels: np.ndarray
    label_spacing: Spacing
    label_origin: Spacing
    near: np.ndarray | None = None
    near_spacing: Spacing | None = None
    near_origin: Spacing | None = None

    @classmethod
    def of(
        cls,
        volume: Volume,
        labels: np.ndarray,
        frame: SliceFrame,
        values: Sequence[int],
        on_step: Callable[[], None] = lambda: None,
    ) -> Template | None:
        """Reduces an annotated volume.

        Args:
            volume: the volume.
            labels: (I, J, K), completed.
            frame: how its axes lie.
            values: the segments' label values.
            on_step: called often; may raise to cancel.

        Returns:
            None where no segment was found, or there are more than `MOST_SEGMENTS`.
        """
        slices = frame.to_slices(labels)
        numbers = np.zeros(slices.shape, np.uint8)
        if len(values) > MOST_SEGMENTS:
            return None
        for number, value in enumerate(values, start=1):
            on_step()
            numbers[slices == value] = number
        if not numbers.any():
            return None
        greys = frame.to_slices(finite(volume.array))
        limits = ends(greys)
        image = reduced_greys(greys, frame.spacing, SIDE, on_step=on_step, limits=limits)
        boxes = [found for found in find_objects(numbers) if found is not None]
        box = _round(boxes)
        numbers = numbers[box]
        origin = tuple(part.start * mm for part, mm in zip(box, frame.spacing, strict=True))
        lattice = Lattice(numbers.shape, frame.spacing, origin)
        kept = lattice.of_side(LABEL_SIDE)
        part = _round([_roomy(found, frame.spacing) for found in boxes])
        first = [side.start for side in part]
        near = reduced_greys(greys[part], frame.spacing, NEAR_SIDE, on_step=on_step, limits=limits, first=first)
        return cls(
            _bytes(image),
            image.lattice.spacing,
            image.lattice.origin,
            numbers[np.ix_(*map(_nearest, lattice.size, kept.size))],
            kept.spacing,
            kept.origin,
            _bytes(near),
            near.lattice.spacing,
            near.lattice.origin,
        )

    def on(self, device: torch.device | str, segments: int, on_step: Callable[[], None] = lambda: None) -> TemplateMaps:
        """What is laid over other volumes, on a device.

        Args:
            device: where.
            segments: how many the task has.
            on_step: called often; may raise to cancel.
        """
        padded = np.pad(self.labels, FAR)
        origin = [o - FAR * mm for o, mm in zip(self.label_origin, self.label_spacing, strict=True)]
        distances = signed_distances(padded, segments, self.label_spacing, device, on_step)

        def greys(voxels: np.ndarray, *place: Spacing) -> Raster:
            return Raster.of(torch.from_numpy(voxels).to(device).float() / GREYS, *place)

        grey, shapes = greys(self.image, self.spacing, self.origin), Raster.of(distances, self.label_spacing, origin)
        return TemplateMaps(
            grey,
            shapes,
            _weights(shapes, grey.lattice, on_step),
            None if self.near is None else greys(self.near, self.near_spacing, self.near_origin),
        )

    def voxels(self) -> dict[str, np.ndarray]:
        """The arrays of a task file, by name."""
        found = {"image": self.image, "labels": self.labels, "near": self.near}
        return {name: np.ascontiguousarray(voxels) for name, voxels in found.items() if voxels is not None}

    def places(self) -> dict[str, list[float]]:
        """What its header says of them, mm."""
        names = PLACES if self.near is None else PLACES + NEAR_PLACES
        return {name: list(map(float, getattr(self, name))) for name in names}


@dataclass(frozen=True)
class TemplateMaps:
    """A template on a device; the distances take long to compute, and serve for any number of volumes.

    Attributes:
        grey: grey values, 0 to 1.
        distances: (S, Z, H, W) signed distances to the segments' borders, mm, positive inside.
        weights: how much each point of `grey` counts when it is laid over another volume.
        near: finer grey values round all segments, if there are any.
    """

    grey: Raster
    distances: Raster
    weights: Raster
    near: Raster | None = None


def made_templates(
    cases: Sequence[AnnotatedVolume],
    completed: Sequence[np.ndarray],
    frames: Sequence[SliceFrame],
    on_step: Callable[[], None] = lambda: None,
) -> tuple[Template, ...]:
    """Templates of annotated volumes, of `MOST` of them at most.

    Args:
        cases: the volumes.
        completed: their (I, J, K) label maps.
        frames: how their axes lie.
        on_step: called often; may raise to cancel.
    """
    values = [segment.value for segment in cases[0].annotation.segments]
    parts = list(zip(cases, completed, frames, strict=True))[:MOST]
    made = [Template.of(case.volume, labels, frame, values, on_step) for case, labels, frame in parts]
    return tuple(template for template in made if template is not None)


def _round(boxes: Sequence[Box]) -> Box:
    """The box round several."""
    return tuple(slice(min(p.start for p in sides), max(p.stop for p in sides)) for sides in zip(*boxes, strict=True))


def _roomy(box: Box, spacing: Spacing) -> Box:
    """A box of voxels with `ROOM`; may go beyond the volume's far end."""
    extent = [(part.stop - part.start) * mm for part, mm in zip(box, spacing, strict=True)]
    room = ROOM * math.prod(extent) ** (1 / 3)
    return tuple(
        slice(max(0, part.start - math.ceil(room / mm)), part.stop + math.ceil(room / mm))
        for part, mm in zip(box, spacing, strict=True)
    )


def _weights(distances: Raster, lattice: Lattice, on_step: Callable[[], None]) -> Raster:
    """How much points of a volume count: less, the further they are from all segments."""
    step = max(lattice.spacing)
    there = (distances.laid_on(lattice).voxels.amax(0) > -step).cpu().numpy()  # the thinnest ones too
    device = distances.voxels.device
    away = -signed_distances(there, 1, lattice.spacing, device, on_step)[0].clamp(-1e6, 0)
    return Raster(LEAST_WEIGHT + (1 - LEAST_WEIGHT) * torch.exp(-((away / WEIGHT_REACH) ** 2)), lattice)


def _bytes(greys: Raster) -> np.ndarray:
    """Grey values from 0 to 1 as a task keeps them."""
    return (greys.voxels * GREYS).round().to(torch.uint8).numpy()


def _nearest(count: int, kept: int) -> np.ndarray:
    """The sample, of `count` along an axis, that is nearest to each of `kept` over the same extent."""
    return ((np.arange(kept) + 0.5) * count / kept).astype(int)


def templates_of(
    rows: Any, tensors: MutableMapping[str, torch.Tensor], prefix: str, segments: int
) -> tuple[Template, ...]:
    """The templates of a task file from anywhere; takes their tensors out of `tensors`.

    Args:
        rows: what the header says of them.
        tensors: bytes; those of templates are named `prefix` + number + "." + name.
        prefix: see there.
        segments: how many the task has.

    Raises:
        ValueError: they make no sense.
    """
    if not isinstance(rows, list) or len(rows) > MOST:
        raise ValueError(f"templates are no list of at most {MOST}")
    found = []
    for number, row in enumerate(rows):
        if not isinstance(row, dict) or row.keys() not in ({*PLACES}, {*PLACES, *NEAR_PLACES}):
            raise ValueError(f"template {number} lacks one of {', '.join(PLACES + NEAR_PLACES)}, or has more")
        places = {}
        for name in row:
            least = -FARTHEST if name.endswith("origin") else 1e-4
            places[name] = validation.numbers(f"{name} of template {number}", row[name], 3, least, FARTHEST)
        image, labels = (tensors.pop(f"{prefix}{number}.{name}", None) for name in ("image", "labels"))
        _check("image", image, 1, SIDE, number)
        _check("labels", labels, 1, LABEL_SIDE, number)
        if NEAR_PLACES[0] in row:
            near = tensors.pop(f"{prefix}{number}.near", None)
            _check("near", near, 1, NEAR_SIDE, number)
            places["near"] = near.numpy()
        if int(labels.max()) > segments:
            raise ValueError(f"template {number} has more labels than the task has segments")
        found.append(Template(image.numpy(), labels=labels.numpy(), **places))
    return tuple(found)


def _check(what: str, voxels: torch.Tensor | None, least: int, most: int, number: int) -> None:
    if voxels is None or voxels.dtype != torch.uint8 or voxels.ndim != 3:
        raise ValueError(f"template {number} has no {what} of bytes")
    if not least <= min(voxels.shape) <= max(voxels.shape) <= most:
        raise ValueError(f"the {what} of template {number} are of shape {tuple(voxels.shape)}")
