"""Shapes that organs are made of, as implicit fields: positive inside, zero on the surface.

Every function takes a grid of points and a `Draw` and returns one field per part (a nested shape has several parts, the
outer first). Coordinates are isotropic: x in [-1, 1], y and z in proportion to the volume's other sides, order (z, y,
x).
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from medmeta.synthesis.noise import smooth_noise
from medmeta.synthesis.random import Draw

Grid = torch.Tensor
"""(D, H, W, 3) points."""

Shape = Callable[[Grid, Draw], list[torch.Tensor]]


def grid_of(shape: tuple[int, int, int], step: int = 1) -> Grid:
    """(D', H', W', 3) grid points of a volume of `shape` voxels, every `step`-th voxel or so along each axis."""
    half = shape[2] / 2
    axes = [torch.linspace(-(n - 1) / 2, (n - 1) / 2, -(-n // step)) / half for n in shape]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1)


def _place(grid: Grid, draw: Draw, reach: float = 0.8) -> torch.Tensor:
    extent = grid[-1, -1, -1] * reach
    return draw.vector((-extent).tolist(), extent.tolist())


def _wobble(grid: Grid, draw: Draw, amplitude: float) -> torch.Tensor:
    scale = draw.uniform(6, 20) * grid.shape[2] / 64
    return amplitude * smooth_noise(grid.shape[:3], scale, draw.generator)[0]


def _superquadric(grid: Grid, centre: torch.Tensor, radii: torch.Tensor, turn: torch.Tensor, power: float):
    local = ((grid - centre) @ turn.T).abs() / radii
    return 1 - local.pow(power).sum(-1).clamp_min(1e-9).pow(1 / power)


def ellipsoid(grid: Grid, draw: Draw) -> list[torch.Tensor]:
    """A rounded organ: an ellipsoid or superquadric with a bumpy surface."""
    size = draw.log_uniform(0.07, 0.5)
    radii = size * torch.tensor([draw.log_uniform(0.5, 1.8) for _ in range(3)])
    field = _superquadric(grid, _place(grid, draw), radii, draw.rotation(180), draw.uniform(1.6, 3.5))
    return [field + _wobble(grid, draw, draw.uniform(0, 0.3))]


def nested(grid: Grid, draw: Draw) -> list[torch.Tensor]:
    """A hollow organ: wall and lumen, or cortex and core, up to three layers."""
    outer = ellipsoid(grid, draw)[0]
    parts = [outer]
    depth = 0.0
    for _ in range(draw.integer(1, 2)):
        depth += draw.uniform(0.12, 0.4)
        parts.append(outer - depth + _wobble(grid, draw, draw.uniform(0, 0.08)))
    return parts


def twins(grid: Grid, draw: Draw) -> list[torch.Tensor]:
    """A bilateral pair, mirrored in x: two parts of nearly the same shape."""
    centre = _place(grid, draw)
    centre[2] = draw.uniform(0.2, 0.65)
    radii = draw.log_uniform(0.07, 0.3) * torch.tensor([draw.log_uniform(0.5, 1.8) for _ in range(3)])
    turn, power = draw.rotation(60), draw.uniform(1.6, 3.0)
    bumps = _wobble(grid, draw, draw.uniform(0, 0.25))
    right = _superquadric(grid, centre, radii, turn, power) + bumps
    mirrored = grid * torch.tensor([1.0, 1.0, -1.0])
    left = _superquadric(mirrored, centre, radii * draw.uniform(0.9, 1.1), turn, power) + bumps.flip(2)
    return [right, left]


def _path(start: torch.Tensor, stop: torch.Tensor, bend: float, points: int, draw: Draw) -> torch.Tensor:
    """(points, 3) bent line between two points."""
    t = torch.linspace(0, 1, points)[:, None]
    sway = torch.zeros(points, 3)
    for harmonic in (1, 2, 3):
        sway += torch.sin(torch.pi * harmonic * t) * torch.randn(1, 3, generator=draw.generator) / harmonic
    return start + (stop - start) * t + bend * sway


def _swept(grid: Grid, points: torch.Tensor, radii: torch.Tensor) -> torch.Tensor:
    """Union of balls along a path, scaled so that the field is 1 at the middle line."""
    flat = grid.reshape(-1, 3)
    best = torch.full((len(flat),), -1e3)
    for centre, radius in zip(points, radii.tolist(), strict=True):
        torch.maximum(best, 1 - (flat - centre).norm(dim=1) / radius, out=best)
    return best.reshape(grid.shape[:3])


def tube(grid: Grid, draw: Draw) -> list[torch.Tensor]:
    """A vessel, cord or gut loop that runs through most of the volume; sometimes with a wall."""
    extent = grid[-1, -1, -1]
    start, stop = _place(grid, draw), _place(grid, draw)
    if draw.chance(0.6):
        start[0], stop[0] = -draw.uniform(0.5, 1.2) * extent[0], draw.uniform(0.5, 1.2) * extent[0]
        stop[1:] = start[1:] + 0.4 * torch.randn(2, generator=draw.generator)
    points = _path(start, stop, draw.uniform(0, 0.25), 28, draw)
    width = draw.log_uniform(0.035, 0.16)
    radii = width * (1 + 0.35 * smooth_noise((1, 1, 28), (1, 1, 8), draw.generator)[0, 0, 0]).clamp(0.4, 2)
    field = _swept(grid, points, radii)
    return [field, field - draw.uniform(0.2, 0.5)] if draw.chance(0.25) else [field]


def tree(grid: Grid, draw: Draw) -> list[torch.Tensor]:
    """A branching vessel: branches split off and end along the slice axis."""
    start, stop = _place(grid, draw), _place(grid, draw)
    width = draw.log_uniform(0.04, 0.12)
    trunk = _path(start, stop, draw.uniform(0.05, 0.2), 16, draw)
    field = _swept(grid, trunk, width * torch.linspace(1, 0.7, 16))
    for _ in range(draw.integer(2, 5)):
        root = trunk[draw.integer(2, 15)]
        tip = root + 0.45 * torch.randn(3, generator=draw.generator)
        branch = _path(root, tip, 0.08, 10, draw)
        field = torch.maximum(field, _swept(grid, branch, width * torch.linspace(0.75, 0.4, 10)))
    return [field]


def sheet(grid: Grid, draw: Draw) -> list[torch.Tensor]:
    """A muscle or a plate: long, wide and thin, often bent."""
    radii = torch.tensor([draw.uniform(0.3, 1.2), draw.uniform(0.15, 0.5), draw.uniform(0.04, 0.12)])
    radii = radii[torch.randperm(3, generator=draw.generator)]
    bent = grid + 0.12 * torch.stack(
        [smooth_noise(grid.shape[:3], grid.shape[2] / 2.5, draw.generator)[0] for _ in range(3)], dim=-1
    )
    field = _superquadric(bent, _place(grid, draw, 0.7), radii, draw.rotation(45), draw.uniform(2, 4))
    return [field]


def column(grid: Grid, draw: Draw) -> list[torch.Tensor]:
    """Bodies that repeat along the slice axis (vertebrae, ribs): each a part of its own or all one part."""
    extent = float(grid[-1, -1, -1, 0])
    centre = _place(grid, draw, 0.6)
    period = draw.uniform(0.25, 0.7)
    radii = torch.tensor([period * draw.uniform(0.36, 0.5), draw.uniform(0.1, 0.3), draw.uniform(0.1, 0.3)])
    spike = radii * torch.tensor([0.5, draw.uniform(1.2, 2.2), 0.3])
    turn, power = draw.rotation(12), draw.uniform(2, 4)
    first = -extent + draw.uniform(0, period)
    parts = []
    for index in range(int(2 * extent / period) + 1):
        middle = centre.clone()
        middle[0] = first + index * period
        middle[1:] += 0.03 * torch.randn(2, generator=draw.generator)
        body = _superquadric(grid, middle, radii, turn, power)
        middle[1] += radii[1]
        parts.append(torch.maximum(body, _superquadric(grid, middle, spike, turn, 2.0)))
        if len(parts) == 4:
            break
    bumps = _wobble(grid, draw, draw.uniform(0, 0.15))
    parts = [part + bumps for part in parts]
    return parts if draw.chance(0.7) else [torch.stack(parts).amax(0)]


def lesion(grid: Grid, draw: Draw) -> list[torch.Tensor]:
    """A tumour or cyst: an irregular blob, sometimes with a core."""
    radii = draw.log_uniform(0.06, 0.3) * torch.tensor([draw.log_uniform(0.7, 1.4) for _ in range(3)])
    field = _superquadric(grid, _place(grid, draw, 0.7), radii, draw.rotation(180), 2.0)
    field = field + _wobble(grid, draw, draw.uniform(0.2, 0.6)) + _wobble(grid, draw, draw.uniform(0, 0.2))
    return [field, field - draw.uniform(0.3, 0.6)] if draw.chance(0.3) else [field]


def arch(grid: Grid, draw: Draw) -> list[torch.Tensor]:
    """A tube that turns back along the slice axis: one cross section at its bend, two beyond it, as an aortic arch."""
    extent = grid[-1, -1, -1]
    bend = _place(grid, draw, 0.6)
    sense = -1.0 if bend[0] > 0 else 1.0
    depth = draw.uniform(0.5, 1.4) * float(extent[0])
    aside = torch.tensor([0.0, *(draw.uniform(0.12, 0.45) * torch.randn(2, generator=draw.generator)).tolist()])
    t = torch.linspace(-1, 1, 30)[:, None]
    points = bend + t * aside + t.abs().pow(draw.uniform(1.5, 3)) * torch.tensor([sense * depth, 0.0, 0.0])
    width = draw.log_uniform(0.04, 0.16)
    return [_swept(grid, points, width * torch.linspace(1, draw.uniform(0.5, 1), 30))]


def ribbon(grid: Grid, draw: Draw) -> list[torch.Tensor]:
    """A folded sheet of even thickness within a blob, as a gyrus or the wall of the gut."""
    blob = _superquadric(
        grid, _place(grid, draw, 0.6), draw.uniform(0.2, 0.5) * torch.ones(3), draw.rotation(180), draw.uniform(2, 3)
    )
    fold = smooth_noise(grid.shape[:3], draw.uniform(5, 14) * grid.shape[2] / 64, draw.generator)[0]
    return [torch.minimum(blob, draw.uniform(0.15, 0.4) - fold.abs())]


SHAPES: dict[str, tuple[Shape, float]] = {
    "ellipsoid": (ellipsoid, 4.0),
    "nested": (nested, 1.5),
    "twins": (twins, 1.5),
    "tube": (tube, 1.5),
    "tree": (tree, 0.8),
    "sheet": (sheet, 1.2),
    "column": (column, 0.8),
    "lesion": (lesion, 1.2),
}
"""Name -> (function, how often it is drawn)."""

MORE_SHAPES: dict[str, dict[str, tuple[Shape, float]]] = {
    "arches": {"arch": (arch, 1.2)},
    "ribbons": {"ribbon": (ribbon, 0.8)},
}
"""Ingredient -> the shapes that it adds."""
