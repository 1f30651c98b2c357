"""The guard: adaptation is judged on the user's own slices, held out one at a time.

Which learner, the number of its inner steps, and how far shape interpolation reaches are chosen where the user's
drawing says what is right, so that an inner loop that overshoots is noticed, a learner that suits the structure is
found, and a network that is worse than interpolation gives way to it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch

from medmeta.adaptation.settings import AdaptationSettings
from medmeta.adaptation.trials import Trial
from medmeta.episodes.channels import DISTANCES, FAR_SLICES, REACH, THERE

INTERPOLATION_SLOPE = 1.0
"""Logit per pixel of signed distance when shape interpolation is read as a probability."""

BLEND = "blend"
"""All learners together, their logits averaged."""


@dataclass(frozen=True)
class Choice:
    """What the guard decided for one segment.

    Attributes:
        steps: the learners that take part, with their inner steps; the logits of several are averaged.
        reach: how far shape interpolation reaches, see `blended`.
        held_out_dice: Dice on the held-out slices with this choice; None where no slice could be held out.
        interpolation_dice: Dice of shape interpolation on the same slices; None where it had nothing to go by.
        scores: learner, or `BLEND` -> Dice on the held-out slices, for all that were tried.
    """

    steps: Mapping[str, int]
    reach: float
    held_out_dice: float | None = None
    interpolation_dice: float | None = None
    scores: Mapping[str, float] = field(default_factory=dict)

    @property
    def learner(self) -> str:
        """Who was chosen: a learner's name, or `BLEND`."""
        return next(iter(self.steps)) if len(self.steps) == 1 else BLEND


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
    distances, there = segment[:, DISTANCES, :1, :1], segment[:, THERE, :1, :1] > 0
    nearest = FAR_SLICES * torch.where(there, distances, torch.inf).amin(1, keepdim=True)
    weight = 1.0 if math.isinf(reach) else reach / (nearest + reach)
    weight = torch.where(there.any(1, keepdim=True), weight, 0.0)
    return (1 - weight) * logits + weight * interpolation_logits(segment)


def choose(trials: Mapping[str, Sequence[Trial]], usual: Mapping[str, int], settings: AdaptationSettings) -> Choice:
    """Takes what did best on the held-out slices.

    The usual choice is the first learner with the usual steps and reach; another, or the blend of all, must be better
    by `settings.margin`, as a few slices are little to judge by. Slices between other annotated ones are judged by
    where there are enough; a slice at an end, held out, is farther from the next drawn one than any that is to be
    predicted.

    Args:
        trials: learner -> its trials, on the same slices for all; none where no slice could be held out.
        usual: learner -> its usual inner steps.
        settings: candidates and margin.
    """
    if not all(trials.values()):
        first = next(iter(usual))
        return Choice({first: usual[first]}, settings.usual_reach)
    trials, comparable = _judged(trials, settings.least_compared)
    candidates = {}
    for name, own in trials.items():
        options = [({name: steps}, reach) for steps in own[0].logits for reach in settings.reaches]
        candidates[name] = _best(options, usual, trials, settings)
    if len(candidates) > 1:
        steps = {name: choice.steps[name] for name, choice in candidates.items()}
        blend = _best([(steps, reach) for reach in settings.reaches], usual, trials, settings)
        candidates = {**candidates, BLEND: blend}
    scores = {name: choice.held_out_dice for name, choice in candidates.items()}
    first, best = next(iter(candidates)), max(scores, key=scores.get)
    taken = candidates[best if comparable and scores[best] > scores[first] + settings.margin else first]
    some = next(iter(trials.values()))
    interpolation = _dice([(interpolation_logits(t.channels), t.truth) for t in some])
    return Choice(taken.steps, taken.reach, taken.held_out_dice, interpolation, scores)


def _judged(trials: Mapping[str, Sequence[Trial]], least: int) -> tuple[Mapping[str, Sequence[Trial]], bool]:
    """The trials to judge by, and whether learners can be compared by them."""
    between = {name: [trial for trial in own if trial.between] for name, own in trials.items()}
    enough = min(map(len, between.values())) >= least
    return (between if enough else trials), enough


def _best(
    options: Sequence[tuple[dict[str, int], float]],
    usual: Mapping[str, int],
    trials: Mapping[str, Sequence[Trial]],
    settings: AdaptationSettings,
) -> Choice:
    """The best of some (steps, reach), or the most usual one where that is not worse by more than the margin."""

    def usualness(index: int) -> tuple[bool, bool]:
        steps, reach = options[index]
        return all(usual[name] == count for name, count in steps.items()), reach == settings.usual_reach

    scores = [score(trials, *option) for option in options]
    best, most_usual = max(range(len(options)), key=scores.__getitem__), max(range(len(options)), key=usualness)
    taken = best if scores[best] > scores[most_usual] + settings.margin else most_usual
    return Choice(*options[taken], scores[taken])


def score(trials: Mapping[str, Sequence[Trial]], steps: Mapping[str, int], reach: float) -> float:
    """Dice on the held-out slices, all of them together, of a blend of learners with a reach."""
    answers = []
    for same_slice in zip(*(trials[name] for name in steps), strict=True):
        logits = [trial.logits[s] for trial, s in zip(same_slice, steps.values(), strict=True)]
        first = same_slice[0]
        answers.append((blended(torch.stack(logits).mean(0), first.channels, reach), first.truth))
    return _dice(answers)


def _dice(answers: Sequence[tuple[torch.Tensor, torch.Tensor]]) -> float:
    # One Dice for all slices is steadier than a mean of few.
    both = sum(float(((logits > 0) & truth).sum()) for logits, truth in answers)
    sizes = sum(float((logits > 0).sum() + truth.sum()) for logits, truth in answers)
    return 2 * both / max(sizes, 1.0)
