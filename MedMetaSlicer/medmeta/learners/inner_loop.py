"""The inner loop: gradient steps on functional parameters.

Source: Finn et al., "Model-agnostic meta-learning for fast adaptation of deep networks", ICML 2017, equation 1:
theta' = theta - alpha grad L(theta), repeated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import torch
from torch import nn
from torch.func import functional_call

from medmeta.episodes.episode import Examples

Parameters = dict[str, torch.Tensor]
Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def inner_steps(
    module: nn.Module,
    parameters: Mapping[str, torch.Tensor],
    support: Sequence[Examples],
    loss: Loss,
    step_sizes: Callable[[int], Mapping[str, torch.Tensor]],
    *,
    second_order: bool = False,
    largest_gradient: float | None = None,
    on_loss: Callable[[torch.Tensor], None] | None = None,
) -> Iterator[Parameters]:
    """Adapts parameters without end; yields them after every step.

    Args:
        module: any module; called as module(*inputs).
        parameters: the parameters that adapt, by name. The module's others stay as they are. Not modified.
        support: examples; step t uses number t, and so on from the first again.
        loss: loss(outputs, targets) -> scalar.
        step_sizes: inner step -> step size by parameter name.
        second_order: keep the graph of the gradient, so that an outer gradient runs through the update. Otherwise the
            gradient counts as a constant (first-order MAML): the outer gradient then still reaches the initial
            parameters and the step sizes.
        largest_gradient: a gradient of larger norm is scaled down to it, so that no step overshoots on a bad example.
        on_loss: called in every step with its loss, see `slope`.
    """
    fast: Parameters = dict(parameters)
    step = 0
    while True:
        examples = support[step % len(support)]
        with torch.enable_grad():
            at = fast if second_order else {name: p.detach().requires_grad_() for name, p in fast.items()}
            _, gradients = slope(module, at, examples, loss, create_graph=second_order, on_loss=on_loss)
        if largest_gradient is not None:
            norm = torch.stack([g.detach().norm() for g in gradients if g is not None]).norm()
            scale = (largest_gradient / norm.clamp_min(1e-12)).clamp(max=1.0)
            gradients = [g if g is None else g * scale for g in gradients]
        sizes = step_sizes(step)
        fast = {
            name: p if gradient is None else p - sizes[name] * gradient
            for (name, p), gradient in zip(fast.items(), gradients, strict=True)
        }
        step += 1
        yield fast


def slope(
    module: nn.Module,
    at: Mapping[str, torch.Tensor],
    examples: Examples,
    loss: Loss,
    create_graph: bool = False,
    on_loss: Callable[[torch.Tensor], None] | None = None,
) -> tuple[torch.Tensor, list[torch.Tensor | None]]:
    """Loss of a module at parameters, and its gradient by each of them; None where it does not depend on one.

    Args:
        module, loss, examples: see `inner_steps`.
        at: parameters that ask for a gradient, some of the module's.
        create_graph: keep the gradient's own graph.
        on_loss: called with the loss, a scalar tensor on its device, before the backward pass, which is the longer part
            of a step; may raise to stop.
    """
    *others, last = examples.inputs
    # By the last input as well: PyTorch's GroupNorm crashes on small images on the CPU where only the gradient by its
    # own parameters is asked for.
    last = last if last.requires_grad else last.detach().requires_grad_()
    value = loss(functional_call(module, dict(at), (*others, last)), examples.targets)
    if on_loss is not None:
        on_loss(value.detach())
    *gradients, _ = torch.autograd.grad(value, [*at.values(), last], create_graph=create_graph, allow_unused=True)
    return value, gradients
