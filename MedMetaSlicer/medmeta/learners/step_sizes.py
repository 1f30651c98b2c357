"""Learned step sizes of the inner loop."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

GRANULARITIES = ("constant", "layer", "parameter")


class StepSizes(nn.Module):
    """One step size a layer and a step (MAML++), one a parameter (Meta-SGD), or one for all (MAML).

    Sources: Antoniou et al., "How to train your MAML", ICLR 2019, section 4; Li et al., "Meta-SGD", arXiv 1707.09835,
    eq. 2.

    Args:
        parameters: the adapted parameters by name.
        steps: inner steps with step sizes of their own; later steps use the last one's.
        initial: the step size to start from.
        granularity: "constant" (not learned), "layer" (a number a tensor) or "parameter" (a number an element; its sign
            is free, so that the direction is learned too).
    """

    def __init__(
        self, parameters: Mapping[str, torch.Tensor], steps: int, initial: float, granularity: str = "layer"
    ) -> None:
        super().__init__()
        if granularity not in GRANULARITIES:
            raise ValueError(f"granularity {granularity!r} is not one of {GRANULARITIES}")
        self.names = tuple(parameters)
        self.steps = steps
        shapes = {
            name: tuple(p.shape) if granularity == "parameter" else (1,) * p.ndim for name, p in parameters.items()
        }
        learned = granularity != "constant"
        self.values = nn.ParameterList(
            nn.Parameter(torch.full((steps, *shapes[name]), float(initial)), requires_grad=learned)
            for name in self.names
        )

    def forward(self, step: int) -> dict[str, torch.Tensor]:
        """Step sizes of inner step `step` (from 0) by parameter name, each broadcastable to its parameter."""
        at = min(step, self.steps - 1)
        return {name: value[at] for name, value in zip(self.names, self.values, strict=True)}
