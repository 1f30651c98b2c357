"""What drawn shapes tell of a structure's border: its grey steps, how clear it is, and how thick the structure is."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from medmeta.priors import signed_distance

BESIDE = 5
"""Pixels on both sides of what is drawn in which its border's grey steps are looked at."""

LEAST_STEP = 1e-3
"""Of normalised grey values: flat images have none."""


def near_border(shapes: torch.Tensor) -> torch.Tensor:
    """(K, H, W) boolean, within `BESIDE` pixels of the border of (K, H, W) boolean shapes."""
    shapes = shapes[:, None].float()
    reach = 2 * BESIDE + 1
    return (F.max_pool2d(shapes, reach, 1, BESIDE) + F.max_pool2d(-shapes, reach, 1, BESIDE) > 0)[:, 0]


def usual_step(image: torch.Tensor, where: torch.Tensor | None = None) -> torch.Tensor:
    """Mean grey step between neighbours in the plane, of (K, H, W), where (K, H, W) says, if anywhere."""
    rows, columns = torch.diff(image, dim=1).abs(), torch.diff(image, dim=2).abs()
    if where is not None and bool(where[:, 1:, 1:].any()):
        rows, columns = rows[where[:, 1:]], columns[where[:, :, 1:]]
    return torch.cat([rows.flatten(), columns.flatten()]).mean().clamp(min=LEAST_STEP)


def clearness(image: torch.Tensor, shapes: torch.Tensor) -> float:
    """Mean grey step across the border of shapes, as a multiple of that beside it: 1 where the image shows no border.

    Args:
        image: (K, H, W) grey values.
        shapes: (K, H, W) boolean.

    Returns:
        The ratio; 1 where shapes have no border, or all is flat.
    """
    near, across, beside = near_border(shapes), [], []
    for axis in (1, 2):
        count = shapes.shape[axis] - 1
        (here, there), (this, that) = ((of.narrow(axis, 1, count), of.narrow(axis, 0, count)) for of in (shapes, near))
        step, border = torch.diff(image, dim=axis).abs(), here != there
        across.append(step[border])
        beside.append(step[this & that & ~border])
    across, beside = torch.cat(across), torch.cat(beside)
    if not len(across) or not len(beside) or not bool(across.max() > 0):
        return 1.0
    return float(across.mean() / beside.mean().clamp(min=LEAST_STEP))


def radius(shapes: torch.Tensor) -> float:
    """Of the largest disc that fits into a shape, pixels, the median of (K, H, W) shapes; at least half a pixel."""
    return max(0.5, float(torch.tensor([signed_distance(s.cpu().numpy()).max() for s in shapes]).median()))
