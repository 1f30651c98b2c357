"""Annotated volumes, completed: the chosen learners adapt to all annotated slices and predict the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from medmeta.adaptation.clean_up import cleaned
from medmeta.adaptation.contenders import Contender
from medmeta.adaptation.expectation import ExpectedDice
from medmeta.adaptation.guard import Choice, blended
from medmeta.adaptation.render import render
from medmeta.adaptation.results import Counter, Prediction
from medmeta.adaptation.settings import AdaptationSettings
from medmeta.adaptation.support import AnnotatedStack, support_examples, support_places
from medmeta.annotations import AnnotatedVolume
from medmeta.episodes import image_channels, segment_channels
from medmeta.episodes.flips import support_versions
from medmeta.learners.base import AdaptedState

States = Mapping[str, AdaptedState]
"""Learner -> its adapted state, for one segment."""


def adapt_segment(
    contenders: Mapping[str, Contender],
    stacks: Sequence[AnnotatedStack],
    segment: int,
    choice: Choice,
    counter: Counter,
) -> States:
    """Adapts the chosen learners to a segment's annotated slices, all of them."""
    states = {}
    for name, steps in choice.steps.items():
        contender = contenders[name]
        support = support_examples(stacks, segment, support_places(stacks), contender.slices, prior=True)
        versions = support_versions(support.to(contender.device))
        states[name] = contender.learner.adapt(versions, steps=steps, on_step=lambda *_: counter.tick())
    return states


def complete(
    contenders: Mapping[str, Contender],
    case: AnnotatedVolume,
    stack: AnnotatedStack,
    states: Sequence[States],
    choices: Sequence[Choice],
    settings: AdaptationSettings,
    counter: Counter,
) -> Prediction:
    """Predicts an annotated volume; its annotated slices stay as drawn.

    Args:
        contenders: learner -> its weights.
        case, stack: the volume.
        states, choices: of each segment.
        settings: slices at once, calibration, clean-up.
        counter: told of every slice.
    """
    taking_part = list(dict.fromkeys(name for state in states for name in state))

    def segment_logits(positions: Sequence[int]) -> torch.Tensor:
        features = {}
        for name in taking_part:
            contender = contenders[name]
            image = image_channels(stack.stack, positions, contender.slices).to(contender.device)
            features[name] = contender.learner.encode((image,))
        logits = []
        for state, prior, choice in zip(states, stack.priors, choices, strict=True):
            channels = segment_channels(stack.stack, positions, prior).to(contenders[taking_part[0]].device)
            found = [contenders[n].learner.predict(s, (*features[n], channels)) for n, s in state.items()]
            answer = blended(torch.stack(found).mean(0), channels, choice.reach)
            logits.append(settings.calibration(answer, channels)[:, 0])
        return torch.stack(logits)

    values = [segment.value for segment in case.annotation.segments]
    labels, confidence, overlap = render(
        segment_logits, stack.window, stack.shape, values, settings.batch, counter.tick
    )
    drawn = stack.frame.to_slices(case.annotation.labels)
    for position in stack.positions:
        labels[position] = drawn[position]
        confidence[position] = 1.0
    if settings.clean_up:
        labels, confidence = cleaned(labels, confidence, values, stack.positions)
    expected = ExpectedDice.of(overlap, stack.positions, stack.frame.flips[0])
    return Prediction.from_slices(case.volume, stack.frame, labels, confidence, expected)
