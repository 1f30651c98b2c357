"""What a meta-test compares: every method answers an episode, step by step where it takes steps."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from copy import deepcopy

import torch
from torch import nn

from medmeta.adaptation.guard import blended, interpolation_logits
from medmeta.episodes import SEGMENT_CHANNELS, Episode
from medmeta.episodes.channels import DISTANCES, THERE
from medmeta.episodes.flips import support_versions
from medmeta.learners.base import AdaptedState, Learner
from medmeta.learners.inner_loop import Loss
from medmeta.learners.losses import segmentation_loss

_BEFORE, _AFTER = (SEGMENT_CHANNELS.index(f"shape on the annotated slice {side}") for side in ("before", "after"))
OUTSIDE = 1e-4
"""Taken off a signed distance: what lies on the border lies outside."""


def has_prior(episode: Episode) -> bool:
    """True where the query lies in the annotated volume."""
    return bool((episode.query.inputs[1][:, THERE] > 0).any())


class EpisodeMethod(ABC):
    """Answers episodes.

    Attributes:
        name: as the table has it.
        needs_prior: True where it cannot answer for another volume.
    """

    name: str
    needs_prior = False

    @abstractmethod
    def answers(self, episode: Episode) -> Iterator[tuple[int, Callable[[], torch.Tensor]]]:
        """(steps taken, what gives the query logits (Q, 1, H, W) at that point); the last is the method's answer."""


class Interpolation(EpisodeMethod):
    """Shape interpolation by signed distance."""

    name = "interpolation"
    needs_prior = True

    def answers(self, episode: Episode) -> Iterator[tuple[int, Callable[[], torch.Tensor]]]:
        """See `EpisodeMethod.answers`."""
        yield 0, lambda: interpolation_logits(episode.query.inputs[1]) - OUTSIDE


class NearestSlice(EpisodeMethod):
    """The shape on the nearest annotated slice."""

    name = "nearest slice"
    needs_prior = True

    def answers(self, episode: Episode) -> Iterator[tuple[int, Callable[[], torch.Tensor]]]:
        """See `EpisodeMethod.answers`."""
        segment = episode.query.inputs[1]
        far = torch.where(segment[:, THERE] > 0, segment[:, DISTANCES], torch.inf)[:, :, :1, :1]
        after = (far[:, 1:] < far[:, :1]).expand_as(segment[:, :1])
        shape = torch.where(after, segment[:, _AFTER, None], segment[:, _BEFORE, None])
        yield 0, lambda: shape - OUTSIDE


class Learned(EpisodeMethod):
    """A meta-learner.

    Args:
        name: as the table has it.
        learner: in evaluation mode.
        steps: inner steps; None for as many as it was meta-trained with.
        reach: see `blended`; 0 for the network alone.
    """

    def __init__(self, name: str, learner: Learner, steps: int | None = None, reach: float = 0.0) -> None:
        self.name = name
        self.learner = learner
        self.steps = steps
        self.reach = reach

    def answers(self, episode: Episode) -> Iterator[tuple[int, Callable[[], torch.Tensor]]]:
        """See `EpisodeMethod.answers`."""
        states: list[AdaptedState] = []
        self.learner.adapt(
            support_versions(episode.support), steps=self.steps, on_step=lambda _, state: states.append(state)
        )

        def logits(state: AdaptedState) -> torch.Tensor:
            return blended(self.learner.predict(state, episode.query.inputs), episode.query.inputs[1], self.reach)

        for step, state in enumerate(states):
            yield step, lambda state=state: logits(state)


class FineTuned(EpisodeMethod):
    """A network trained on the support set alone, by AdamW: jointly pre-trained, or from scratch.

    Args:
        name: as the table has it.
        network: called as network(image, segment channels); stays as it is.
        steps: of AdamW.
        rate: its learning rate.
        rate_without_prior: the same for a query in another volume, where more must be learned; None for the same rate.
        loss: as in meta-training.
        report: steps between two answers.
    """

    def __init__(
        self,
        name: str,
        network: nn.Module,
        steps: int,
        rate: float,
        rate_without_prior: float | None = None,
        loss: Loss = segmentation_loss,
        report: int = 5,
    ) -> None:
        self.name = name
        self.network = network
        self.steps = steps
        self.rate = rate
        self.rate_without_prior = rate if rate_without_prior is None else rate_without_prior
        self.loss = loss
        self.report = report

    def answers(self, episode: Episode) -> Iterator[tuple[int, Callable[[], torch.Tensor]]]:
        """See `EpisodeMethod.answers`."""
        network = deepcopy(self.network).train()
        rate = self.rate if has_prior(episode) else self.rate_without_prior
        optimizer = torch.optim.AdamW(network.parameters(), lr=rate)

        def logits() -> torch.Tensor:
            with torch.no_grad():
                return network(*episode.query.inputs)

        yield 0, logits
        for step in range(1, self.steps + 1):
            with torch.enable_grad():
                optimizer.zero_grad(set_to_none=True)
                self.loss(network(*episode.support.inputs), episode.support.targets).backward()
                optimizer.step()
            if step % self.report == 0 or step == self.steps:
                yield step, logits
