"""An affine transform between two volumes by correlation of grey values: Gauss-Newton, damped, from coarse to fine.

Sources: Evangelidis and Psarakis, "Parametric image alignment using enhanced correlation coefficient maximization",
IEEE Transactions on Pattern Analysis and Machine Intelligence 30(10), 2008 (Gauss-Newton on the correlation);
Marquardt, "An algorithm for least-squares estimation of nonlinear parameters", SIAM Journal 11(2), 1963 (damping).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from medmeta.registration.raster import Lattice, Raster, inside

LEAST_POINTS, LEAST_SHARE = 64, 0.25
"""Points that both images must have, and their share of those that count, for a correlation to mean anything."""

TOLERANCE = 1e-5
"""A step that adds less to the correlation is the last one."""

STRETCH_COST = 0.1
"""Of the correlation, for the square of what each of three directions is lengthened or shortened by."""


@dataclass(frozen=True)
class Affine:
    """Points x of the fixed volume to points matrix x + offset of the other, mm along slices, rows and columns.

    Attributes:
        matrix: (3, 3).
        offset: (3,) mm.
    """

    matrix: np.ndarray
    offset: np.ndarray

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """(..., 3) mm to (..., 3) mm."""
        return points @ self.matrix.T + self.offset

    @property
    def cost(self) -> float:
        """What the correlation must gain to be worth how much this stretches: fields of view differ, sizes hardly."""
        return STRETCH_COST * float(np.square(np.linalg.svd(self.matrix, compute_uv=False) - 1).sum())

    def plausible(self, stretch: float, angle: float) -> bool:
        """Whether it neither mirrors, nor stretches, shortens (times) or turns (degrees) further than that."""
        if not np.isfinite(self.matrix).all() or np.linalg.det(self.matrix) <= 0:
            return False
        left, sizes, right = np.linalg.svd(self.matrix)
        turned = np.degrees(np.arccos(np.clip((np.trace(left @ right) - 1) / 2, -1, 1)))
        return bool(sizes.max() <= stretch and sizes.min() >= 1 / stretch and turned <= angle)

    def normalised(self, fixed: Lattice, moving: Lattice) -> np.ndarray:
        """(3, 4) the same from [-1, 1] to [-1, 1], border to border, in the order x, y, z."""
        linear = self.matrix * (fixed.extent / moving.extent[:, None])
        shift = 2 * (self(fixed.centre) - moving.centre) / moving.extent
        return np.concatenate([linear[::-1, ::-1], shift[::-1, None]], axis=1)

    def grid(self, fixed: Lattice, moving: Lattice, device: torch.device) -> torch.Tensor:
        """(3, Z, H, W) for `Raster.sampled` of the other volume, from the fixed grid."""
        theta = torch.tensor(self.normalised(fixed, moving)[None], dtype=torch.float32, device=device)
        return F.affine_grid(theta, [1, 1, *fixed.size], align_corners=False)[0].movedim(-1, 0)


def starts(fixed: Raster, moving: Raster) -> list[Affine]:
    """The middle of one volume on that of the other, and centre of gravity on centre of gravity."""
    pairs = [[raster.lattice.centre for raster in (fixed, moving)], [_gravity(raster) for raster in (fixed, moving)]]
    return [Affine(np.eye(3), other - one) for one, other in pairs]


def _gravity(raster: Raster) -> np.ndarray:
    """(3,) mm; the middle where all is dark."""
    lattice, voxels = raster.lattice, raster.voxels.double()
    sums = [voxels.sum([a for a in range(3) if a != axis]) for axis in range(3)]
    places = [torch.arange(n, device=voxels.device, dtype=voxels.dtype) for n in lattice.size]
    found = torch.stack([(s * p).sum() for s, p in zip(sums, places, strict=True)] + [sums[0].sum()]).cpu().numpy()
    if not found[3] > 0:
        return lattice.centre
    return found[:3] / found[3] * lattice.spacing + lattice.origin


class Fit:
    """The correlation of a moving image with a fixed one, and the step of an affine transform that raises it.

    Args:
        fixed, moving: coarse images, on one device.
        weights: on the moving image's grid, how much each point counts; None for all alike.
    """

    def __init__(self, fixed: Raster, moving: Raster, weights: Raster | None = None) -> None:
        self.fixed, self.moving = fixed.lattice, moving.lattice
        self.unit = float(self.fixed.extent.max()) / 2
        # Sums of squares about the mean lose less in single precision.
        self._values = (fixed.voxels - fixed.voxels.mean()).reshape(-1)
        shown = moving.voxels - moving.voxels.mean()
        counted = torch.ones_like(shown) if weights is None else weights.voxels
        channels = torch.cat([shown[None], moving.gradient() * self.unit, counted[None]])
        self._shown = Raster(channels, moving.lattice)
        # Weight that both volumes can have in common, at most.
        points = float(counted.sum()) * np.prod(self.moving.spacing) / np.prod(self.fixed.spacing)
        self._most = min(self._values.numel(), points)
        places = [
            (torch.arange(n, device=fixed.voxels.device) + 0.5) * mm / self.unit - extent / (2 * self.unit)
            for n, mm, extent in zip(self.fixed.size, self.fixed.spacing, self.fixed.extent, strict=True)
        ]
        grids = torch.meshgrid(*places, indexing="ij")
        self._points = torch.stack([*grids, torch.ones_like(grids[0])]).reshape(4, -1).float()

    def sums(self, affine: Affine) -> np.ndarray:
        """(15, 15) weighted sums of products over common points: 12 derivatives, moving and fixed grey values, and 1.

        All that a step needs is in them, so that one small matrix leaves the device for each.
        """
        grid = affine.grid(self.fixed, self.moving, self._values.device)
        seen = self._shown.sampled(grid).reshape(5, -1)
        slopes = seen[1:4].flip(0)  # along slices, rows and columns
        derivatives = (slopes[:, None] * self._points).reshape(12, -1)
        rows = torch.cat([derivatives, seen[:1], self._values[None], self._points[3:]])
        return ((rows * (inside(grid).reshape(1, -1) * seen[4:])) @ rows.T).cpu().numpy().astype(float)

    def moved(self, affine: Affine, step: np.ndarray) -> Affine:
        """After a step: (12,) as three rows of a matrix and a shift, in units of half the fixed volume's side."""
        change = step.reshape(3, 4)
        matrix = affine.matrix + change[:, :3]
        return Affine(matrix, affine(self.fixed.centre) + change[:, 3] * self.unit - matrix @ self.fixed.centre)

    def best(
        self, affine: Affine, steps: int, free: np.ndarray, on_step: Callable[[], None] = lambda: None
    ) -> tuple[Affine, float]:
        """The transform of highest correlation near one, less what its stretching costs, and that number.

        Args:
            affine: where to begin.
            steps: at most.
            free: (12, F) directions in which it may change.
            on_step: called before each; may raise to cancel.
        """
        value, curve, slope = _expansion(self.sums(affine), self._most)
        value -= affine.cost
        damping = 1e-3
        for _ in range(steps):
            on_step()
            hessian = free.T @ curve @ free
            diagonal = np.diagonal(hessian)
            damped = hessian + np.diag(damping * diagonal + 1e-6 * diagonal.max() + 1e-12)
            step = free @ np.linalg.solve(damped, free.T @ slope)
            tried = self.moved(affine, step)
            found, *more = _expansion(self.sums(tried), self._most)
            found -= tried.cost
            if found <= value:
                damping *= 8
                if damping > 1e3:
                    break
                continue
            gained, affine, value, (curve, slope) = found - value, tried, found, more
            damping = max(damping / 4, 1e-6)
            if gained < TOLERANCE:
                break
        return affine, value


def _expansion(sums: np.ndarray, count: float) -> tuple[float, np.ndarray, np.ndarray]:
    """Correlation, and the second and first order of its expansion, (12, 12) and (12,), from `Fit.sums`.

    The correlation is -1 where few points are common to both volumes, or one of them is flat there.
    """
    common = sums[14, 14]
    nothing = -1.0, np.eye(12), np.zeros(12)
    if common < max(LEAST_POINTS, LEAST_SHARE * count):
        return nothing
    centred = sums - np.outer(sums[14], sums[14]) / common
    moving, fixed = centred[12, 12], centred[13, 13]
    if min(moving, fixed) <= 1e-9 * common:
        return nothing
    value = centred[12, 13] / np.sqrt(moving * fixed)
    along = centred[:12, 12] / np.sqrt(moving)
    curve = (centred[:12, :12] - np.outer(along, along)) / moving
    slope = (centred[:12, 13] / np.sqrt(fixed) - value * along) / np.sqrt(moving)
    return float(value), curve, slope


def _directions() -> tuple[np.ndarray, ...]:
    """Shifts; shifts and turns and growth; everything: (12, F) each, see `Fit.moved`."""
    every = np.eye(12)
    shifts = every[:, [3, 7, 11]]
    turns = np.stack([every[4 * a + b] - every[4 * b + a] for a, b in ((0, 1), (0, 2), (1, 2))], axis=1)
    growth = every[:, [0, 5, 10]]
    return shifts, np.concatenate([shifts, turns, growth], axis=1), every


SHIFTS, ALIKE, ANY = _directions()
