"""Steps of AdamW on what all segments share and on a state for each segment, together."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import torch

# The function, for the class loads the compiler of torch, which takes as long as ten steps.
from torch.optim.adamw import adamw

from medmeta.learners.base import AdaptedState, Learner
from medmeta.learners.losses import segmentation_loss

WARM_UP = 3
"""Steps on a GPU before one is captured: the first ones choose algorithms and make room."""

_log = logging.getLogger(__name__)


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
        capture: on a GPU repeat a step as a captured graph; batches must all be of one shape.

    Attributes:
        shared: what all segments share.
        states: one for each segment.
    """

    def __init__(self, learner: Learner, states: Sequence[AdaptedState], capture: bool = True) -> None:
        self.learner = learner
        self.capture = capture
        self._taken = 0
        self._graph: _CapturedStep | None = None
        with torch.enable_grad():
            self.states = [{name: p.clone().requires_grad_() for name, p in state.items()} for state in states]
            self.shared = {name: p.requires_grad_() for name, p in learner.shared().items()}
        parameters = [*self.shared.values(), *(p for state in self.states for p in state.values())]
        self._rate = torch.zeros((), device=parameters[0].device)
        self._adamw = _AdamW(parameters, self._rate)

    def step(self, batch: TileBatch, rate: float, on_step: Callable[[], None]) -> torch.Tensor:
        """One step; returns its loss, a scalar on the device, and does not wait for it."""
        self._rate.fill_(rate)
        self._taken += 1
        if not (self.capture and batch.image.is_cuda):
            return self._step(batch, on_step)
        on_step()
        if self._taken <= WARM_UP:
            return self._beside(batch, on_step)
        if self._graph is None:
            try:
                self._graph = _CapturedStep(self._step, batch)
            except RuntimeError as error:  # nothing of it was computed
                _log.info("steps cannot be captured on this GPU (%s): they take longer", type(error).__name__)
                self.capture = False
                self._adamw.forget()
                return self._step(batch, on_step)
        return self._graph(batch)

    def _step(self, batch: TileBatch, on_step: Callable[[], None] = lambda: None) -> torch.Tensor:
        loss = self._backward(batch, on_step)
        self._adamw.step()
        return loss

    def _beside(self, batch: TileBatch, on_step: Callable[[], None]) -> torch.Tensor:
        """A step on a stream of its own, as capturing wants those before it."""
        current, own = torch.cuda.current_stream(batch.image.device), torch.cuda.Stream(batch.image.device)
        own.wait_stream(current)
        with torch.cuda.stream(own):
            loss = self._step(batch, on_step)
        current.wait_stream(own)
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
        self.forget()

    def forget(self) -> None:
        """Lets gradients go."""
        for parameter in self.parameters:
            parameter.grad = None


class _CapturedStep:
    """A step as a CUDA graph: its hundreds of small kernels start at once, where one by one they keep the CPU busy.

    Args:
        step: from a batch to its loss; changes parameters in place.
        batch: is as large as all that follow. Nothing is computed with it yet.

    Raises:
        RuntimeError: it cannot be captured.
    """

    def __init__(self, step: Callable[[TileBatch], torch.Tensor], batch: TileBatch) -> None:
        self.batch = TileBatch(*(value.clone() for value in _tensors(batch)))
        self.graph = torch.cuda.CUDAGraph()
        # Other threads may use the GPU meanwhile.
        with torch.cuda.graph(self.graph, capture_error_mode="thread_local"):
            self.loss = step(self.batch)

    def __call__(self, batch: TileBatch) -> torch.Tensor:
        """One step."""
        for own, value in zip(_tensors(self.batch), _tensors(batch), strict=True):
            own.copy_(value)
        self.graph.replay()
        return self.loss.clone()


def _tensors(batch: TileBatch) -> list[torch.Tensor]:
    return [getattr(batch, field.name) for field in fields(batch)]
