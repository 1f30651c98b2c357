"""A registration made better round one segment, at the resolution in which the annotated volume is kept there.

Registration of whole volumes sees them at 96 samples a side, in which a caudate nucleus is four samples wide, and
matches grey values over all of them. Round one segment the same demons go on with finer samples, and with grey values
matched there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch

from medmeta.registration.greys import reduced_greys
from medmeta.registration.raster import Box, Lattice, Raster, Spacing
from medmeta.registration.register import Registration, displaced


@dataclass(frozen=True)
class RefinementSettings:
    """How far refinement goes.

    Attributes:
        side: samples of the box's longest side, at most; no finer than either volume.
        steps: of the demons on each level, coarse to fine.
        smoothness: standard deviation of the Gaussian that smooths displacements, samples.
        room: round the segment, in cube roots of its box's volume.
    """

    side: int = 96
    steps: tuple[int, ...] = (20, 20)
    smoothness: float = 0.85
    room: float = 0.3


class Refiner:
    """Refines registrations with one volume, the fixed one.

    Args:
        slices: (Z, H, W) of the volume.
        spacing: mm between slices, rows and columns.
        limits: the dark and the bright end of its grey values.
        device: where.
        settings: how far.
    """

    def __init__(
        self,
        slices: np.ndarray,
        spacing: Spacing,
        limits: tuple[float, float],
        device: torch.device | str = "cpu",
        settings: RefinementSettings | None = None,
    ) -> None:
        self.slices, self.device = slices, device
        self.lattice = Lattice(slices.shape, tuple(map(float, spacing)))
        self.limits = limits
        self.settings = settings or RefinementSettings()

    def __call__(
        self,
        registration: Registration,
        moving: Raster,
        there: torch.Tensor,
        lattice: Lattice,
        on_step: Callable[[], None] = lambda: None,
    ) -> Registration:
        """The registration, better where the segment is; elsewhere it is not to be used.

        Args:
            registration: of both volumes.
            moving: grey values of the other volume round the segment.
            there: (Z, H, W) boolean, where the segment is in the fixed volume by `registration`.
            lattice: of `there`.
            on_step: called often; may raise to cancel.

        Returns:
            The same registration where the segment is nowhere.
        """
        box = self._box(there, lattice)
        if box is None:
            return registration
        part, how = self.slices[box], self.settings
        extent = max(n * mm for n, mm in zip(part.shape, self.lattice.spacing, strict=True))
        side = max(1, min(how.side, round(extent / min(moving.lattice.spacing))))
        first = [where.start for where in box]
        fixed = reduced_greys(part, self.lattice.spacing, side, self.device, on_step, self.limits, first)
        start = registration.displacements
        field = displaced(registration.affine, fixed, moving, how.steps, how.smoothness, start, on_step=on_step)
        return replace(registration, displacements=field)

    def _box(self, there: torch.Tensor, lattice: Lattice) -> Box | None:
        """The voxels of the fixed volume round what is there, with room."""
        if not bool(there.any()):
            return None
        at = [there.amax([a for a in range(3) if a != axis]).nonzero()[:, 0].cpu().numpy() for axis in range(3)]
        low = np.array([places[0] - 0.5 for places in at]) * lattice.spacing + lattice.origin
        high = np.array([places[-1] + 0.5 for places in at]) * lattice.spacing + lattice.origin
        room = self.settings.room * np.prod(high - low) ** (1 / 3)
        first = np.floor((low - room) / self.lattice.spacing).astype(int).clip(0)
        stop = np.ceil((high + room) / self.lattice.spacing).astype(int) + 1
        return tuple(slice(int(a), int(min(b, n))) for a, b, n in zip(first, stop, self.slices.shape, strict=True))
