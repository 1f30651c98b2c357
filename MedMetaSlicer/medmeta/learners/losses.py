"""The loss that segmentation learners minimise, in the inner and in the outer loop."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from monai.losses import DiceLoss

_dice = DiceLoss(sigmoid=True, smooth_nr=1e-2, smooth_dr=1e-2)


def segmentation_loss(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Binary cross-entropy plus soft Dice over all slices of an episode together.

    Args:
        logits: (..., B, 1, H, W); leading axes are tasks.
        targets: the same shape, 0 or 1.

    Returns:
        Scalar: the mean over tasks.
    """
    logits, targets = logits.float(), targets.float()
    # All slices of a task as one image: the Dice of a volume, which slices without the structure do not upset.
    volumes = (-1, 1, *logits.shape[-4:-3], *logits.shape[-2:])
    dice = _dice(logits.reshape(volumes), targets.reshape(volumes))
    return F.binary_cross_entropy_with_logits(logits, targets) + dice
