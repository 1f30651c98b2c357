"""Steps of AdamW on what all segments share and on a state for each segment, together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

# The function, for the class loads the compiler of torch, which takes as long as ten steps.
from torch.optim.adamw import adamw

from medmeta.learners.base import AdaptedState, Learner
from medmeta.learners.losses import segmentation_loss


@dataclass(frozen=True)
class TileBatch:
    """Tiles to learn from, all on one device.

    Attributes:
        image: (B, slices, H, W) image channels.
        segment: (B, 13, H, W) segment channels, which are the same for all segments: there is no prior.
        targets: (B, S, H, W) masks, 0 or 1.
        shares: (S, b) the tiles that each segment learns from.
    """

    image: torch.Tensor
    segment: torch.Tensor
    targets: torch.Tensor
    shares: torch.Tensor


class FineTuning:
    """Fine-tunes a learner.

    Args:
        learner: is changed.
        states: what to start from, one for each segment; stay as they are.

    Attributes:
        shared: what all segments share.
        states: one for each segment.
    """

    def __init__(self, learner: Learner, states: Sequence[AdaptedState]) -> None:
        self.learner = learner
        with torch.enable_grad():
            self.states = [{name: p.clone().requires_grad_() for name, p in state.items()} for state in states]
            self.shared = {name: p.requires_grad_() for name, p in learner.shared().items()}
        parameters = [*self.shared.values(), *(p for state in self.states for p in state.values())]
        self._rate = torch.zeros((), device=parameters[0].device)
        self._adamw = _AdamW(parameters, self._rate)

    def step(self, batch: TileBatch, rate: float, on_step: Callable[[], None]) -> torch.Tensor:
        """One step; returns its loss, a scalar on the device, and does not wait for it."""
        self._rate.fill_(rate)
        return self._step(batch, on_step)

    def _step(self, batch: TileBatch, on_step: Callable[[], None]) -> torch.Tensor:
        loss = self._backward(batch, on_step)
        self._adamw.step()
        return loss

    def _backward(self, batch: TileBatch, on_step: Callable[[], None]) -> torch.Tensor:
        """Back-propagates segment by segment, so that memory does not grow with their number; returns the loss."""
        with torch.enable_grad():
            (features,) = self.learner.encode((batch.image,))
            leaves = tuple(f.detach().requires_grad_() for f in features)
            total = torch.zeros((), device=batch.image.device)
            for index, (state, share) in enumerate(zip(self.states, batch.shares, strict=True)):
                on_step()
                logits = self.learner.predict(state, (tuple(leaf[share] for leaf in leaves), batch.segment[share]))
                loss = segmentation_loss(logits, batch.targets[share, index : index + 1]) / len(self.states)
                loss.backward()
                total += loss.detach()
            on_step()
            # A scalar with the same gradient: differentiating tensors loads a computer algebra first.
            sum((f * leaf.grad).sum() for f, leaf in zip(features, leaves, strict=True)).backward()
        return total


class _AdamW:
    """`torch.optim.AdamW` for one list of parameters.

    Args:
        parameters: float32, on one device.
        rate: scalar on the same device, the learning rate of the next step.
    """

    def __init__(self, parameters: Sequence[torch.Tensor], rate: torch.Tensor) -> None:
        self.parameters, self.rate = parameters, rate
        self.moments = [[torch.zeros_like(p) for p in parameters] for _ in range(2)]
        self.steps = [torch.zeros((), device=p.device) for p in parameters]

    @torch.no_grad()
    def step(self) -> None:
        """Moves the parameters along their gradients, and forgets these."""
        used = [i for i, p in enumerate(self.parameters) if p.grad is not None]
        parameters, first, second, steps = (
            [values[i] for i in used] for values in (self.parameters, *self.moments, self.steps)
        )
        adamw(
            parameters, [p.grad for p in parameters], first, second, [], steps, fused=True, amsgrad=False,
            beta1=0.9, beta2=0.999, lr=self.rate, weight_decay=1e-2, eps=1e-8, maximize=False,
        )  # fmt: skip
        for parameter in parameters:
            parameter.grad = None
