"""Random walks that carry the drawing and the network's answer through the volume, and stop where its grey values do.

A network that has seen a few slices is sure inside a structure and unsure at its border; there the volume's own edges
tell more. Every pixel's walk ends on a drawn pixel, which it copies, or with the network's answer for where it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from medmeta.episodes import SliceStack
from medmeta.priors import signed_distance

FAINT = 0.02
"""Probability of the network below which a pixel is far from the structure."""

SURE = 1e-4
"""Probabilities are kept so far from 0 and 1; also the conductance of the strongest edge."""

BORDER = 5
"""Pixels on both sides of what is drawn in which its border's grey steps are looked at."""


@dataclass(frozen=True)
class RandomWalk:
    """A random walker with the network's probabilities as prior, and drawn slices as seeds.

    It minimises sum_ij w_ij (x_i - x_j)^2 + sum_i g_i (x_i - p_i)^2 with x as drawn on annotated slices: a symmetric
    positive definite system, solved by conjugate gradients. p is the network's probability;
    w = exp(-edge (grey step / usual grey step at the drawn border)^2 - disagreement (p_i - p_j)^2) / distance, and
    g = pull / 4 / (p (1 - p) + variance): where the network is sure, a walk is likelier to end with its answer.

    Sources: Grady, "Random walks for image segmentation", IEEE TPAMI 28(11), 2006; Grady, "Multilabel random walker
    image segmentation using prior models", CVPR 2005.

    Attributes:
        edge, disagreement: see above.
        pull, variance: see above. A structure thinner than `thickness` is pulled more, by the square of the ratio, or
            walks would shrink it.
        thickness: pixels, radius of the largest disc that fits into the structure.
        share: weight of the walk's logits in the result; the network's own have the rest.
        margin: pixels round the network's answer that are walked through.
        iterations, tolerance: of conjugate gradients, the latter relative to the residual at first.
    """

    edge: float = 2.0
    disagreement: float = 20.0
    pull: float = 0.01
    variance: float = 0.1
    thickness: float = 8.0
    share: float = 0.7
    margin: int = 8
    iterations: int = 60
    tolerance: float = 1e-3

    def __call__(
        self,
        logits: torch.Tensor,
        image: torch.Tensor,
        pitch: float,
        positions: Sequence[int] = (),
        masks: torch.Tensor | None = None,
        on_step: Callable[[], None] = lambda: None,
    ) -> torch.Tensor:
        """Walks for one segment.

        Args:
            logits: (Z, H, W) of the network, calibrated.
            image: (Z, H, W) grey values.
            pitch: distance between slices, pixels.
            positions: the K annotated slices.
            masks: (K, H, W) boolean, what is drawn on them; needed where there are any.
            on_step: called at every iteration; may raise to stop.

        Returns:
            (Z, H, W) logits; annotated slices keep the network's.
        """
        box = self._box(logits, positions, masks, pitch)
        if box is None:
            return logits
        first, last = box[0].start, box[0].stop
        inside = [i for i, position in enumerate(positions) if first <= position < last]
        own, grey = logits[box].float(), image[box].to(logits.device).float()
        seeds = [positions[i] - first for i in inside]
        probability = torch.sigmoid(own)
        start, free = probability.clone(), own.new_ones(len(own), 1, 1)
        if seeds:
            start[seeds] = masks[inside][:, box[1], box[2]].to(own)
            free[seeds] = 0
        step, pull = self._fit(image, positions, masks)
        conductances = self._conductances(grey / step, probability, pitch)
        pulls = pull / 4 / (probability * (1 - probability) + self.variance)
        walked = self._solve(conductances, pulls, probability, start, free, on_step)
        mixed = self.share * torch.logit(walked.clamp(SURE, 1 - SURE)) + (1 - self.share) * own
        result = logits.clone()
        result[box] = torch.where(free > 0, mixed, own).to(logits.dtype)
        return result

    def _box(
        self, logits: torch.Tensor, positions: Sequence[int], masks: torch.Tensor | None, pitch: float
    ) -> tuple[slice, ...] | None:
        """Round what the network and the drawing say; None where both say nothing."""
        there = logits > math.log(FAINT / (1 - FAINT))
        if len(positions):
            there[list(positions)] |= masks.to(there.device)
        if not bool(there.any()):
            return None
        margins = (math.ceil(self.margin / max(pitch, 1.0 / self.margin)), self.margin, self.margin)
        box = []
        for axis, margin in enumerate(margins):
            others = tuple(a for a in range(3) if a != axis)
            at = there.amax(others).nonzero()[:, 0]
            box.append(slice(max(0, int(at[0]) - margin), min(there.shape[axis], int(at[-1]) + 1 + margin)))
        return tuple(box)

    def _fit(
        self, image: torch.Tensor, positions: Sequence[int], masks: torch.Tensor | None
    ) -> tuple[torch.Tensor, float]:
        """Usual grey step at the drawn border, and the pull for a structure of that thickness."""
        drawn = [] if masks is None else [i for i in range(len(positions)) if bool(masks[i].any())]
        if not drawn:
            return _steps(image.float()).clamp(min=1e-3), self.pull
        shapes = masks[drawn][:, None].to(image.device).float()
        reach = 2 * BORDER + 1
        near = F.max_pool2d(shapes, reach, 1, BORDER) + F.max_pool2d(-shapes, reach, 1, BORDER) > 0
        step = _steps(image[[positions[i] for i in drawn]].float(), near[:, 0])
        radius = _radius(shapes[:, 0] > 0)
        return step.clamp(min=1e-3), self.pull * max(1.0, (self.thickness / radius) ** 2)

    def _conductances(self, grey: torch.Tensor, probability: torch.Tensor, pitch: float) -> list[torch.Tensor]:
        """Between neighbours along each axis."""
        found = []
        for axis, distance in enumerate((pitch, 1.0, 1.0)):
            steps, turns = torch.diff(grey, dim=axis), torch.diff(probability, dim=axis)
            weight = torch.exp(-self.edge * steps.square() - self.disagreement * turns.square())
            found.append((weight + SURE) / distance)
        return found

    def _solve(
        self,
        conductances: Sequence[torch.Tensor],
        pulls: torch.Tensor,
        prior: torch.Tensor,
        start: torch.Tensor,
        free: torch.Tensor,
        on_step: Callable[[], None],
    ) -> torch.Tensor:
        """Conjugate gradients with the diagonal as preconditioner, over the free pixels."""
        diagonal = pulls.clone()
        for axis, weight in enumerate(conductances):
            for end in (0, 1):
                diagonal.narrow(axis, end, weight.shape[axis]).add_(weight)
        solution = start.clone()
        residual = (pulls * prior - _apply(conductances, pulls, solution)) * free
        scaled = residual / diagonal
        direction, energy = scaled.clone(), (residual * scaled).sum()
        enough = energy * self.tolerance**2
        for _ in range(self.iterations):
            on_step()
            if bool(energy <= enough):
                break
            moved = _apply(conductances, pulls, direction) * free
            length = energy / (direction * moved).sum()
            solution += length * direction
            residual -= length * moved
            scaled = residual / diagonal
            before, energy = energy, (residual * scaled).sum()
            direction = scaled + energy / before * direction
        return solution


USUAL_WALK = RandomWalk()
"""Its parameters were chosen on real cases of even place."""


def walked(
    logits: torch.Tensor,
    stack: SliceStack,
    walk: RandomWalk | None,
    positions: Sequence[int] = (),
    masks: torch.Tensor | None = None,
    on_step: Callable[[], None] = lambda: None,
) -> torch.Tensor:
    """Walks for every segment.

    Args:
        logits: (S, Z, H, W), calibrated; walked over in place, so that memory does not double.
        stack: the volume.
        walk: None leaves the logits as they are.
        positions: the K annotated slices.
        masks: (S, K, H, W) boolean, what is drawn on them.
        on_step: called often; may raise to stop.
    """
    if walk is not None:
        for segment, own in enumerate(logits):
            drawn = None if masks is None else masks[segment]
            own.copy_(walk(own, stack.image, stack.pitch, positions, drawn, on_step))
    return logits


def _apply(conductances: Sequence[torch.Tensor], pulls: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """The system's matrix times values, (Z, H, W)."""
    result = pulls * values
    for axis, weight in enumerate(conductances):
        flow = weight * torch.diff(values, dim=axis)
        result.narrow(axis, 0, weight.shape[axis]).sub_(flow)
        result.narrow(axis, 1, weight.shape[axis]).add_(flow)
    return result


def _steps(image: torch.Tensor, where: torch.Tensor | None = None) -> torch.Tensor:
    """Mean grey step between neighbours in the plane, of (K, H, W), where (K, H, W) says."""
    rows, columns = torch.diff(image, dim=1).abs(), torch.diff(image, dim=2).abs()
    if where is None:
        return torch.cat([rows.flatten(), columns.flatten()]).mean()
    return torch.cat([rows[where[:, 1:]], columns[where[:, :, 1:]]]).mean()


def _radius(shapes: torch.Tensor) -> float:
    """Of the largest disc that fits into a shape, pixels, the median of (K, H, W) shapes; at least half a pixel."""
    return max(0.5, float(torch.tensor([signed_distance(s.cpu().numpy()).max() for s in shapes]).median()))
