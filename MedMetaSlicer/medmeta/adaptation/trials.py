"""Trials: what a learner says of an annotated slice whose drawing is kept from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from medmeta.adaptation.contenders import Contender
from medmeta.adaptation.settings import AdaptationSettings
from medmeta.adaptation.support import AnnotatedStack, Place, support_examples, support_places
from medmeta.episodes.channels import THERE
from medmeta.episodes.flips import support_versions
from medmeta.learners.base import AdaptedState


@dataclass(frozen=True)
class Trial:
    """One held-out slice.

    Attributes:
        logits: inner steps -> (1, 1, H, W), the learner's answer after so many.
        channels: (1, 13, H, W) segment channels that it had to go by.
        truth: (1, 1, H, W) boolean, the drawing.
    """

    logits: dict[int, torch.Tensor]
    channels: torch.Tensor
    truth: torch.Tensor

    @property
    def between(self) -> bool:
        """True where it lies between two other annotated slices, as most slices to predict do."""
        return bool((self.channels[:, THERE, 0, 0] > 0).all())


def held_out_places(stacks: Sequence[AnnotatedStack], segment: int, folds: int) -> list[Place]:
    """The slices to hold out, one at a time, spread evenly: drawn ones, so that Dice means something.

    Returns:
        At most `folds` places; none where fewer than two slices are drawn.
    """
    drawn = [place for place in support_places(stacks) if bool(_mask(stacks, segment, place).any())]
    if len(drawn) < 2:
        return []
    count = min(folds, len(drawn))
    return [drawn[int((i + 0.5) * len(drawn) / count)] for i in range(count)]


def comparable(stacks: Sequence[AnnotatedStack], segments: int, settings: AdaptationSettings) -> bool:
    """Whether enough slices between others can be held out, of any segment, to compare learners by them."""

    def between(place: Place) -> bool:
        positions = stacks[place[0]].positions
        return positions[0] < place[1] < positions[-1]

    places = (held_out_places(stacks, segment, settings.folds) for segment in range(segments))
    return any(sum(map(between, own)) >= settings.least_compared for own in places)


def _mask(stacks: Sequence[AnnotatedStack], segment: int, place: Place) -> torch.Tensor:
    case = stacks[place[0]]
    return case.masks[segment, case.positions.index(place[1])]


def candidate_steps(contender: Contender, settings: AdaptationSettings) -> tuple[int, ...]:
    """The numbers of inner steps to try; a learner that takes none has one answer."""
    return settings.steps if contender.learner.iterative else (0,)


def usual_steps(contender: Contender, settings: AdaptationSettings) -> int:
    """The number of inner steps where there is nothing to choose by."""
    return settings.usual_steps if contender.learner.iterative else 0


def try_out(
    contender: Contender,
    stacks: Sequence[AnnotatedStack],
    segment: int,
    settings: AdaptationSettings,
    on_step: Callable[[], None],
    on_pause: Callable[..., None] = lambda *_: None,
) -> list[Trial]:
    """Holds out annotated slices of a segment, one at a time.

    Args:
        contender: who is tried.
        stacks: the annotated volumes.
        segment: which segment.
        settings: candidate steps and folds.
        on_step: called once an inner step; may raise to stop.
        on_pause: called within a step, with what learners tell there; may raise to stop.
    """
    places = held_out_places(stacks, segment, settings.folds)
    return [_try_one(contender, stacks, segment, place, settings, on_step, on_pause) for place in places]


def _try_one(
    contender: Contender,
    stacks: Sequence[AnnotatedStack],
    segment: int,
    place: Place,
    settings: AdaptationSettings,
    on_step: Callable[[], None],
    on_pause: Callable[..., None],
) -> Trial:
    learner, device = contender.learner, contender.device
    others = [other for other in support_places(stacks) if other != place]
    held_out = {"prior": True, "held_out": place}
    support = support_examples(stacks, segment, others, contender.slices, **held_out).to(device)
    query = support_examples(stacks, segment, [place], contender.slices, **held_out).to(device)
    features, wanted = learner.encode(query.inputs), candidate_steps(contender, settings)
    logits = {}

    def note(step: int, state: AdaptedState) -> None:
        on_step()
        if step in wanted:
            logits[step] = learner.predict(state, features)

    versions, pauses = support_versions(support, max(wanted)), {"on_loss": on_pause, "on_pause": on_pause}
    learner.adapt(versions, steps=max(wanted), on_step=note, **pauses)
    return Trial(logits, query.inputs[1], query.targets > 0.5)
