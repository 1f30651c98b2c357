"""Model-agnostic meta-learning: an initialisation from which a few gradient steps suffice.

Sources: Finn et al., ICML 2017 (MAML, first-order MAML); Raghu et al., ICLR 2020 (ANIL: only the head adapts); Oh et
al., ICLR 2021 (BOIL: only the body adapts); Antoniou et al., ICLR 2019 (MAML++: step sizes per layer and step,
multi-step loss); Li et al., 2017 (Meta-SGD); Nichol et al., 2018 (Reptile).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import torch
from torch import nn
from torch.func import functional_call

from medmeta.episodes.episode import Episode, Examples
from medmeta.learners.fast_weights import FastWeights, OnLoss
from medmeta.learners.inner_loop import Loss, Parameters, inner_steps
from medmeta.learners.step_sizes import StepSizes

OUTER = ("query", "reptile")


class MAML(FastWeights):
    """MAML and its kin in one: the parts combine freely.

    | kin | parts |
    | --- | --- |
    | MAML | second_order=True, granularity="constant" |
    | FOMAML | granularity="constant" |
    | ANIL | adapted=("head.*",) |
    | BOIL | adapted: patterns of everything but the head |
    | Meta-SGD | second_order=True, granularity="parameter" |
    | MAML++ | granularity="layer", step_weights for every step |
    | Reptile | outer="reptile", granularity="constant" |

    Args:
        module, loss, adapted, steps, others: see `FastWeights`.
        step_size: the step size to start from.
        granularity: see `StepSizes`.
        second_order: run the outer gradient through the inner updates.
        outer: "query", the outer loss is the query loss after adaptation; or "reptile", the initialisation moves
            towards the parameters that steps on support and query in turn end at (their step sizes are not learned).
        largest_gradient: see `inner_steps`.

    Raises:
        ValueError: as `FastWeights`, or an unknown `outer` or `granularity`.
    """

    name = "maml"

    def __init__(
        self,
        module: nn.Module,
        loss: Loss,
        *,
        step_size: float = 0.01,
        granularity: str = "layer",
        second_order: bool = False,
        outer: str = "query",
        largest_gradient: float | None = None,
        **others: Any,
    ) -> None:
        super().__init__(module, loss, **others)
        if outer not in OUTER:
            raise ValueError(f"outer {outer!r} is not one of {OUTER}")
        self.step_size = step_size
        self.granularity = granularity
        self.second_order = second_order
        self.outer = outer
        self.largest_gradient = largest_gradient
        self.step_sizes = StepSizes(self.initial(), self.steps, step_size, granularity)

    def moves(
        self, start: Parameters, support: Sequence[Examples], on_loss: OnLoss | None = None
    ) -> Iterator[Parameters]:
        """See `FastWeights.moves`: gradient steps; beyond the meta-trained ones with the last step sizes."""
        return inner_steps(
            self.module,
            start,
            support,
            self.loss,
            self.step_sizes,
            second_order=self.second_order and torch.is_grad_enabled(),
            largest_gradient=self.largest_gradient,
            on_loss=on_loss,
        )

    def meta_loss(self, episode: Episode) -> tuple[torch.Tensor, torch.Tensor]:
        """See `Learner.meta_loss`. Reptile's is half the squared distance to the adapted parameters (Nichol 2018, alg.
        2): its gradient is start minus end.
        """
        if self.outer == "query":
            return super().meta_loss(episode)
        support, query = self.prepare(episode.support), self.prepare(episode.query)
        with torch.no_grad():
            end = next(islice(self.trajectory([support, query]), self.steps, None))
            outputs = functional_call(self.module, end, query.inputs)
        distance = sum(((p - end[name]) ** 2).sum() for name, p in self.initial().items()) / 2
        return distance, outputs

    def settings(self) -> dict[str, Any]:
        """See `Learner.settings`."""
        return {
            **super().settings(),
            "step_size": self.step_size,
            "granularity": self.granularity,
            "second_order": self.second_order,
            "outer": self.outer,
            "largest_gradient": self.largest_gradient,
        }
