"""What every read-out does."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict

import torch
from torch import nn

from medmeta.learners.base import AdaptedState


class ReadOut(nn.Module, ABC):
    """Labels pixels by their embeddings, without a gradient step: one class against the rest.

    Attributes:
        name: as in checkpoints.
    """

    name: str

    def fit_each(self, embedding: torch.Tensor, logits: torch.Tensor, targets: torch.Tensor) -> AdaptedState:
        """Fits each of N classes against the others.

        Args:
            embedding: (B, D, H, W).
            logits: (B, N, H, W) or (B, 1, H, W) for all classes; see `fit`.
            targets: (B, N, H, W), 0 or 1.

        Returns:
            What `fit` returns of each class, "2.weight" for the third one's weight; of a single class as it is.
        """
        known, classes = logits.expand_as(targets).split(1, dim=1), targets.split(1, dim=1)
        states = [self.fit(embedding, *one) for one in zip(known, classes, strict=True)]
        if len(states) == 1:
            return states[0]
        return {f"{k}.{name}": value for k, state in enumerate(states) for name, value in state.items()}

    def read_each(self, state: AdaptedState, embedding: torch.Tensor) -> torch.Tensor:
        """(B, N, H, W) logits of N classes fitted by `fit_each`; see `forward`."""
        states: dict[int, AdaptedState] = defaultdict(dict)
        for key, value in state.items():
            k, _, name = key.rpartition(".")
            states[int(k or 0)][name] = value
        return torch.cat([self(states[k], embedding) for k in range(len(states))], dim=1)

    @abstractmethod
    def fit(self, embedding: torch.Tensor, logits: torch.Tensor, targets: torch.Tensor) -> AdaptedState:
        """Takes in the support set of one class.

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
