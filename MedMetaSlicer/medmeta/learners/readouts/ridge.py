"""Closed-form ridge regression on the embedding."""

from __future__ import annotations

import torch

from medmeta.learners.base import AdaptedState
from medmeta.learners.readouts.base import ReadOut
from medmeta.learners.ridge import RidgeHead


class Ridge(ReadOut):
    """A linear classifier, solved in closed form (R2D2, Bertinetto et al., ICLR 2019); see `RidgeHead`."""

    name = "ridge"

    def __init__(self) -> None:
        super().__init__()
        self.head = RidgeHead()

    def fit(self, embedding: torch.Tensor, logits: torch.Tensor, targets: torch.Tensor) -> AdaptedState:
        """See `ReadOut.fit`."""
        solution = self.head(embedding[None], logits[None], targets[None])[0]
        return {"weight": solution[:-1], "bias": solution[-1:]}

    def forward(self, state: AdaptedState, embedding: torch.Tensor) -> torch.Tensor:
        """See `ReadOut.forward`."""
        return torch.einsum("bdhw,d->bhw", embedding, state["weight"])[:, None] + state["bias"]
