"""One volume laid over another: where each of its points is in the other one, by SimpleITK.

First an affine transform, from two starts (the middles of both volumes, and their centres of gravity), by correlation
of grey values: volumes of a cohort are of the same kind of scan. Then demons, from coarse to fine, after mean
and spread of the grey values were matched; their displacements are kept smooth.

Sources: Thirion, "Image matching as a diffusion process: an analogy with Maxwell's demons", Medical Image Analysis
2(3), 1998; Vercauteren et al., "Diffeomorphic demons", NeuroImage 45(1), 2009 (the symmetric forces).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from medmeta.volumes.itk import quiet

Spacing = tuple[float, float, float]
"""mm between slices, rows and columns."""


LEAST_POINTS, LEAST_SHARE = 64, 0.25
"""Points that both images must have, and their share of those that count, for a correlation to mean anything."""


@dataclass(frozen=True)
class RegistrationSettings:
    """How far registration goes.

    Attributes:
        affine_side: samples of the longest side of a volume, for the affine transform; no finer than the volume.
        side: the same for the demons.
        affine_steps: at most, on each of two levels.
        demons_steps: on each level, coarse to fine.
        smoothness: standard deviation of the Gaussian that smooths displacements, samples.
        stretch: an affine transform may not lengthen or shorten any direction more than so many times.
        angle: nor turn it further than so many degrees.
    """

    affine_side: int = 72
    side: int = 96
    affine_steps: int = 60
    demons_steps: tuple[int, ...] = (40, 20)
    smoothness: float = 1.0
    stretch: float = 2.0
    angle: float = 50.0


def image_of(slices: np.ndarray, spacing: Sequence[float], origin: Sequence[float] = (0.0, 0.0, 0.0)) -> Any:
    """A SimpleITK image of (Z, H, W) slices.

    Args:
        slices: numbers.
        spacing: mm between slices, rows and columns.
        origin: mm, place of the first voxel along the three.
    """
    with quiet() as sitk:
        image = sitk.GetImageFromArray(np.ascontiguousarray(slices))
        image.SetSpacing([float(mm) for mm in reversed(spacing)])
        image.SetOrigin([float(mm) for mm in reversed(origin)])
        return image


def shrunk(image: Any, side: int) -> Any:
    """An image with at most `side` samples along its longest side, smoothed before; no finer than it was."""
    with quiet() as sitk:
        extent = [n * mm for n, mm in zip(image.GetSize(), image.GetSpacing(), strict=True)]
        finest = max(extent) / side
        if all(mm >= finest for mm in image.GetSpacing()):
            return sitk.Cast(image, sitk.sitkFloat32)
        size = [max(1, min(n, round(mm / finest))) for n, mm in zip(image.GetSize(), extent, strict=True)]
        spacing = [mm / n for mm, n in zip(extent, size, strict=True)]
        origin = [
            o + (new - old) / 2 for o, new, old in zip(image.GetOrigin(), spacing, image.GetSpacing(), strict=True)
        ]
        variances = [
            (0.45 * new) ** 2 if new > 1.01 * old else 0.0 for new, old in zip(spacing, image.GetSpacing(), strict=True)
        ]
        smooth = sitk.DiscreteGaussian(sitk.Cast(image, sitk.sitkFloat32), variances, 64, 0.05, True)
        return sitk.Resample(
            smooth, size, sitk.Transform(), sitk.sitkLinear, origin, spacing, image.GetDirection(), 0.0
        )


@dataclass(frozen=True)
class Registration:
    """Where points of one volume, the fixed one, are in another.

    Attributes:
        transform: a SimpleITK transform, points of the fixed volume to points of the other.
        correlation: of grey values after it, over the fixed volume.
    """

    transform: Any
    correlation: float

    def warped(self, image: Any, reference: Any, outside: float = 0.0) -> np.ndarray:
        """The other volume's image on the grid of one of the fixed volume, (Z, H, W) float32."""
        with quiet() as sitk:
            moved = sitk.Resample(image, reference, self.transform, sitk.sitkLinear, outside, sitk.sitkFloat32)
            return sitk.GetArrayFromImage(moved)


def register(
    fixed: Any,
    moving: Any,
    settings: RegistrationSettings | None = None,
    on_stage: Callable[[], None] = lambda: None,
) -> Registration | None:
    """Registers two images of alike grey values.

    Args:
        fixed, moving: from `image_of`.
        settings: how far.
        on_stage: called before each of the `stages`; may raise to cancel.

    Returns:
        None where no affine transform within the limits was found.
    """
    settings = settings or RegistrationSettings()
    with quiet():
        coarse = shrunk(fixed, settings.affine_side), shrunk(moving, settings.affine_side)
        found = []
        for moments in (False, True):
            on_stage()
            found.append(_affine(*coarse, moments, settings))
        found = [transform for transform in found if transform is not None]
        if not found:
            return None
        affine = max(found, key=lambda transform: correlation(coarse[0], coarse[1], transform))
        fine = shrunk(fixed, settings.side), shrunk(moving, settings.side)
        transform = _demons(*fine, affine, settings, on_stage)
        return Registration(transform, correlation(*fine, transform))


def stages(settings: RegistrationSettings) -> int:
    """How often `register` calls `on_stage`."""
    return 2 + len(settings.demons_steps)


def correlation(fixed: Any, moving: Any, transform: Any, where: np.ndarray | None = None) -> float:
    """Correlation of grey values under a transform, over the points that both images have; 0 where they are few.

    Args:
        fixed, moving, transform: see `register`.
        where: (Z, H, W) boolean, the points of the fixed image that count; None for all.
    """
    with quiet() as sitk:
        moved = sitk.Resample(moving, fixed, transform, sitk.sitkLinear, float("nan"), sitk.sitkFloat32)
        one, other = sitk.GetArrayViewFromImage(fixed), sitk.GetArrayFromImage(moved)
        counted = np.ones(one.shape, bool) if where is None else where
        there = np.isfinite(other) & counted
        if there.sum() < max(LEAST_POINTS, LEAST_SHARE * counted.sum()):
            return 0.0
        one, other = one[there], other[there]
        if one.std() == 0 or other.std() == 0:
            return 0.0
        return float(np.corrcoef(one, other)[0, 1])


def _affine(fixed: Any, moving: Any, moments: bool, settings: RegistrationSettings) -> Any | None:
    """An affine transform; None where it failed or is none that one body has to another."""
    with quiet() as sitk:
        kinds = sitk.CenteredTransformInitializerFilter
        try:
            start = sitk.CenteredTransformInitializer(
                fixed, moving, sitk.AffineTransform(3), kinds.MOMENTS if moments else kinds.GEOMETRY
            )
            transform = sitk.AffineTransform(start)
            method = sitk.ImageRegistrationMethod()
            method.SetMetricAsCorrelation()
            method.SetMetricSamplingStrategy(method.NONE)
            method.SetInterpolator(sitk.sitkLinear)
            method.SetOptimizerAsRegularStepGradientDescent(1.0, 0.01, settings.affine_steps, 0.5, 1e-8)
            method.SetOptimizerScalesFromPhysicalShift()
            # Few slices are not made fewer.
            levels = [[max(1, min(factor, n // 12)) for n in fixed.GetSize()] for factor in (4, 2)]
            method.SetShrinkFactorsPerLevel([min(level) for level in levels])
            method.SetSmoothingSigmasPerLevel([2.0, 1.0])
            method.SmoothingSigmasAreSpecifiedInPhysicalUnitsOff()
            method.SetInitialTransform(transform, True)
            method.Execute(fixed, moving)
        except RuntimeError:  # such as: no point of one lies within the other
            return None
        return transform if _plausible(transform, settings) else None


def _plausible(transform: Any, settings: RegistrationSettings) -> bool:
    """Whether an affine transform neither mirrors, nor stretches or turns too far."""
    matrix = np.array(transform.GetMatrix()).reshape(3, 3)
    if not np.isfinite(matrix).all() or np.linalg.det(matrix) <= 0:
        return False
    left, sizes, right = np.linalg.svd(matrix)
    turned = np.degrees(np.arccos(np.clip((np.trace(left @ right) - 1) / 2, -1, 1)))
    return sizes.max() <= settings.stretch and sizes.min() >= 1 / settings.stretch and turned <= settings.angle


def _demons(fixed: Any, moving: Any, affine: Any, settings: RegistrationSettings, on_stage: Callable[[], None]) -> Any:
    """The affine transform followed by displacements."""
    with quiet() as sitk:
        moved = sitk.Resample(moving, fixed, affine, sitk.sitkLinear, 0.0, sitk.sitkFloat32)
        moved = _matched(moved, fixed)
        field = None
        for level, steps in enumerate(settings.demons_steps):
            on_stage()
            factor = 2 ** (len(settings.demons_steps) - 1 - level)
            one, other = (_level(image, factor) for image in (fixed, moved))
            demons = sitk.FastSymmetricForcesDemonsRegistrationFilter()
            demons.SetNumberOfIterations(steps)
            demons.SetStandardDeviations(settings.smoothness)
            if field is None:
                field = demons.Execute(one, other)
            else:
                field = demons.Execute(one, other, sitk.Resample(field, one))
        displacements = sitk.DisplacementFieldTransform(sitk.Cast(field, sitk.sitkVectorFloat64))
        return sitk.CompositeTransform([affine, displacements])


def _matched(image: Any, reference: Any) -> Any:
    """An image with the mean and spread of another one's grey values.

    Matching whole histograms did no better on real cases of even place, and spoils grey values among noise.
    """
    with quiet() as sitk:
        own, wanted = (sitk.GetArrayViewFromImage(i) for i in (image, reference))
        gain = float(wanted.std()) / max(float(own.std()), 1e-6)
        return sitk.ShiftScale(image, float(wanted.mean()) / gain - float(own.mean()), gain) if gain > 0 else image


def _level(image: Any, factor: int) -> Any:
    """An image with every `factor`-th sample, as far as sides of 16 samples stay."""
    with quiet() as sitk:
        factors = [max(1, min(factor, n // 16)) for n in image.GetSize()]
        if max(factors) == 1:
            return image
        variances = [(0.5 * f * mm) ** 2 if f > 1 else 0.0 for f, mm in zip(factors, image.GetSpacing(), strict=True)]
        return sitk.Shrink(sitk.DiscreteGaussian(image, variances, 64, 0.05, True), factors)
