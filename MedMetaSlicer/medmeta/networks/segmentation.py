"""The 2.5D segmentation network: one image encoder for all segments, one branch that every segment goes through.

The image encoder sees neighbouring slices and knows nothing of segments; it runs once a slice. The segment branch sees
the encoder's features and one segment's channels (prior, nearest annotated slices, position;
`medmeta.episodes.channels`), so that any number of segments works with the same weights and each segment may adapt a
branch of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from monai.networks.nets.basic_unet import Down, TwoConv, UpCat
from torch import nn

ACTIVATION = ("leakyrelu", {"negative_slope": 0.1, "inplace": True})
NORM = ("group", {"num_groups": 8, "affine": True})


def _two_conv(inputs: int, outputs: int) -> TwoConv:
    return TwoConv(2, inputs, outputs, act=ACTIVATION, norm=NORM, bias=False)


def _channels_last(x: torch.Tensor) -> torch.Tensor:
    """The same, laid out as convolutions on the CPU are a third faster; they hand the layout on."""
    return x.contiguous(memory_format=torch.channels_last) if x.device.type == "cpu" and x.ndim == 4 else x


def _enlarged(_module: nn.Module | None, _inputs: tuple, output: torch.Tensor) -> torch.Tensor:
    """The same; its gradient, part of a concatenation's, is laid out as enlarging is differentiated 8 times faster."""
    if output.requires_grad:
        output.register_hook(_channels_last)
    return output


class ImageEncoder(nn.Module):
    """Features of a slice on each scale.

    Args:
        slices: neighbouring slices in the input.
        channels: feature channels from the finest scale to the coarsest, multiples of 8.
    """

    def __init__(self, slices: int, channels: Sequence[int]) -> None:
        super().__init__()
        self.stem = _two_conv(slices, channels[0])
        self.downs = nn.ModuleList(
            Down(2, fine, coarse, act=ACTIVATION, norm=NORM, bias=False) for fine, coarse in pairwise(channels)
        )

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """(B, slices, H, W) -> one (B, channels[i], H / 2^i, W / 2^i) a scale."""
        features = [self.stem(_channels_last(image))]
        for down in self.downs:
            features.append(down(features[-1]))
        return tuple(features)


class SegmentBranch(nn.Module):
    """U-Net over one segment's channels that takes in the image encoder's features on every scale, and a linear head.

    Args:
        inputs: segment channels; the first is the interpolated shape, 0 where there is none.
        encoder: channels of the image encoder's features.
        channels: this branch's channels from the finest scale to the coarsest, multiples of 8.
    """

    def __init__(self, inputs: int, encoder: Sequence[int], channels: Sequence[int]) -> None:
        super().__init__()
        widths = [inputs, *channels[:-1]]
        self.contract = nn.ModuleList(
            _two_conv(width + seen, own) for width, seen, own in zip(widths, encoder, channels, strict=True)
        )
        self.expand = nn.ModuleList(
            UpCat(
                2, channels[i + 1], channels[i], channels[i], act=ACTIVATION, norm=NORM, bias=False, dropout=0.0,
                upsample="nontrainable", halves=False, is_pad=False,
            )
            for i in reversed(range(len(channels) - 1))
        )  # fmt: skip
        for block in self.expand:
            block.upsample.register_forward_hook(_enlarged)
        self.pool = nn.MaxPool2d(2)
        # The head also reads the image encoder's two finest scales: with no prior, what a structure looks like is all
        # there is to tell it by.
        width = channels[0] + encoder[0] + encoder[1]
        self.settle = nn.GroupNorm(width // 16, width)
        self.head = nn.Conv2d(width, 1, 1)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)
        self.prior_gain = nn.Parameter(torch.tensor(4.0))

    def embed(self, features: Sequence[torch.Tensor], segment: torch.Tensor) -> torch.Tensor:
        """The pixel embedding that the head reads: (B, channels[0] + encoder[0] + encoder[1], H, W)."""
        path = []
        x = _channels_last(segment)
        for level, (block, seen) in enumerate(zip(self.contract, features, strict=True)):
            x = block(torch.cat([x if level == 0 else self.pool(x), seen], dim=1))
            path.append(x)
        x = path.pop()
        for block in self.expand:
            x = block(x, path.pop())
        coarse = _enlarged(None, (), F.interpolate(features[1], scale_factor=2, mode="bilinear"))
        return self.settle(torch.cat([x, features[0], coarse], dim=1))

    def read(self, embedding: torch.Tensor, segment: torch.Tensor) -> torch.Tensor:
        """Logits from an embedding: the linear head on top of the interpolated shape. (B, 1, H, W)."""
        return self.head(embedding) + self.prior_gain * segment[:, :1]

    def forward(self, features: Sequence[torch.Tensor], segment: torch.Tensor) -> torch.Tensor:
        """Logits (B, 1, H, W) of one segment from features of `ImageEncoder` and segment channels (B, inputs, H, W)."""
        return self.read(self.embed(features, segment), segment)


class SegmentationNet(nn.Module):
    """Image encoder and segment branch together.

    Args:
        slices: neighbouring slices the image encoder sees.
        segment_inputs: channels of a segment.
        encoder_channels: see `ImageEncoder`.
        branch_channels: see `SegmentBranch`; as many scales as the encoder.
    """

    def __init__(
        self,
        slices: int = 5,
        segment_inputs: int = 13,
        encoder_channels: Sequence[int] = (16, 32, 64, 96),
        branch_channels: Sequence[int] = (16, 32, 64, 96),
    ) -> None:
        super().__init__()
        self.settings = {
            "slices": slices,
            "segment_inputs": segment_inputs,
            "encoder_channels": list(encoder_channels),
            "branch_channels": list(branch_channels),
        }
        self.encoder = ImageEncoder(slices, encoder_channels)
        self.branch = SegmentBranch(segment_inputs, encoder_channels, branch_channels)
        self.multiple = 2 ** (len(encoder_channels) - 1)

    def forward(self, image: torch.Tensor, segment: torch.Tensor) -> torch.Tensor:
        """Logits (B, 1, H, W) from (B, slices, H, W) and (B, segment_inputs, H, W); H and W multiples of `multiple`."""
        return self.branch(self.encoder(image), segment)
