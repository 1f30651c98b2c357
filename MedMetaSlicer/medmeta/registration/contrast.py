"""Grey values with the contrast spread over what there is of a body, for the affine transform.

In a scan whose background is dark, correlation of grey values is mostly that of outlines, which depend on the field of
view: shoulders are in one volume and not in another. Evened histograms (Pizer et al., "Adaptive histogram equalization
and its variations", Computer Vision, Graphics, and Image Processing 39(3), 1987; here one histogram for all) show what
lies inside as well.
"""

from __future__ import annotations

import torch

from medmeta.registration.raster import Raster

DARK = 0.05
"""Grey values, of 0 to 1, up to which a voxel is background."""

BINS = 64

LOOKED_AT = 200_000
"""Voxels that the histogram is made of, about."""


def evened(fixed: Raster, moving: Raster) -> tuple[Raster, Raster]:
    """Both with grey values mapped alike, so that those of the moving image's body are spread from 0 to 1.

    Args:
        fixed, moving: grey values from 0 to 1, see `reduced_greys`, on one device.
    """
    values = moving.voxels.flatten()
    values = values[:: max(1, len(values) // LOOKED_AT)]
    values = values[values > DARK]
    if len(values) < BINS:
        return fixed, moving
    levels = torch.quantile(values, torch.linspace(0, 1, BINS, device=values.device))
    levels = torch.cat([levels.new_zeros(1), levels])
    levels = levels + 1e-6 * torch.arange(len(levels), device=values.device)  # each above the one before

    def spread(image: Raster) -> Raster:
        above = torch.searchsorted(levels, image.voxels.contiguous()).clamp(1, BINS)
        share = (image.voxels - levels[above - 1]) / (levels[above] - levels[above - 1])
        return Raster((above - 1 + share.clamp(0, 1)) / BINS, image.lattice)

    return spread(fixed), spread(moving)
