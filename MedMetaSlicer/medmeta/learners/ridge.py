"""Closed-form linear head: where the inner loop starts.

Source: Bertinetto et al., "Meta-learning with differentiable closed-form solvers", ICLR 2019 (R2D2). Unlike theirs the
solution is a correction of a meta-learned head, so that few or uninformative annotations leave that head as it is.
"""

from __future__ import annotations

import torch
from torch import nn

from medmeta.episodes.episode import Examples


class RidgeHead(nn.Module):
    """Correction of a linear head that best explains the support set.

    Minimises sum_i c_i (x_i . w - r_i)^2 + lambda |w|^2 over pixels i, with embedding x_i (a constant 1 appended), r_i
    what the present logit lacks to reach +-`goal` on its right side, and c_i such that both classes weigh the same.
    The strength lambda, the scale of the correction and an offset are learned; the offset undoes what weighing both
    classes alike does to a structure that covers few pixels.

    Args:
        goal: the logit that a pixel of the support set should reach.
    """

    def __init__(self, goal: float = 3.0) -> None:
        super().__init__()
        self.goal = goal
        self.log_strength = nn.Parameter(torch.tensor(-4.0))
        self.scale = nn.Parameter(torch.tensor(1.0))
        self.offset = nn.Parameter(torch.tensor(0.0))

    def forward(self, embedding: torch.Tensor, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Solves for the correction.

        Args:
            embedding: (T, B, D, H, W) of T tasks with B support slices each.
            logits: (T, B, 1, H, W), what the head says now.
            targets: (T, B, 1, H, W), 0 or 1.

        Returns:
            (T, D + 1) weights and bias to be added to the head's.
        """
        with torch.autocast(embedding.device.type, enabled=False):
            x = embedding.float().movedim(2, -1).flatten(1, 3)
            x = torch.cat([x, torch.ones_like(x[..., :1])], dim=-1)
            y = targets.float().flatten(1)
            now = logits.float().flatten(1)
            sign = 2 * y - 1
            lack = sign * (self.goal - sign * now).clamp_min(0)
            positive = y.mean(1, keepdim=True)
            # Half the weight to each class, as far as there is enough of it.
            weight = y / (2 * positive.clamp_min(1e-3)) + (1 - y) / (2 * (1 - positive).clamp_min(1e-3))
            weight = (weight / weight.shape[1])[..., None]
            gram = x.transpose(1, 2) @ (weight * x)
            right = x.transpose(1, 2) @ (weight * lack[..., None])
            identity = torch.eye(gram.shape[-1], device=gram.device)
            solution = self.scale * torch.linalg.solve(gram + self.log_strength.exp() * identity, right)[..., 0]
            return torch.cat([solution[:, :-1], solution[:, -1:] + self.offset], dim=1)


class RidgeWarmStart(nn.Module):
    """Starts a segment branch's inner loop from the closed-form head.

    Args:
        ridge: the closed-form head, shared with joint pre-training.
    """

    def __init__(self, ridge: RidgeHead | None = None) -> None:
        super().__init__()
        self.ridge = ridge or RidgeHead()

    def forward(
        self, module: nn.Module, initial: dict[str, torch.Tensor], support: Examples
    ) -> dict[str, torch.Tensor]:
        """Initial parameters with a corrected head. `module` has `embed`, `read` and `head`, as `SegmentBranch` has."""
        *features, segment = support.inputs
        embedding = module.embed(*features, segment)
        logits = module.read(embedding, segment)
        correction = self.ridge(embedding[None], logits[None], support.targets[None])[0]
        weight, bias = initial["head.weight"], initial["head.bias"]
        return {
            **initial,
            "head.weight": weight + correction[:-1].reshape(weight.shape).to(weight.dtype),
            "head.bias": bias + correction[-1:].to(bias.dtype),
        }
