"""Annotated volumes laid over one in which nothing is drawn: where the segments should be in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from medmeta.adaptation.distances import OUTSIDE
from medmeta.adaptation.frame import SliceFrame
from medmeta.adaptation.fusion import joint_weights
from medmeta.adaptation.greys import reduced_greys
from medmeta.adaptation.raster import Lattice, Raster
from medmeta.adaptation.registration import Registration, RegistrationSettings, correlation, register, stages
from medmeta.adaptation.template import TemplateMaps
from medmeta.episodes import Window

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


class Atlas:
    """Templates that were laid over a volume well, on the device of their maps.

    Args:
        slices: (Z, H, W) of the volume.
        frame: how its axes lie.
        templates: of the annotated volumes, on one device.
        settings: of the registration.
        on_stage: called at each of `count_stages`; may raise to cancel.
        on_step: called often in between; may raise as well.

    Attributes:
        likenesses: of all templates; those with less than `LEAST_LIKENESS` are not taken.
    """

    def __init__(
        self,
        slices: np.ndarray,
        frame: SliceFrame,
        templates: Sequence[TemplateMaps],
        settings: RegistrationSettings | None = None,
        on_stage: Callable[[], None] = lambda: None,
        on_step: Callable[[], None] = lambda: None,
    ) -> None:
        self.shape, self.spacing = slices.shape, frame.spacing
        coarse = reduced_greys(slices, frame.spacing, SEARCHED, templates[0].grey.voxels.device, on_step)
        self._coarse, self._near = coarse, torch.zeros_like(coarse.voxels, dtype=torch.bool)
        step, likenesses = max(coarse.lattice.spacing), []
        self._laid: list[tuple[Registration, TemplateMaps]] = []
        for template in templates:
            likeness = 0.0
            if (found := register(coarse, template.grey, settings, on_stage, on_step)) is not None:
                nearest = found.warped(template.distances, coarse.lattice, OUTSIDE, on_step).amax(0)
                # Round the segments alone: elsewhere the background of any two heads is alike.
                likeness = correlation(coarse, template.grey, found, nearest > -AROUND * step)
                if likeness >= LEAST_LIKENESS:
                    self._laid.append((found, template))
                    self._near |= nearest > -step
            likenesses.append(likeness)
        self.likenesses = tuple(likenesses)

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
        near, box = self._near.cpu().numpy(), []
        if not near.any():
            return None
        steps = self._coarse.lattice.spacing
        for axis, (step, mm, count) in enumerate(zip(steps, self.spacing, self.shape, strict=True)):
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

    def distances(self, place: Place, on_step: Callable[[], None] = lambda: None) -> torch.Tensor:
        """Signed distances to the segments in a place, (T, S, Z, h, w) float32, mm, positive inside, T templates.

        `on_step` is called often, and may raise to cancel.
        """
        lattice = self._lattice(place)
        return torch.stack(
            [found.warped(template.distances, lattice, OUTSIDE, on_step) for found, template in self._laid]
        )

    def weights(self, place: Place, on_step: Callable[[], None] = lambda: None) -> torch.Tensor:
        """How much each template counts there, (T, Z, h, w), 1 together; see `joint_weights`.

        Found on the coarse grid, where templates' grey values are known. `on_step` is called often, and may raise.
        """
        box = self._box()
        seen = [found.warped(template.grey, box.lattice, float("nan"), on_step) for found, template in self._laid]
        weights = Raster(joint_weights(box.voxels, torch.stack(seen), on_step), box.lattice)
        return weights.laid_on(self._lattice(place)).voxels

    def _box(self) -> Raster:
        """The coarse volume round all segments."""
        coarse, cut = self._coarse, []
        for axis, count in enumerate(coarse.lattice.size):
            at = self._near.amax([a for a in range(3) if a != axis]).nonzero()[:, 0].tolist()
            cut.append(slice(max(0, at[0] - AROUND), min(count, at[-1] + 1 + AROUND)))
        places = zip(coarse.lattice.origin, cut, coarse.lattice.spacing, strict=True)
        origin = [start + part.start * mm for start, part, mm in places]
        return Raster.of(coarse.voxels[tuple(cut)], coarse.lattice.spacing, origin)

    def _lattice(self, place: Place) -> Lattice:
        """The grid of a place's network pixels."""
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
        return Lattice((place.stop - place.first, window.rows, window.columns), spacing, origin)


def fused(
    logits: torch.Tensor,
    distances: torch.Tensor,
    weights: torch.Tensor,
    pixel: float,
    on_step: Callable[[], None] = lambda: None,
) -> torch.Tensor:
    """Logits of the network and of the atlas together.

    Args:
        logits: (S, Z, h, w) of the network, calibrated.
        distances: (T, S, Z, h, w), mm, of the templates.
        weights: (T, Z, h, w) of the templates; where one was laid over badly, it has little to say.
        pixel: mm of a network pixel.
        on_step: called for each segment; may raise to cancel.
    """
    found = torch.empty_like(logits)
    for result, own, shapes in zip(found, logits, distances.transpose(0, 1), strict=True):
        on_step()
        near = (shapes.to(logits.device) / pixel).clamp_(-REACH, REACH)
        mean = (weights.to(logits.device) * near).sum(0)
        result.copy_(NETWORK * own.float().clamp(-SUREST, SUREST) + RATE * mean)
    return found


def count_stages(templates: int, settings: RegistrationSettings | None = None) -> int:
    """How often an `Atlas` calls `on_stage`."""
    return templates * stages(settings or RegistrationSettings())
