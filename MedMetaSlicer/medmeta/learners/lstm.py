"""The LSTM meta-learner: an optimiser that is itself learned.

Source: Ravi and Larochelle, "Optimization as a model for few-shot learning", ICLR 2017. The parameters of the learner
are the cell state of an LSTM: theta_t = f_t * theta_(t-1) - i_t * grad L_t.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from medmeta.episodes.episode import Examples
from medmeta.learners.fast_weights import FastWeights, OnLoss
from medmeta.learners.inner_loop import Loss, Parameters, slope

FORGET_BIAS, INPUT_BIAS = (4.0, 6.0), (-5.0, -4.0)
"""Where the gates' biases are drawn from: at first nearly all is kept, and steps are as short as in plain descent."""


def preprocess(values: torch.Tensor, p: float = 10.0) -> torch.Tensor:
    """Magnitude and sign of numbers of any scale, each in about [-1, 1] (the paper's equation in section 3.2).

    Args:
        values: any shape.
        p: numbers below e^-p count as small.

    Returns:
        (..., 2): (log|x| / p, sign x) where |x| >= e^-p, else (-1, e^p x).
    """
    large = values.abs() >= math.exp(-p)
    magnitude = torch.where(large, values.abs().clamp_min(math.exp(-p)).log() / p, -1.0)
    return torch.stack([magnitude, torch.where(large, values.sign(), values * math.exp(p))], dim=-1)


Memory = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]
"""What the optimiser remembers of N coordinates: h and c of its LSTM, (N, hidden), and both gates f and i, (N, 1)."""


class UpdateRule(nn.Module):
    """One step of the optimiser for any number of coordinates, which share its weights and have memories of their own.

    An LSTM reads the pre-processed gradient and loss; from its output h, the coordinate's value and the gate's own last
    value (after the sigmoid) come the gates: i_t = sigmoid(W_I [h_t, theta_(t-1), i_(t-1)] + b_I), f_t likewise.

    Args:
        hidden: units of the LSTM.
    """

    def __init__(self, hidden: int = 20) -> None:
        super().__init__()
        self.hidden = hidden
        self.cell = nn.LSTMCell(4, hidden)
        self.forget_gate = nn.Linear(hidden + 2, 1)
        self.input_gate = nn.Linear(hidden + 2, 1)
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -0.01, 0.01)
        nn.init.uniform_(self.forget_gate.bias, *FORGET_BIAS)
        nn.init.uniform_(self.input_gate.bias, *INPUT_BIAS)

    def blank(self, theta: torch.Tensor) -> Memory:
        """The memory before the first step, for coordinates (N,)."""
        nothing, shut = theta.new_zeros(len(theta), self.hidden), theta.new_zeros(len(theta), 1)
        return nothing, nothing, shut, shut

    def forward(
        self, theta: torch.Tensor, gradient: torch.Tensor, loss: torch.Tensor, *memory: torch.Tensor
    ) -> tuple[torch.Tensor, ...]:
        """(N,) values, (N,) gradient, scalar loss and a `Memory` -> (N,) new values and the new memory's parts."""
        h, c, f, i = memory
        seen = torch.cat([preprocess(gradient), preprocess(loss).expand(len(theta), 2)], dim=-1)
        h, c = self.cell(seen, (h, c))
        f = torch.sigmoid(self.forget_gate(torch.cat([h, theta[:, None], f], dim=-1)))
        i = torch.sigmoid(self.input_gate(torch.cat([h, theta[:, None], i], dim=-1)))
        return f[:, 0] * theta - i[:, 0] * gradient, h, c, f, i


class LSTMLearner(FastWeights):
    """LSTM meta-learner: the start and the update rule are meta-learned together.

    Gradient and loss count as constants in the outer loop (the paper's first-order approximation).

    Args:
        module, loss, adapted, steps, others: see `FastWeights`.
        hidden: units of the LSTM.
        chunk: coordinates that go through the update rule at a time. In meta-training what is inside it is computed
            again in the backward pass, so that memory is bounded by the chunk and not by the module.
    """

    name = "lstm"

    def __init__(self, module: nn.Module, loss: Loss, *, hidden: int = 20, chunk: int = 1 << 16, **others: Any) -> None:
        super().__init__(module, loss, **others)
        self.chunk = chunk
        self.rule = UpdateRule(hidden)

    def moves(
        self, start: Parameters, support: Sequence[Examples], on_loss: OnLoss | None = None
    ) -> Iterator[Parameters]:
        """See `FastWeights.moves`: steps of the learned optimiser."""
        fast = dict(start)
        chunks = torch.cat([p.flatten() for p in fast.values()]).split(self.chunk)
        memories = [self.rule.blank(theta) for theta in chunks]
        step = 0
        while True:
            loss, gradient = self._slope(fast, support[step % len(support)], on_loss)
            moved = [
                self._move(theta, part, loss, *memory)
                for theta, part, memory in zip(chunks, gradient.split(self.chunk), memories, strict=True)
            ]
            chunks, memories = [theta for theta, *_ in moved], [tuple(memory) for _, *memory in moved]
            fast = self._shaped(torch.cat(chunks), start)
            step += 1
            yield fast

    def _slope(self, fast: Parameters, examples: Examples, on_loss: OnLoss | None) -> tuple[torch.Tensor, torch.Tensor]:
        """Loss and flat gradient at the parameters, both constants."""
        with torch.enable_grad():
            at = {name: p.detach().requires_grad_() for name, p in fast.items()}
            loss, gradients = slope(self.module, at, examples, self.loss, on_loss=on_loss)
        flat = [torch.zeros_like(p) if g is None else g for p, g in zip(at.values(), gradients, strict=True)]
        return loss.detach(), torch.cat([g.detach().flatten() for g in flat])

    def _move(self, *arguments: torch.Tensor) -> tuple[torch.Tensor, ...]:
        if torch.is_grad_enabled():
            return checkpoint(self.rule, *arguments, use_reentrant=False)
        return self.rule(*arguments)

    @staticmethod
    def _shaped(flat: torch.Tensor, like: Parameters) -> Parameters:
        parts = flat.split([p.numel() for p in like.values()])
        return {name: part.view_as(p) for part, (name, p) in zip(parts, like.items(), strict=True)}

    def settings(self) -> dict[str, Any]:
        """See `Learner.settings`."""
        return {**super().settings(), "hidden": self.rule.hidden, "chunk": self.chunk}
