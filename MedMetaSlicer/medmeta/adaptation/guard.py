"""The guard: adaptation is judged on the user's own slices, by holding one out.

The number of inner steps and how far shape interpolation reaches are chosen where the user's drawing says what is
right, so that an inner loop that overshoots is noticed, and a network that is worse than interpolation gives way to it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from medmeta.adaptation.settings import AdaptationSettings
from medmeta.adaptation.support import AnnotatedStack, Place, support_examples, support_places
from medmeta.episodes import Examples
from medmeta.episodes.channels import FAR_SLICES, REACH
from medmeta.learners.base import AdaptedState, Learner

INTERPOLATION_SLOPE = 1.0
"""Logit per pixel of signed distance when shape interpolation is read as a probability."""


@dataclass(frozen=True)
class Choice:
    """What the guard decided for one segment.

    Attributes:
        steps: inner steps.
        reach: how far shape interpolation reaches, see `blended`.
        expected_dice: Dice on the held-out slices with this choice; None where no slice could be held out.
        interpolation_dice: Dice of shape interpolation on the same slices; None where it had nothing to go by.
        held_out: how many slices were held out.
    """

    steps: int
    reach: float
    expected_dice: float | None
    interpolation_dice: float | None
    held_out: int


def interpolation_logits(segment: torch.Tensor) -> torch.Tensor:
    """Shape interpolation as logits, (B, 1, H, W), from segment channels; zero where there is no prior."""
    return segment[:, :1] * REACH * INTERPOLATION_SLOPE


def blended(logits: torch.Tensor, segment: torch.Tensor, reach: float) -> torch.Tensor:
    """Network and interpolation mixed by the distance to the nearest annotated slice.

    Beside an annotated slice interpolation is nearly right and the network is not better for it; its error grows with
    the distance, the network's does not. So the network weighs d / (d + reach).

    Args:
        logits: (B, 1, H, W), the network's.
        segment: (B, 13, H, W) segment channels.
        reach: network pixels; 0 for the network alone, infinity for interpolation alone. Where there is no prior the
            network stands alone.
    """
    if reach <= 0:
        return logits
    distances, there = segment[:, 6:8, :1, :1], segment[:, 8:10, :1, :1] > 0
    nearest = FAR_SLICES * torch.where(there, distances, torch.inf).amin(1, keepdim=True)
    weight = 1.0 if math.isinf(reach) else reach / (nearest + reach)
    weight = torch.where(there.any(1, keepdim=True), weight, 0.0)
    return (1 - weight) * logits + weight * interpolation_logits(segment)


def _evenly(places: Sequence[Place], count: int) -> list[Place]:
    if len(places) <= count:
        return list(places)
    return [places[int((i + 0.5) * len(places) / count)] for i in range(count)]


class Guard:
    """Chooses steps and reach for one segment.

    Args:
        learner: the meta-learner.
        stacks: the annotated volumes.
        settings: candidates and margins.
        slices: neighbouring slices in the image channels.
        augment: support examples -> the versions of them that the inner loop cycles through.
        tick: called once an inner step; may raise to cancel.
    """

    def __init__(
        self,
        learner: Learner,
        stacks: Sequence[AnnotatedStack],
        settings: AdaptationSettings,
        slices: int,
        augment: Callable[[Examples], list[Examples]],
        tick: Callable[[], None],
    ) -> None:
        self.learner = learner
        self.stacks = stacks
        self.settings = settings
        self.slices = slices
        self.augment = augment
        self.tick = tick

    def held_out_places(self, segment: int) -> list[Place]:
        """The slices that will be held out, one at a time: drawn ones, so that Dice means something."""
        places = support_places(self.stacks)
        drawn = [p for p in places if bool(self._mask(segment, p).any())]
        return _evenly(drawn, self.settings.folds) if len(drawn) >= 2 else []

    def _mask(self, segment: int, place: Place) -> torch.Tensor:
        case = self.stacks[place[0]]
        return case.masks[segment, case.positions.index(place[1])]

    def choose(self, segment: int) -> Choice:
        """Tries every candidate on every held-out slice and takes the best for one segment."""
        settings = self.settings
        usual = (settings.usual_steps, settings.usual_reach)
        places = self.held_out_places(segment)
        # [intersection, size] sums over the held-out slices: one Dice for all of them is steadier than a mean of few.
        sums = {(s, r): torch.zeros(2) for s in settings.steps for r in settings.reaches}
        interpolation = torch.zeros(2)
        for place in places:
            self._try(segment, place, sums, interpolation)
        if not places:
            return Choice(*usual, None, None, 0)
        scores = {key: float(2 * v[0] / v[1].clamp_min(1)) for key, v in sums.items()}
        best = max(scores, key=scores.get)
        chosen = best if scores[best] > scores[usual] + settings.margin else usual
        alone = float(2 * interpolation[0] / interpolation[1].clamp_min(1))
        return Choice(*chosen, scores[chosen], alone, len(places))

    def _try(self, segment: int, place: Place, sums: dict, interpolation: torch.Tensor) -> None:
        places = [p for p in support_places(self.stacks) if p != place]
        held_out = {"prior": True, "held_out": place}
        support = support_examples(self.stacks, segment, places, self.slices, **held_out)
        query = support_examples(self.stacks, segment, [place], self.slices, **held_out)
        device = next(self.learner.parameters()).device
        query = query.to(device)
        truth = query.targets > 0.5
        features = self.learner.encode(query.inputs)
        channels = query.inputs[1]

        def count(logits: torch.Tensor) -> torch.Tensor:
            found = logits > 0
            return torch.stack([(found & truth).sum(), found.sum() + truth.sum()]).cpu().float()

        def note(step: int, state: AdaptedState) -> None:
            self.tick()
            if step not in self.settings.steps:
                return
            logits = self.learner.predict(state, features)
            for reach in self.settings.reaches:
                sums[step, reach] += count(blended(logits, channels, reach))

        interpolation += count(interpolation_logits(channels))
        self.learner.adapt(self.augment(support.to(device)), steps=max(self.settings.steps), on_step=note)
