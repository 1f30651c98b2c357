"""The network's input channels for chosen slices of a stack."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from medmeta.episodes.stack import SliceStack
from medmeta.priors import ShapePrior

SEGMENT_CHANNELS = (
    "interpolated shape",
    "shape on the annotated slice before",
    "shape on the annotated slice after",
    "image on the annotated slice before",
    "image on the annotated slice after",
    "image",
    "distance to the annotated slice before",
    "distance to the annotated slice after",
    "has an annotated slice before",
    "has an annotated slice after",
    "z",
    "y",
    "x",
)
"""What `segment_channels` returns, in order; shapes are signed distances over `REACH` pixels, cut at +-1."""

DISTANCES, THERE = (
    [SEGMENT_CHANNELS.index(f"{what} annotated slice {side}") for side in ("before", "after")]
    for what in ("distance to the", "has an")
)
"""Where the distances to the neighbouring annotated slices are, and whether there are any; the same in all pixels."""

FROM_PRIOR = [i for i, name in enumerate(SEGMENT_CHANNELS) if "annotated slice" in name or "shape" in name]
"""What comes from annotated slices."""

REACH = 8.0
"""Pixels; signed distances beyond it are all the same to the network."""

FAR_SLICES = 32.0
"""Pixels; the scale on which the distance to an annotated slice is squashed."""


def image_channels(stack: SliceStack, positions: Sequence[int], slices: int) -> torch.Tensor:
    """Neighbouring slices round each position, the volume's ends repeated: (B, slices, H, W)."""
    return stack.image[neighbours(positions, slices, stack.stride, len(stack.image)).to(stack.image.device)]


def neighbours(positions: Sequence[int], slices: int, stride: int, count: int) -> torch.Tensor:
    """(B, slices) numbers of the slices that `image_channels` shows of each position, of a volume with `count`."""
    offsets = torch.arange(-(slices // 2), slices // 2 + 1) * stride
    return (torch.as_tensor(list(positions))[:, None] + offsets).clamp(0, count - 1)


def _shape(distance: torch.Tensor) -> torch.Tensor:
    return (distance / REACH).clamp(-1, 1)


def segment_channels(
    stack: SliceStack,
    positions: Sequence[int],
    prior: ShapePrior | None = None,
    left_out: Sequence[Sequence[int]] | None = None,
) -> torch.Tensor:
    """One segment's channels, (B, 13, H, W), as `SEGMENT_CHANNELS` names them.

    Args:
        stack: the slices.
        positions: B slice numbers.
        prior: the segment's annotated slices in this stack; None leaves all that comes from them zero.
        left_out: for every position the annotated slices to be kept from it. An annotated slice must leave itself out
            where the network learns from it, or it would learn to copy it.
    """
    image = stack.image
    height, width = image.shape[1:]
    channels = image.new_zeros(len(positions), len(SEGMENT_CHANNELS), height, width)
    z, y, x = stack.coordinates
    rows = torch.as_tensor(list(positions), device=image.device)
    channels[:, 5] = image[rows]
    channels[:, 10] = z[rows, None, None]
    channels[:, 11] = y[:, None]
    channels[:, 12] = x[None, :]
    if prior is None:
        return channels
    for row, position in enumerate(positions):
        hidden = left_out[row] if left_out is not None else ()
        shape = prior.at(position, hidden)
        if shape is None:
            continue
        channels[row, 0] = _shape(shape)
        for side, neighbour in enumerate(prior.neighbours(position, hidden)):
            if neighbour is None:
                continue
            source = prior.positions[neighbour]
            channels[row, 1 + side] = _shape(prior.drawn(neighbour, hidden))
            channels[row, 3 + side] = image[source]
            channels[row, 6 + side] = min(1.0, abs(position - source) * stack.pitch / FAR_SLICES)
            channels[row, 8 + side] = 1.0
    return channels


def without_prior(segment: torch.Tensor) -> torch.Tensor:
    """A copy of segment channels, (B, 13, H, W), as they are without a prior."""
    told = segment.clone()
    told[:, FROM_PRIOR] = 0
    return told
