"""One prototype for the structure, one for all else."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from medmeta.learners.base import AdaptedState
from medmeta.learners.readouts.base import ReadOut


def mean_embedding(embedding: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """(D,) mean of a (B, D, H, W) embedding where a (B, 1, H, W) mask is; zero where it is nowhere."""
    return (embedding * mask).sum((0, 2, 3)) / mask.sum().clamp_min(1)


class Prototype(ReadOut):
    """The difference of the cosines to the mean embedding inside and outside (Wang et al., PANet, ICCV 2019).

    The scale of the difference is learned.
    """

    name = "prototype"

    def __init__(self, scale: float = 10.0) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(scale))

    def fit(self, embedding: torch.Tensor, logits: torch.Tensor, targets: torch.Tensor) -> AdaptedState:
        """See `ReadOut.fit`."""
        inside, outside = mean_embedding(embedding, targets), mean_embedding(embedding, 1 - targets)
        return {"inside": F.normalize(inside, dim=0), "outside": F.normalize(outside, dim=0)}

    def forward(self, state: AdaptedState, embedding: torch.Tensor) -> torch.Tensor:
        """See `ReadOut.forward`."""
        difference = state["inside"] - state["outside"]
        return self.scale * torch.einsum("bdhw,d->bhw", F.normalize(embedding, dim=1), difference)[:, None]
