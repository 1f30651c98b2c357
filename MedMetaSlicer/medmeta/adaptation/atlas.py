"""Annotated volumes laid over one in which nothing is drawn: where the segments should be in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from medmeta.adaptation.frame import SliceFrame
from medmeta.adaptation.registration import (
    Registration,
    RegistrationSettings,
    correlation,
    image_of,
    register,
    shrunk,
    stages,
)
from medmeta.adaptation.template import OUTSIDE, Template, scaled
from medmeta.episodes import Window
from medmeta.volumes.itk import quiet

LEAST_LIKENESS = 0.5
"""Correlation of grey values round the segments after registration; with less, volumes do not show the same there."""

AROUND = 4
"""Samples round the segments that are looked at for it."""

MARGIN = 12.0
"""Network pixels of room round the segments."""

NETWORK, RATE = 0.1, 0.75
"""Weight of the network's logits, and logits a pixel of signed distance."""

SUREST = 6.0
"""The network's logits count no more."""

REACH = 8.0
"""Network pixels; distances beyond it are all the same."""

SEARCHED = 96
"""Samples of the longest side of the volume when it is looked for where the segments are."""


@dataclass(frozen=True)
class Place:
    """A box of a volume, round all segments.

    Attributes:
        first, stop: its slices.
        window: its rectangle, with network pixels.
    """

    first: int
    stop: int
    window: Window

    def embedded(self, part: np.ndarray, count: int, fill: float, axis: int = 0) -> np.ndarray:
        """An array of the box's slices as one of all `count` slices of the volume, `fill` where there are none.

        Args:
            part: any shape, slices along `axis`.
        """
        after = count - self.stop
        pads = [(self.first, after) if a == axis else (0, 0) for a in range(part.ndim)]
        return np.pad(part, pads, constant_values=fill) if self.first or after else part


class Atlas:
    """Templates that were laid over a volume well.

    Args:
        slices: (Z, H, W) of the volume.
        frame: how its axes lie.
        templates: of the annotated volumes.
        segments: how many there are.
        settings: of the registration.
        on_stage: called at each of `count_stages`; may raise to cancel.

    Attributes:
        likenesses: of all templates; those with less than `LEAST_LIKENESS` are not taken.
    """

    def __init__(
        self,
        slices: np.ndarray,
        frame: SliceFrame,
        templates: Sequence[Template],
        segments: int,
        settings: RegistrationSettings | None = None,
        on_stage: Callable[[], None] = lambda: None,
    ) -> None:
        settings = settings or RegistrationSettings()
        fixed = image_of(scaled(slices), frame.spacing)
        self.shape, self.spacing, self.segments = slices.shape, frame.spacing, segments
        self._coarse = shrunk(fixed, SEARCHED)
        likenesses = []
        self._laid: list[tuple[Registration, Template]] = []
        for template in templates:
            found = register(self._coarse, template.grey, settings, on_stage)
            likeness = 0.0 if found is None else self._likeness(found, template)
            if likeness >= LEAST_LIKENESS:
                self._laid.append((found, template))
            likenesses.append(likeness)
        self.likenesses = tuple(likenesses)

    def _likeness(self, found: Registration, template: Template) -> float:
        """Correlation of grey values round the segments: elsewhere the background of any two heads is alike."""
        nearest = np.max([self._warped(found, template, s, self._coarse) for s in range(self.segments)], axis=0)
        where = nearest > -AROUND * max(self._coarse.GetSpacing())
        return correlation(self._coarse, template.grey, found.transform, where)

    @property
    def fits(self) -> bool:
        """True where a template was laid over the volume well enough to be believed."""
        return bool(self._laid)

    def place(self, pixel: float, margin: float, multiple: int = 8) -> Place | None:
        """The box in which segments are.

        Args:
            pixel: mm of a network pixel.
            margin: network pixels of room on each side.
            multiple: sides of the window are multiples of it, as the network needs.

        Returns:
            None where no segment lies within the volume.
        """
        near = np.zeros(tuple(reversed(self._coarse.GetSize())), bool)
        for distances in self._distances(self._coarse):
            near |= distances.max(0) > -max(self._coarse.GetSpacing())
        if not near.any():
            return None
        box, coarse = [], list(reversed(self._coarse.GetSpacing()))
        for axis, (step, mm, count) in enumerate(zip(coarse, self.spacing, self.shape, strict=True)):
            at = np.flatnonzero(near.any(tuple(a for a in range(3) if a != axis)))
            room = margin * pixel
            first, stop = (int(at[0]) * step - room) / mm, (int(at[-1] + 1) * step + room) / mm
            box.append((max(0, int(first)), min(count, int(np.ceil(stop)))))
        (first, stop), *sides = box
        sizes = [
            max(4 * multiple, multiple * round((end - start) * mm / pixel / multiple))
            for (start, end), mm in zip(sides, self.spacing[1:], strict=True)
        ]
        (top, bottom), (left, right) = sides
        return Place(first, stop, Window(top, left, bottom - top, right - left, *sizes))

    def distances(self, place: Place) -> np.ndarray:
        """Signed distances to the segments in a place, (T, S, Z, h, w) float32, mm, positive inside, T templates."""
        window = place.window
        spacing = (
            self.spacing[0],
            self.spacing[1] * window.height / window.rows,
            self.spacing[2] * window.width / window.columns,
        )
        # Places of voxels' middles, the first voxel of the volume at 0.
        origin = (
            place.first * self.spacing[0],
            (window.top - 0.5) * self.spacing[1] + spacing[1] / 2,
            (window.left - 0.5) * self.spacing[2] + spacing[2] / 2,
        )
        with quiet() as sitk:
            reference = sitk.Image(window.columns, window.rows, place.stop - place.first, sitk.sitkUInt8)
            reference.SetSpacing([float(mm) for mm in reversed(spacing)])
            reference.SetOrigin([float(mm) for mm in reversed(origin)])
        return np.stack(list(self._distances(reference)))

    def _distances(self, reference: Any):
        """For each template (S, Z, H, W) on a grid."""
        for found, template in self._laid:
            yield np.stack([self._warped(found, template, segment, reference) for segment in range(self.segments)])

    def _warped(self, found: Registration, template: Template, segment: int, reference: Any) -> np.ndarray:
        return found.warped(template.distances(segment), reference, OUTSIDE)


def fused(logits: torch.Tensor, distances: np.ndarray, pixel: float) -> torch.Tensor:
    """Logits of the network and of the atlas together.

    Of several templates the median counts: one that is unlike the others, or was laid over badly, has no say.

    Args:
        logits: (S, Z, h, w) of the network, calibrated.
        distances: (T, S, Z, h, w), mm, of the templates.
        pixel: mm of a network pixel.
    """
    shape = torch.from_numpy(np.median(np.clip(distances / pixel, -REACH, REACH), axis=0).astype(np.float32))
    logits, kind = logits.float().clamp(-SUREST, SUREST), logits.dtype
    return (NETWORK * logits + RATE * shape.to(logits.device)).to(kind)


def count_stages(templates: int, settings: RegistrationSettings | None = None) -> int:
    """How often an `Atlas` calls `on_stage`."""
    return templates * stages(settings or RegistrationSettings())
