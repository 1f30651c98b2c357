"""What learners share whose adapted state is a module's parameters: they differ in how those move from step to step."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatch
from itertools import islice
from typing import Any

import torch
from torch import nn
from torch.func import functional_call

from medmeta.episodes.episode import Episode, Examples
from medmeta.learners.base import AdaptedState, Learner
from medmeta.learners.inner_loop import Loss, Parameters

OnLoss = Callable[[torch.Tensor], None]
"""Told of a loss, a scalar tensor on its device."""

WarmStart = Callable[[nn.Module, Parameters, Examples], Parameters]
"""(module, initial parameters, support set) -> parameters that the inner loop starts from."""


class _Prepared(Sequence[Examples]):
    """Versions of a support set, each prepared when a step first takes it: not all at once, so that one may cancel."""

    def __init__(self, versions: Sequence[Examples], prepare: Callable[[Examples], Examples]) -> None:
        self._versions, self._prepare = versions, prepare
        self._done: dict[int, Examples] = {}

    def __len__(self) -> int:
        return len(self._versions)

    def __getitem__(self, index: int) -> Examples:
        if index not in self._done:
            self._done[index] = self._prepare(self._versions[index])
        return self._done[index]


class FastWeights(Learner):
    """A learner that moves parameters of a module, step by step, from a meta-learned start.

    Args:
        module: any module; what adapts are its parameters.
        loss: loss(outputs, targets) -> scalar, in both loops.
        adapted: patterns (`fnmatch`) of the names of the parameters that adapt: ("*",) all, ("head.*",) the head alone,
            and so on.
        steps: inner steps in meta-training.
        step_weights: weight of the query loss after each of 0 .. steps inner steps (multi-step loss); None for the last
            step alone.
        backbone: see `Learner`.
        warm_start: where the inner loop starts, if not from the initialisation itself.
        versions: support set -> the versions of it that the inner loop takes in turn in meta-training, as `adapt` is
            given them; None for the one as it is.

    Raises:
        ValueError: no parameter's name matches `adapted`, or `step_weights` is not steps + 1 long.
    """

    def __init__(
        self,
        module: nn.Module,
        loss: Loss,
        *,
        adapted: Sequence[str] = ("*",),
        steps: int = 5,
        step_weights: Sequence[float] | None = None,
        backbone: nn.Module | None = None,
        warm_start: nn.Module | None = None,
        versions: Callable[[Examples], list[Examples]] | None = None,
    ) -> None:
        super().__init__(backbone)
        self.module = module
        self.loss = loss
        self.adapted = tuple(adapted)
        self.steps = steps
        self.step_weights = tuple(step_weights) if step_weights is not None else (0.0,) * steps + (1.0,)
        if len(self.step_weights) != steps + 1:
            raise ValueError(f"step_weights has {len(self.step_weights)} numbers, not steps + 1 = {steps + 1}")
        self.warm_start = warm_start
        self.versions = versions or (lambda examples: [examples])
        if not self.initial():
            raise ValueError(f"no parameter of {type(module).__name__} matches {self.adapted}")

    @abstractmethod
    def moves(
        self, start: Parameters, support: Sequence[Examples], on_loss: OnLoss | None = None
    ) -> Iterator[Parameters]:
        """Adapted parameters after 1, 2, ... inner steps, without end.

        Args:
            start: the adapting parameters before the first step.
            support: prepared examples; step t uses number t, and so on from the first again.
            on_loss: called in each step with its loss, see `slope`.
        """

    def initial(self) -> Parameters:
        """The parameters that adapt, as meta-learned."""
        return {
            name: p
            for name, p in self.module.named_parameters()
            if any(fnmatch(name, pattern) for pattern in self.adapted)
        }

    def prepare(self, examples: Examples) -> Examples:
        """Examples with encoded inputs."""
        return Examples(self.encode(examples.inputs), examples.targets)

    def trajectory(self, support: Sequence[Examples], on_loss: OnLoss | None = None) -> Iterator[Parameters]:
        """Adapted parameters after 0, 1, 2, ... inner steps, without end. `support` must be prepared."""
        start = self.initial()
        if self.warm_start is not None:
            start = self.warm_start(self.module, start, support[0])
        yield start
        yield from self.moves(start, support, on_loss)

    def adapt(
        self,
        support: Sequence[Examples],
        *,
        steps: int | None = None,
        on_step: Callable[[int, AdaptedState], None] | None = None,
        on_loss: Callable[[torch.Tensor], None] | None = None,
        on_pause: Callable[[], None] = lambda: None,
    ) -> AdaptedState:
        """See `Learner.adapt`; can go on beyond the meta-trained number of steps."""
        steps = self.steps if steps is None else steps
        state: AdaptedState = {}
        with torch.no_grad():

            def prepare(examples: Examples) -> Examples:
                on_pause()
                return self.prepare(examples)

            prepared = _Prepared(support, prepare)
            for step, fast in enumerate(islice(self.trajectory(prepared, on_loss), steps + 1)):
                state = {name: p.detach() for name, p in fast.items()}
                if on_step is not None:
                    on_step(step, state)
        return state

    def predict(self, state: AdaptedState, inputs: tuple[torch.Tensor, ...]) -> torch.Tensor:
        """See `Learner.predict`."""
        return functional_call(self.module, state, self.encode(inputs))

    def meta_loss(self, episode: Episode) -> tuple[torch.Tensor, torch.Tensor]:
        """See `Learner.meta_loss`: the query loss after the inner loop, or its weighted sum over the steps."""
        # Step t takes version t, so that no more are needed than there are steps.
        support = [self.prepare(version) for version in self.versions(episode.support)[: max(1, self.steps)]]
        query = self.prepare(episode.query)
        total, outputs = torch.zeros((), device=query.targets.device), query.targets
        for weight, fast in zip(self.step_weights, self.trajectory(support), strict=False):
            if weight > 0:
                outputs = functional_call(self.module, fast, query.inputs)
                total = total + weight * self.loss(outputs, query.targets)
        return total, outputs.detach()

    def settings(self) -> dict[str, Any]:
        """See `Learner.settings`."""
        return {"adapted": list(self.adapted), "steps": self.steps, "step_weights": list(self.step_weights)}
