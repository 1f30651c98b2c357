"""What a task keeps of an annotated volume to lay it over others: the volume and its completed label map, reduced."""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from scipy.ndimage import distance_transform_edt

from medmeta.adaptation import validation
from medmeta.adaptation.frame import SliceFrame
from medmeta.adaptation.registration import Spacing, image_of, shrunk
from medmeta.annotations import AnnotatedVolume
from medmeta.volumes import Volume, finite
from medmeta.volumes.itk import quiet

OUTSIDE = -1e6
"""What counts as the distance where none is known, mm."""

SIDE = 96
"""Samples of the longest side of the reduced volume, at most."""

LABEL_SIDE = 128
"""The same of the box round all segments, which is kept finer: borders are to lie where they were."""

MOST_SEGMENTS = 255
"""Labels are bytes."""

GREYS = 255
"""Grey values between the volume's own dark and bright end (0.5% and 99.5%)."""

FAR = 8
"""Samples round that box in which distances to its segments are known."""

PLACES = ("spacing", "origin", "label_spacing", "label_origin")
"""Fields that say where voxels lie."""

MOST = 5
"""Templates that a task keeps: each takes seconds for every volume that is predicted."""

LEAST_SIDE = 4
FARTHEST = 1e5
"""mm."""


def scaled(slices: np.ndarray) -> np.ndarray:
    """Grey values from 0 to 1 between a volume's dark and bright end, float32, cut beyond them."""
    step = max(1, slices.size // 500_000)
    low, high = np.percentile(slices.flat[::step].astype(float), (0.5, 99.5))
    if high <= low:
        low, high = float(slices.min()), float(slices.max())
    result = np.empty(slices.shape, np.float32)
    for one, own in zip(result, slices, strict=True):  # in double precision, but not all of a large volume at once
        one[:] = np.clip((own - np.float64(low)) / max(high - low, 1e-12), 0, 1)
    return result


@dataclass(frozen=True)
class Template:
    """A reduced volume with reduced labels, slices first, the first voxel of the whole volume at 0 mm.

    Attributes:
        image: (Z, H, W) uint8 grey values.
        spacing: its samples' distances, mm.
        origin: place of its first sample, mm.
        labels: (z, h, w) uint8 of the box round all segments: 0 is background, n the task's n-th segment.
        label_spacing, label_origin: the same of the box.
    """

    image: np.ndarray
    spacing: Spacing
    origin: Spacing
    labels: np.ndarray
    label_spacing: Spacing
    label_origin: Spacing

    @classmethod
    def of(cls, volume: Volume, labels: np.ndarray, frame: SliceFrame, values: Sequence[int]) -> Template | None:
        """Reduces an annotated volume.

        Args:
            volume: the volume.
            labels: (I, J, K), completed.
            frame: how its axes lie.
            values: the segments' label values.

        Returns:
            None where no segment was found, or there are more than `MOST_SEGMENTS`.
        """
        slices = frame.to_slices(labels)
        numbers = np.zeros(slices.shape, np.uint8)
        if len(values) > MOST_SEGMENTS:
            return None
        for number, value in enumerate(values, start=1):
            numbers[slices == value] = number
        if not numbers.any():
            return None
        image = shrunk(image_of(scaled(frame.to_slices(finite(volume.array))), frame.spacing), SIDE)
        box = []
        for axis in range(3):
            at = np.flatnonzero(numbers.any(tuple(a for a in range(3) if a != axis)))
            box.append(slice(int(at[0]), int(at[-1]) + 1))
        origin = [part.start * mm for part, mm in zip(box, frame.spacing, strict=True)]
        reduced = _reduced_labels(image_of(numbers[tuple(box)], frame.spacing, origin))
        with quiet() as sitk:
            return cls(
                np.rint(sitk.GetArrayFromImage(image) * GREYS).astype(np.uint8),
                tuple(reversed(image.GetSpacing())),
                tuple(reversed(image.GetOrigin())),
                sitk.GetArrayFromImage(reduced),
                tuple(reversed(reduced.GetSpacing())),
                tuple(reversed(reduced.GetOrigin())),
            )

    @cached_property
    def grey(self) -> Any:
        """The image for SimpleITK."""
        return image_of(self.image.astype(np.float32) / GREYS, self.spacing, self.origin)

    def distances(self, segment: int) -> Any:
        """Signed distance to a segment's border, mm, positive inside, as a SimpleITK image.

        Args:
            segment: its number in the task, from 0.
        """
        inside = np.pad(self.labels == segment + 1, FAR)
        if not inside.any():
            return self._image(np.full(inside.shape, OUTSIDE, np.float32))
        within = distance_transform_edt(inside, sampling=self.label_spacing)
        beyond = distance_transform_edt(~inside, sampling=self.label_spacing)
        half = 0.5 * float(np.cbrt(np.prod(self.label_spacing)))  # the border lies between two samples
        return self._image(np.where(inside, within - half, half - beyond).astype(np.float32))

    def voxels(self) -> dict[str, np.ndarray]:
        """The arrays of a task file, by name."""
        return {"image": np.ascontiguousarray(self.image), "labels": np.ascontiguousarray(self.labels)}

    def places(self) -> dict[str, list[float]]:
        """What its header says of them, mm."""
        return {name: list(map(float, getattr(self, name))) for name in PLACES}

    def _image(self, padded: np.ndarray) -> Any:
        origin = [o - FAR * mm for o, mm in zip(self.label_origin, self.label_spacing, strict=True)]
        return image_of(padded, self.label_spacing, origin)


def made_templates(
    cases: Sequence[AnnotatedVolume], completed: Sequence[np.ndarray], frames: Sequence[SliceFrame]
) -> tuple[Template, ...]:
    """Templates of annotated volumes, of `MOST` of them at most.

    Args:
        cases: the volumes.
        completed: their (I, J, K) label maps.
        frames: how their axes lie.
    """
    values = [segment.value for segment in cases[0].annotation.segments]
    parts = list(zip(cases, completed, frames, strict=True))[:MOST]
    made = [Template.of(case.volume, labels, frame, values) for case, labels, frame in parts]
    return tuple(template for template in made if template is not None)


def _reduced_labels(image: Any) -> Any:
    """A label image with at most `LABEL_SIDE` samples along its longest side."""
    with quiet() as sitk:
        extent = [n * mm for n, mm in zip(image.GetSize(), image.GetSpacing(), strict=True)]
        finest = max(extent) / LABEL_SIDE
        size = [min(n, max(1, round(mm / finest))) for n, mm in zip(image.GetSize(), extent, strict=True)]
        spacing = [mm / n for mm, n in zip(extent, size, strict=True)]
        origin = [
            o + (new - old) / 2 for o, new, old in zip(image.GetOrigin(), spacing, image.GetSpacing(), strict=True)
        ]
        return sitk.Resample(
            image, size, sitk.Transform(), sitk.sitkNearestNeighbor, origin, spacing, image.GetDirection(), 0
        )


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
        if not isinstance(row, dict) or row.keys() != set(PLACES):
            raise ValueError(f"template {number} lacks one of {', '.join(PLACES)}, or has more")
        places = {}
        for name in PLACES:
            least = -FARTHEST if name.endswith("origin") else 1e-4
            places[name] = validation.numbers(f"{name} of template {number}", row[name], 3, least, FARTHEST)
        image, labels = (tensors.pop(f"{prefix}{number}.{name}", None) for name in ("image", "labels"))
        _check("image", image, LEAST_SIDE, SIDE, number)
        _check("labels", labels, 1, LABEL_SIDE, number)
        if int(labels.max()) > segments:
            raise ValueError(f"template {number} has more labels than the task has segments")
        found.append(Template(image.numpy(), labels=labels.numpy(), **places))
    return tuple(found)


def _check(what: str, voxels: torch.Tensor | None, least: int, most: int, number: int) -> None:
    if voxels is None or voxels.dtype != torch.uint8 or voxels.ndim != 3:
        raise ValueError(f"template {number} has no {what} of bytes")
    if not least <= min(voxels.shape) <= max(voxels.shape) <= most:
        raise ValueError(f"the {what} of template {number} are of shape {tuple(voxels.shape)}")
