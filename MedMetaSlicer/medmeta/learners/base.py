"""What every meta-learner can do, whichever family it is of."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

from medmeta.episodes.episode import Episode, Examples

AdaptedState = dict[str, torch.Tensor]
"""What adaptation changed: tensors by name, enough to predict with the same learner."""


class Learner(nn.Module, ABC):
    """A meta-learner: adapts to a support set, predicts a query, is meta-trained on episodes.

    Args:
        backbone: runs once on the first input and is shared by all tasks; it does not adapt. None for none.

    Attributes:
        name: the family, as in checkpoints and on the command line.
        iterative: True where adaptation takes inner steps, so that there is a number of them to choose.
    """

    name: str
    iterative = True

    def __init__(self, backbone: nn.Module | None = None) -> None:
        super().__init__()
        self.backbone = backbone

    def encode(self, inputs: tuple[torch.Tensor, ...]) -> tuple:
        """The part of the work on inputs that adaptation does not change, so that it can be done once: the backbone.

        What it returns is taken by `adapt` and `predict` in place of the inputs.
        """
        first, *rest = inputs
        if self.backbone is None or not isinstance(first, torch.Tensor):
            return inputs
        return (self.backbone(first), *rest)

    def shared(self) -> AdaptedState:
        """The backbone's parameters, by their names in the learner: fine-tuning may change them for all tasks."""
        return {name: p for name, p in self.named_parameters() if name.startswith("backbone.")}

    @abstractmethod
    def adapt(
        self,
        support: Sequence[Examples],
        *,
        steps: int | None = None,
        on_step: Callable[[int, AdaptedState], None] | None = None,
        on_loss: Callable[[torch.Tensor], None] | None = None,
        on_pause: Callable[[], None] = lambda: None,
    ) -> AdaptedState:
        """Adapts to a support set.

        Args:
            support: the support set, once or in several augmented versions.
            steps: how far to go; None for as far as the learner was meta-trained.
            on_step: called with 0 and the state before the first step, then after each one. May raise to cancel.
            on_loss: called in each step, before the backward pass, with its loss, a scalar tensor on its device; never
                where the learner takes no steps. May raise to cancel.
            on_pause: called between parts of a large support set. May raise to cancel.
        """

    @abstractmethod
    def predict(self, state: AdaptedState, inputs: tuple[torch.Tensor, ...]) -> torch.Tensor:
        """Outputs for query inputs (logits, for segmentation)."""

    @abstractmethod
    def meta_loss(self, episode: Episode) -> tuple[torch.Tensor, torch.Tensor]:
        """The outer loop's loss on one episode, with a graph to the meta-parameters, and the query outputs without."""

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """JSON-able settings from which the learner's factory makes the same learner again."""
