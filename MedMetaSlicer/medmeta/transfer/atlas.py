"""Annotated volumes laid over one in which nothing is drawn: where the segments should be in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from medmeta.adaptation.frame import SliceFrame
from medmeta.episodes import Window
from medmeta.registration.greys import ends, reduced_greys
from medmeta.registration.raster import Lattice, Raster
from medmeta.registration.refinement import Refiner
from medmeta.registration.register import Registration, RegistrationSettings, correlation, register, stages
from medmeta.transfer.distances import OUTSIDE
from medmeta.transfer.fusion import joint_weights
from medmeta.transfer.template import TemplateMaps

LEAST_LIKENESS = 0.5
"""Correlation of grey values round the segments after registration; with less, volumes do not show the same there."""

AROUND = 4
"""Samples round the segments that are looked at for it."""

MARGIN = 12.0
"""Network pixels of room round the segments."""

NETWORK, RATE = 0.1, 0.75
"""Weight of the network's logits in structures as thick as `REACH`, and logits a pixel of signed distance."""

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


@dataclass(frozen=True)
class _Laid:
    """A template laid over a volume.

    Attributes:
        template: its maps.
        registration: of both volumes.
        finer: the same refined, for each segment.
    """

    template: TemplateMaps
    registration: Registration
    finer: Sequence[Registration]

    def distances(self, segment: int, lattice: Lattice, on_step: Callable[[], None]) -> torch.Tensor:
        """(*lattice.size) signed distances to a segment, mm."""
        shapes = self.template.distances
        return self.finer[segment].warped(Raster(shapes.voxels[segment], shapes.lattice), lattice, OUTSIDE, on_step)


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
        device, limits = templates[0].grey.voxels.device, ends(slices)
        coarse = reduced_greys(slices, frame.spacing, SEARCHED, device, on_step, limits)
        self._coarse, self._near = coarse, torch.zeros_like(coarse.voxels, dtype=torch.bool)
        step, likenesses = max(coarse.lattice.spacing), []
        self._laid: list[_Laid] = []
        refiner = Refiner(slices, frame.spacing, limits, device)
        for template in templates:
            likeness = 0.0
            if (found := register(coarse, template.grey, settings, on_stage, on_step, template.weights)) is not None:
                shapes = found.warped(template.distances, coarse.lattice, OUTSIDE, on_step)
                nearest = shapes.amax(0)
                # Round the segments alone: elsewhere the background of any two heads is alike.
                likeness = correlation(coarse, template.grey, found, nearest > -AROUND * step)
                if likeness >= LEAST_LIKENESS:
                    near, lattice, finer = template.near, coarse.lattice, [found] * len(shapes)
                    if near is not None:
                        finer = [refiner(found, near, shape > -step / 2, lattice, on_step) for shape in shapes]
                    self._laid.append(_Laid(template, found, finer))
                    self._near |= nearest > -step
            on_stage()
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

    def distances(self, place: Place, on_step: Callable[[], None] = lambda: None) -> Iterator[torch.Tensor]:
        """For one segment after the other, signed distances to it in a place, (T, Z, h, w) float32, mm, T templates.

        They are positive inside. `on_step` is called often, and may raise to cancel.
        """
        lattice = self._lattice(place)
        for segment in range(len(self._laid[0].finer)):
            yield torch.stack([laid.distances(segment, lattice, on_step) for laid in self._laid])

    def weights(self, place: Place, on_step: Callable[[], None] = lambda: None) -> torch.Tensor:
        """How much each template counts there, (T, Z, h, w), 1 together; see `joint_weights`.

        Found on the coarse grid, where templates' grey values are known. `on_step` is called often, and may raise.
        """
        box = self._box()
        seen = [laid.registration.warped(laid.template.grey, box.lattice, float("nan"), on_step) for laid in self._laid]
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
    distances: Iterable[torch.Tensor],
    weights: torch.Tensor,
    pixel: float,
    on_step: Callable[[], None] = lambda: None,
) -> torch.Tensor:
    """Logits of the network and of the atlas together.

    Args:
        logits: (S, Z, h, w) of the network, calibrated; changed in place, so that memory does not double.
        distances: for each segment (T, Z, h, w), mm, of the templates.
        weights: (T, Z, h, w) of the templates; where one was laid over badly, it has little to say.
        pixel: mm of a network pixel.
        on_step: called for each segment; may raise to cancel.
    """
    for own, shapes in zip(logits, distances, strict=True):
        on_step()
        near = (shapes.to(logits.device) / pixel).clamp_(-REACH, REACH)
        mean = (weights.to(logits.device) * near).sum(0)
        # What moves the border of a thick structure a little would be all of a thin one.
        share = NETWORK * mean.max().clamp(0, REACH) / REACH
        own.copy_(share * own.float().clamp(-SUREST, SUREST) + RATE * mean)
    return logits


def count_stages(templates: int, settings: RegistrationSettings | None = None) -> int:
    """How often an `Atlas` calls `on_stage`."""
    return templates * (stages(settings or RegistrationSettings()) + 1)
