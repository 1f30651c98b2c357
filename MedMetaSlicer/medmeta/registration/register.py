"""One volume laid over another: where each of its points is in the other one, on any device.

First an affine transform, from two starts (the middles of both volumes, and their centres of gravity), by correlation
of evened grey values, in which some points may count more: volumes of a cohort are of the same kind of scan. Then
demons, from coarse to fine, after mean
and spread of the grey values were matched, over what both volumes show; their displacements are kept smooth. For the
sources see `medmeta.registration.affine` and `medmeta.registration.demons`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch

from medmeta.registration.affine import ALIKE, ANY, LEAST_POINTS, LEAST_SHARE, SHIFTS, Affine, Fit, starts
from medmeta.registration.contrast import evened
from medmeta.registration.demons import demons
from medmeta.registration.raster import CHUNK, Lattice, Raster, inside


@dataclass(frozen=True)
class RegistrationSettings:
    """How far registration goes.

    Attributes:
        affine_sides: samples of the longest side of a volume on each level of the affine transform.
        side: the same for the demons; no finer than the volume.
        affine_steps: at most, on each level.
        demons_steps: on each level, coarse to fine.
        smoothness: standard deviation of the Gaussian that smooths displacements, samples.
        stretch: an affine transform may not lengthen or shorten any direction more than so many times.
        angle: nor turn it further than so many degrees.
    """

    affine_sides: tuple[int, ...] = (24, 48)
    side: int = 96
    affine_steps: int = 30
    demons_steps: tuple[int, ...] = (40, 20)
    smoothness: float = 0.85
    stretch: float = 2.0
    angle: float = 50.0


@dataclass(frozen=True)
class Registration:
    """Where points of one volume, the fixed one, are in another.

    Attributes:
        affine: applied last.
        displacements: (3, Z, H, W) mm along columns, rows and slices, added first; on a grid of the fixed volume.
        correlation: of grey values after it, over the fixed volume.
    """

    affine: Affine
    displacements: Raster | None = None
    correlation: float = 0.0

    def warped(
        self,
        image: Raster,
        lattice: Lattice,
        outside: float = 0.0,
        on_step: Callable[[], None] = lambda: None,
    ) -> torch.Tensor:
        """The other volume's image on a grid of the fixed one, shaped as the image's but for the grid's size.

        Args:
            image: of the other volume; one or several channels.
            lattice: the grid.
            outside: value beyond the image's borders.
            on_step: called often; may raise to cancel.
        """
        field, device = self.displacements, image.voxels.device
        channels = 1 if image.voxels.ndim == 3 else len(image.voxels)
        linear = self.affine.normalised(lattice, image.lattice)[:, :3] * (2 / lattice.extent[::-1])
        linear = torch.tensor(linear, dtype=torch.float32, device=device)
        found = torch.empty(channels, *lattice.size, device=device)
        step = max(1, CHUNK // ((channels + 6) * lattice.size[1] * lattice.size[2]))
        for first in range(0, lattice.size[0], step):
            on_step()
            part = lattice.part(first, min(lattice.size[0], first + step))
            grid = self.affine.grid(part, image.lattice, device)
            if field is not None:
                grid = grid + torch.einsum("ij,jzhw->izhw", linear, field.laid_on(part).voxels)
            values = image.sampled(grid)
            found[:, first : first + step] = torch.where(inside(grid), values, outside)
        return found if image.voxels.ndim == 4 else found[0]


def register(
    fixed: Raster,
    moving: Raster,
    settings: RegistrationSettings | None = None,
    on_stage: Callable[[], None] = lambda: None,
    on_step: Callable[[], None] = lambda: None,
    weights: Raster | None = None,
) -> Registration | None:
    """Registers two images of alike grey values, on one device.

    Args:
        fixed, moving: grey values from 0 to 1.
        settings: how far.
        on_stage: called before each of the `stages`; may raise to cancel.
        on_step: called often in between; may raise as well.
        weights: on the moving image's grid, how much each point counts for the affine transform; None for all alike.

    Returns:
        None where no affine transform within the limits was found.
    """
    settings = settings or RegistrationSettings()
    affine = _affine(*evened(fixed, moving), weights, settings, on_stage, on_step)
    if affine is None:
        return None
    one, other = fixed.reduced(settings.side), moving.reduced(settings.side)
    how = settings.demons_steps, settings.smoothness
    found = Registration(affine, displaced(affine, one, other, *how, on_stage=on_stage, on_step=on_step))
    return replace(found, correlation=correlation(one, other, found))


def displaced(
    affine: Affine,
    fixed: Raster,
    moving: Raster,
    steps: Sequence[int],
    smoothness: float,
    start: Raster | None = None,
    on_stage: Callable[[], None] = lambda: None,
    on_step: Callable[[], None] = lambda: None,
) -> Raster:
    """Displacements of two images that an affine transform lays on each other; see `demons`.

    Args:
        affine: from the fixed to the moving image.
        fixed, moving: grey values.
        steps, smoothness, start: see `demons`.
        on_stage, on_step: called before each level and each step; may raise to cancel.

    Returns:
        See `demons`; those of `start`, or none, where both images have hardly a point in common.
    """
    grid = affine.grid(fixed.lattice, moving.lattice, fixed.voxels.device)
    known = inside(grid)
    if int(known.sum()) < LEAST_POINTS:
        return start or Raster(fixed.voxels.new_zeros(3, *fixed.lattice.size), fixed.lattice)
    moved = Raster(_matched(moving.sampled(grid)[0], fixed.voxels, known), fixed.lattice)
    return demons(fixed, moved, steps, smoothness, known, start, on_stage, on_step)


def stages(settings: RegistrationSettings) -> int:
    """How often `register` calls `on_stage`."""
    return len(settings.affine_sides) + len(settings.demons_steps)


def correlation(fixed: Raster, moving: Raster, registration: Registration, where: torch.Tensor | None = None) -> float:
    """Correlation of grey values after registration, over the points that both images have; 0 where they are few.

    Args:
        fixed, moving, registration: see `register`.
        where: (Z, H, W) boolean, the points of the fixed image that count; None for all.
    """
    other = registration.warped(moving, fixed.lattice, float("nan"))
    there = ~other.isnan()
    counted = there if where is None else there & where
    one, other = fixed.voxels[counted], other[counted]
    wanted = there.numel() if where is None else int(where.sum())
    if len(one) < max(LEAST_POINTS, LEAST_SHARE * wanted):
        return 0.0
    one, other = (values.double() - values.double().mean() for values in (one, other))
    return float(one @ other / (one.norm() * other.norm()).clamp(min=1e-12))


def _affine(
    fixed: Raster,
    moving: Raster,
    weights: Raster | None,
    settings: RegistrationSettings,
    on_stage: Callable[[], None],
    on_step: Callable[[], None],
) -> Affine | None:
    """The plausible affine transform of highest correlation, see `Fit.best`, if there is one."""
    found: list[tuple[Affine, float]] = []
    for side in settings.affine_sides:
        on_stage()
        one, other = fixed.reduced(side), moving.reduced(side)
        fit = Fit(one, other, None if weights is None else weights.reduced(side))
        if found:  # on finer levels, only the better one goes on
            begun, kinds = [max(found, key=lambda pair: pair[1])[0]], (ANY,)
        else:
            begun, kinds = starts(one, other), (SHIFTS, ALIKE, ANY)
        found = []
        for affine in begun:
            for free in kinds:
                affine, value = fit.best(affine, settings.affine_steps, free, on_step)
            if value > 0 and affine.plausible(settings.stretch, settings.angle):
                found.append((affine, value))
        if not found:
            return None
    return max(found, key=lambda pair: pair[1])[0]


def _matched(voxels: torch.Tensor, reference: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
    """Grey values with the mean and spread of others, over the points that both images have.

    Matching whole histograms did no better on real cases of even place, and spoils grey values among noise.
    """
    own, wanted = voxels[known], reference[known]
    gain = wanted.std() / own.std().clamp(min=1e-6)
    return (voxels - own.mean()) * gain + wanted.mean()
