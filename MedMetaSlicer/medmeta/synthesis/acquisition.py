"""Acquisition: what a scanner does to the object (shading, blur, thick slices, noise, artefacts)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from monai.transforms import AdjustContrast, GibbsNoise, KSpaceSpikeNoise
from monai.utils import convert_to_tensor

from medmeta.synthesis.ingredients import checked
from medmeta.synthesis.noise import smooth_noise
from medmeta.synthesis.random import Draw


def _blur(image: torch.Tensor, sigmas: tuple[float, float, float]) -> torch.Tensor:
    """Separable Gaussian blur of a (D, H, W) image; the borders repeat, which MONAI's filter does not do."""
    for axis, sigma in enumerate(sigmas):
        if sigma < 0.2:
            continue
        radius = max(1, round(2.5 * sigma))
        kernel = torch.exp(-0.5 * (torch.arange(-radius, radius + 1) / sigma) ** 2)
        kernel = (kernel / kernel.sum()).reshape(1, 1, -1)
        moved = image.movedim(axis, -1)
        padded = F.pad(moved.reshape(-1, 1, moved.shape[-1]), (radius, radius), mode="replicate")
        image = F.conv1d(padded, kernel).reshape(moved.shape).movedim(-1, axis)
    return image


@dataclass(frozen=True)
class Acquisition:
    """One scan. Sizes in voxels of the object, grey values relative to the object's 0 to 1.

    Attributes:
        thickness: object voxels in one slice.
        blur: Gaussian sigma along slice, row and column.
        shading: strength of the bias field, natural logarithm.
        noise: standard deviation.
        kind: "gaussian", "rician" or "speckle".
        grain: voxels over which the noise is correlated, 1 for white noise.
        gamma: exponent of the grey values.
        inverted: True for a contrast turned over.
        gibbs: MONAI GibbsNoise's alpha, 0 for none.
        spike: relative position and strength of a k-space spike, or None.
        coil: relative position (row, column) of a surface coil and its reach in image widths, or None.
        window: shares of the voxels, darkest and brightest, whose grey values are cut off.
    """

    thickness: int
    blur: tuple[float, float, float]
    shading: float
    noise: float
    kind: str
    grain: float
    gamma: float
    inverted: bool
    gibbs: float
    spike: tuple[tuple[float, float], float] | None
    coil: tuple[float, float, float] | None = None
    window: tuple[float, float] = (0.0, 0.0)

    def __call__(self, image: torch.Tensor, labels: torch.Tensor, draw: Draw) -> tuple[torch.Tensor, torch.Tensor]:
        """Scans an object.

        Args:
            image: (D, H, W) float32.
            labels: (D, H, W) integers.
            draw: gives the noise and the bias field.

        Returns:
            (Z, H, W) image and labels, Z = D // thickness; a slice's label is the one at its middle.
        """
        if self.shading > 0:
            period = image.shape[2] / 2
            image = image * torch.exp(self.shading * smooth_noise(image.shape, period, draw.generator)[0])
        if self.coil is not None:
            image = image * self._sensitivity(image.shape)
        image = _blur(image, self.blur)
        if self.thickness > 1:
            slices = image.shape[0] // self.thickness
            image = image[: slices * self.thickness].reshape(slices, self.thickness, *image.shape[1:]).mean(1)
            labels = labels[self.thickness // 2 :: self.thickness][:slices]
        if self.gibbs > 0:
            image = torch.stack([GibbsNoise(alpha=self.gibbs)(plane[None])[0] for plane in image.unbind()])
        if self.spike is not None:
            (row, column), strength = self.spike
            plane = image[len(image) // 2][None]
            at = (0, int(row * plane.shape[1]), int(column * plane.shape[2]))
            spiked = KSpaceSpikeNoise(loc=at, k_intensity=strength)(plane)
            image = image + (spiked - plane).clamp(-0.2, 0.2)
        image = self._noisy(image, draw)
        low, high = self._window(image)
        image = AdjustContrast(gamma=self.gamma)(((image - low) / (high - low).clamp_min(1e-6)).clamp(0, 1))
        # Without MONAI's metadata: they make every operation that follows slower, and some crash.
        image = convert_to_tensor(image, track_meta=False)
        return (1 - image if self.inverted else image), labels

    def _sensitivity(self, shape: torch.Size) -> torch.Tensor:
        """(1, H, W) receive sensitivity, falling with the squared distance from the coil; its mean is 1."""
        row, column, reach = self.coil
        y = (torch.arange(shape[1]) / shape[1] - row)[:, None] * shape[1] / shape[2]
        x = (torch.arange(shape[2]) / shape[2] - column)[None]
        field = 1 / (1 + (y**2 + x**2) / reach**2)
        return (field / field.mean())[None]

    def _window(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        if self.window == (0.0, 0.0):
            return image.min(), image.max()
        ordered = image.flatten()[:: max(1, image.numel() // 20_000)].sort().values
        last = len(ordered) - 1
        return ordered[int(self.window[0] * last)], ordered[int((1 - self.window[1]) * last)]

    def _noisy(self, image: torch.Tensor, draw: Draw) -> torch.Tensor:
        def field() -> torch.Tensor:
            if self.grain > 1:
                return smooth_noise(image.shape, (1, self.grain, self.grain), draw.generator)[0]
            return torch.randn(image.shape, generator=draw.generator)

        if self.kind == "rician":
            return torch.hypot(image + self.noise * field(), self.noise * field())
        if self.kind == "speckle":
            return image * (1 + 2.5 * self.noise * field())
        return image + self.noise * field()


class RandomAcquisition:
    """Draws an `Acquisition`; its defaults span what clinical CT, MR and ultrasound show.

    Args:
        ingredients: see `INGREDIENTS`.
    """

    def __init__(self, ingredients: Collection[str] = ()) -> None:
        self.ingredients = checked(ingredients)

    def __call__(self, thickness: int, draw: Draw) -> Acquisition:
        """Draws a scan of the given slice thickness (object voxels)."""
        sharp = draw.uniform(0.3, 1.3)
        scan = Acquisition(
            thickness=thickness,
            blur=(draw.uniform(0.3, 1.0), sharp, sharp),
            shading=draw.uniform(0.05, 0.4) if draw.chance(0.5) else 0.0,
            noise=draw.log_uniform(0.005, 0.08),
            kind=draw.choice(("gaussian", "rician", "speckle"), (0.6, 0.3, 0.1)),
            grain=draw.uniform(1.3, 2.5) if draw.chance(0.35) else 1.0,
            gamma=draw.log_uniform(0.6, 1.7),
            inverted=draw.chance(0.15),
            gibbs=draw.uniform(0.2, 0.7) if draw.chance(0.12) else 0.0,
            spike=((draw.uniform(0.1, 0.9), draw.uniform(0.1, 0.9)), draw.uniform(6, 9)) if draw.chance(0.04) else None,
        )
        if "coil" in self.ingredients and draw.chance(0.2):
            side = draw.choice((-0.1, 1.1))
            place = (side, draw.uniform(0, 1)) if draw.chance(0.5) else (draw.uniform(0, 1), side)
            scan = replace(scan, coil=(*place, draw.uniform(0.6, 1.5)))
        if "window" in self.ingredients and draw.chance(0.35):
            cut = (draw.uniform(0, 0.1), draw.uniform(0, 0.06))
            scan = replace(scan, window=cut, noise=draw.log_uniform(0.002, 0.03))
        return scan

    def similar(self, scan: Acquisition, draw: Draw) -> Acquisition:
        """Another scan by the same protocol: other noise, blur and shading, the same contrast and thickness."""
        other = self(scan.thickness, draw)
        return Acquisition(
            thickness=scan.thickness,
            blur=tuple(b * draw.uniform(0.8, 1.25) for b in scan.blur),
            shading=other.shading,
            noise=scan.noise * draw.log_uniform(0.6, 1.6),
            kind=scan.kind,
            grain=scan.grain,
            gamma=scan.gamma * draw.log_uniform(0.85, 1.18),
            inverted=scan.inverted,
            gibbs=scan.gibbs,
            spike=other.spike,
            coil=scan.coil,
            window=scan.window,
        )
