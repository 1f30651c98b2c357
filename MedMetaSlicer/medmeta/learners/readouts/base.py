"""What every read-out does."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import nn

from medmeta.learners.base import AdaptedState


class ReadOut(nn.Module, ABC):
    """Labels pixels by their embeddings, without a gradient step.

    Attributes:
        name: as in checkpoints.
    """

    name: str

    @abstractmethod
    def fit(self, embedding: torch.Tensor, logits: torch.Tensor, targets: torch.Tensor) -> AdaptedState:
        """Takes in the support set.

        Args:
            embedding: (B, D, H, W).
            logits: (B, 1, H, W), what is known without the embedding (from a shape prior); zero for nothing.
            targets: (B, 1, H, W), 0 or 1.
        """

    @abstractmethod
    def forward(self, state: AdaptedState, embedding: torch.Tensor) -> torch.Tensor:
        """(B, 1, H, W) logits of query embeddings (B, D, H, W), to be added to what is known without them."""


def by_pixel(maps: torch.Tensor) -> torch.Tensor:
    """(B, D, H, W) -> (B * H * W, D)."""
    return maps.movedim(1, -1).flatten(0, 2)
