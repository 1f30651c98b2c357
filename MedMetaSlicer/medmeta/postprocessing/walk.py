"""Random walks that carry the drawing and the network's answer through the volume, and stop where its grey values do.

A network that has seen a few slices is sure inside a structure and unsure at its border; there the volume's own edges
tell more. Every pixel's walk ends on a drawn pixel, which it copies, or with the network's answer for where it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch

from medmeta.adaptation.results import Counter
from medmeta.episodes import SliceStack
from medmeta.postprocessing.border import clearness, near_border, radius, usual_step
from medmeta.progress import ProgressCallback

FAINT = 0.02
"""Probability of the network below which a pixel is far from the structure."""

SURE = 1e-4
"""Probabilities are kept so far from 0 and 1; also the conductance of the strongest edge."""

FAINTEST, STRONGEST = 0.01, 1.0
"""A border is taken to be no less clear than this, and a walk to be pulled no more, where few slices are drawn."""

LEAST_LEVEL = 0.25
"""A walk that ends in the structure so rarely is not said to end there for its distance alone."""

CHECKED = {"cpu": 1, "cuda": 4}
"""Iterations after which conjugate gradients look whether they are done: a GPU has to be waited for to tell."""

LOOKED_AT = 5
"""Slices of the network's answer that stand in for drawn ones."""

LARGEST = 8_000_000
"""Pixels that are walked through at once, margins not counted: memory does not grow with the number of slices."""


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
        pull, variance: see above. A structure thinner than `thickness` is pulled more, by a `power` of the ratio, or
            walks would shrink it.
        thickness: pixels, radius of the largest disc that fits into the structure.
        few, few_edge, few_pull, few_power: numbers of annotated slices, the least and the most, with which edges count
            otherwise and walks are pulled otherwise: between few slices drawings and edges know more than the network.
        clear: where few slices are drawn and the border is less clear than this (`clearness`), walks are pulled more,
            by `few_power` of the ratio: they would go through it.
        upheld: with a single annotated slice, walks from far away end in the structure ever more rarely, even where no
            edge keeps them from it. So much of that loss, in logits, is given back where the border is clear, and
            walks are not pulled more than usual.
        share: weight of the walk's logits in the result; the network's own have the rest.
        beyond, many: the same beyond the outermost annotated slices, where there are so many of them: then hardly a
            slice is left there, on which the walk, led by what the network thinks of the next, loses more than it wins.
        margin: pixels round the network's answer that are walked through.
        iterations, tolerance: of conjugate gradients, the latter relative to the residual at first.
    """

    edge: float = 2.0
    disagreement: float = 20.0
    pull: float = 0.01
    power: float = 2.0
    variance: float = 0.1
    thickness: float = 8.0
    few: tuple[int, int] = (1, 7)
    few_edge: float = 5.0
    few_pull: float = 3e-4
    few_power: float = 4.0
    clear: float = 1.0
    upheld: float = 0.6
    share: float = 0.7
    beyond: float = 0.35
    many: int = 10
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
        areas: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Walks for one segment.

        Args:
            logits: (Z, H, W) of the network, calibrated.
            image: (Z, H, W) grey values.
            pitch: distance between slices, pixels.
            positions: the K annotated slices.
            masks: (K, H, W) boolean, what is drawn on them; needed where there are any.
            on_step: called at every iteration; may raise to stop.
            areas: (Z,) pixels that the structure is expected to have on every slice, for what is `upheld`.

        Returns:
            (Z, H, W) logits; annotated slices keep the network's.
        """
        box = self._box(logits, positions, masks, pitch)
        if box is None:
            return logits
        step, pull, visible = self._fit(logits, image, positions, masks)
        edge = self.few_edge if self._is_few(positions) else self.edge
        upheld = len(positions) == 1 and areas is not None and self.upheld > 0 and visible and pull <= self.pull
        result = logits.clone()
        for core, slab in _slabs(box, self._margin(pitch)):
            first, last = slab[0].start, slab[0].stop
            own, grey = logits[slab].float(), image[slab].to(logits.device).float()
            inside = [i for i, position in enumerate(positions) if first <= position < last]
            seeds = [positions[i] - first for i in inside]
            probability = torch.sigmoid(own)
            start, free = probability.clone(), own.new_ones(len(own), 1, 1)
            if seeds:
                start[seeds] = masks[inside][:, slab[1], slab[2]].to(own)
                free[seeds] = 0
            conductances = self._conductances(grey / step, probability, pitch, edge)
            pulls = pull / 4 / (probability * (1 - probability) + self.variance)
            walked = self._solve(conductances, pulls, probability, start, free, on_step)
            share = self._shares(range(first, last), positions).to(own)
            walked = torch.logit(walked.clamp(SURE, 1 - SURE))
            if upheld and seeds:
                level = self._level(pulls, start, free, pitch, areas[first:last].to(own.device), on_step)
                walked = walked - self.upheld * torch.logit(level)
            mixed = torch.lerp(own, walked, share)
            mixed = torch.where(free > 0, mixed, own)[core.start - first : core.stop - first]
            result[(core, *slab[1:])] = mixed.to(logits.dtype)
        return result

    def _shares(self, slices: range, positions: Sequence[int]) -> torch.Tensor:
        """(Z, 1, 1) weight of the walk's logits on some slices."""
        numbers = torch.arange(slices.start, slices.stop)[:, None, None]
        if len(positions) < self.many:
            return torch.full(numbers.shape, self.share)
        outside = (numbers < min(positions)) | (numbers > max(positions))
        return torch.where(outside, self.beyond, self.share)

    def _is_few(self, positions: Sequence[int]) -> bool:
        """Whether so few slices are annotated that edges tell most."""
        return self.few[0] <= len(positions) <= self.few[1]

    def _level(
        self,
        pulls: torch.Tensor,
        start: torch.Tensor,
        free: torch.Tensor,
        pitch: float,
        areas: torch.Tensor,
        on_step: Callable[[], None],
    ) -> torch.Tensor:
        """(Z, 1, 1): how often walks through a volume without edges end in the structure, at the border of as many
        pixels as it is expected to have; one half at most."""
        nothing = torch.zeros_like(start)
        flat = self._conductances(nothing, nothing, pitch, 0.0)
        walked = self._solve(flat, pulls, nothing, torch.where(free > 0, nothing, start), free, on_step)
        ordered = walked.flatten(1).sort(dim=1, descending=True).values
        last = (areas - 1).clamp(0, ordered.shape[1] - 1)[:, None]
        level = ordered.gather(1, last)[:, 0].clamp(LEAST_LEVEL, 0.5)
        return torch.where(areas > 0, level, 0.5)[:, None, None]

    def _margin(self, pitch: float) -> int:
        """Slices that `margin` is."""
        return math.ceil(self.margin / max(pitch, 1.0 / self.margin))

    def _box(
        self, logits: torch.Tensor, positions: Sequence[int], masks: torch.Tensor | None, pitch: float
    ) -> tuple[slice, ...] | None:
        """Round what the network and the drawing say; None where both say nothing."""
        there = logits > math.log(FAINT / (1 - FAINT))
        if len(positions):
            there[list(positions)] |= masks.to(there.device)
        if not bool(there.any()):
            return None
        box = []
        for axis, margin in enumerate((self._margin(pitch), self.margin, self.margin)):
            others = tuple(a for a in range(3) if a != axis)
            at = there.amax(others).nonzero()[:, 0]
            box.append(slice(max(0, int(at[0]) - margin), min(there.shape[axis], int(at[-1]) + 1 + margin)))
        return tuple(box)

    def _fit(
        self, logits: torch.Tensor, image: torch.Tensor, positions: Sequence[int], masks: torch.Tensor | None
    ) -> tuple[torch.Tensor, float, bool]:
        """Usual grey step at the structure's border, the pull for such a structure, and whether it is clear.

        Where nothing is drawn of it, on some slices of the network's own answer.
        """
        few = self._is_few(positions)
        pull, power = (self.few_pull, self.few_power) if few else (self.pull, self.power)
        shapes = masks
        if masks is None or not bool(masks.any()):
            positions = _spread(logits)
            shapes = logits[positions] > 0
        kept = [i for i, shape in enumerate(shapes) if bool(shape.any())]
        if not kept:
            return usual_step(image.float()), pull, False
        shapes = shapes[kept].to(image.device)
        there = image[[positions[i] for i in kept]].float()
        step = usual_step(there, near_border(shapes))
        pull *= max(1.0, (self.thickness / radius(shapes)) ** power)
        if not few:
            return step, pull, False
        seen = max(FAINTEST, clearness(there, shapes))
        return step, min(STRONGEST, pull * max(1.0, self.clear / seen) ** power), seen >= self.clear

    def _conductances(
        self, grey: torch.Tensor, probability: torch.Tensor, pitch: float, edge: float
    ) -> list[torch.Tensor]:
        """Between neighbours along each axis."""
        found = []
        for axis, distance in enumerate((pitch, 1.0, 1.0)):
            steps, turns = torch.diff(grey, dim=axis), torch.diff(probability, dim=axis)
            weight = torch.exp(-edge * steps.square() - self.disagreement * turns.square())
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
        held = (free.flatten() == 0).nonzero()[:, 0]
        tiny = torch.finfo(start.dtype).tiny
        solution = start.clone()
        residual = pulls * prior - _apply(conductances, diagonal, solution)
        residual.index_fill_(0, held, 0)
        scaled = residual / diagonal
        direction, energy = scaled.clone(), (residual * scaled).sum()
        enough = energy * self.tolerance**2
        for iteration in range(self.iterations):
            on_step()
            if iteration % CHECKED[start.device.type] == 0 and bool(energy <= enough):
                break
            moved = _apply(conductances, diagonal, direction).index_fill_(0, held, 0)
            length = energy / torch.mul(direction, moved, out=scaled).sum().clamp_min(tiny)
            solution.addcmul_(length, direction)
            residual.addcmul_(length, moved, value=-1)
            torch.div(residual, diagonal, out=scaled)
            before, energy = energy.clamp_min(tiny), torch.mul(residual, scaled, out=moved).sum()
            direction = torch.addcmul(scaled, energy / before, direction, out=direction)
        return solution


def walk_counter(
    progress: ProgressCallback | None, walk: RandomWalk | None, segments: int, twice: bool = False
) -> Counter:
    """Counts the steps of the walks of so many segments; mostly there are fewer, as a walk may end early.

    Args:
        progress, walk: see `walked`.
        segments: how many.
        twice: a single slice is drawn, and a second walk says what to give back (`RandomWalk.upheld`).
    """
    return Counter(progress, "refine", walk.iterations * segments * (1 + twice) if walk else 1)


USUAL_WALK = RandomWalk()
"""Its parameters were chosen on real cases of even place."""


def walked(
    logits: torch.Tensor,
    stack: SliceStack,
    walk: RandomWalk | None,
    positions: Sequence[int] = (),
    masks: torch.Tensor | None = None,
    on_step: Callable[[], None] = lambda: None,
    areas: torch.Tensor | None = None,
) -> torch.Tensor:
    """Walks for every segment.

    Args:
        logits: (S, Z, H, W), calibrated; walked over in place, so that memory does not double.
        stack: the volume.
        walk: None leaves the logits as they are.
        positions: the K annotated slices.
        masks: (S, K, H, W) boolean, what is drawn on them.
        on_step: called often; may raise to stop.
        areas: (S, Z) pixels that the segments are expected to have on every slice, see `RandomWalk`.
    """
    if walk is not None:
        for segment, own in enumerate(logits):
            drawn = None if masks is None else masks[segment]
            expected = None if areas is None else areas[segment]
            own.copy_(walk(own, stack.image, stack.pitch, positions, drawn, on_step, expected))
    return logits


def _apply(conductances: Sequence[torch.Tensor], diagonal: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """The system's matrix, its diagonal given, times values, (Z, H, W)."""
    result = diagonal * values
    for axis, weight in enumerate(conductances):
        count = weight.shape[axis]
        for end in (0, 1):
            result.narrow(axis, end, count).addcmul_(weight, values.narrow(axis, 1 - end, count), value=-1)
    return result


def _slabs(box: tuple[slice, ...], margin: int) -> Iterator[tuple[slice, tuple[slice, ...]]]:
    """Parts of a box of at most `LARGEST` pixels: the slices that a part is for, and the part, a margin round them."""
    area = (box[1].stop - box[1].start) * (box[2].stop - box[2].start)
    count = max(1, LARGEST // area)
    for first in range(box[0].start, box[0].stop, count):
        core = slice(first, min(first + count, box[0].stop))
        around = slice(max(box[0].start, core.start - margin), min(box[0].stop, core.stop + margin))
        yield core, (around, *box[1:])


def _spread(logits: torch.Tensor) -> list[int]:
    """Some of the slices on which (Z, H, W) logits see something, spread evenly."""
    found = (logits > 0).flatten(1).any(1).nonzero()[:, 0].tolist()
    count = min(LOOKED_AT, len(found))
    return [found[(2 * i + 1) * len(found) // (2 * count)] for i in range(count)]
