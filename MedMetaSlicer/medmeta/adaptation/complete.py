"""Annotated volumes, completed: the chosen learners adapt to all annotated slices and predict the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch

from medmeta.adaptation.contenders import Contender
from medmeta.adaptation.expectation import ExpectedDice
from medmeta.adaptation.follow import follow
from medmeta.adaptation.guard import Choice, blended
from medmeta.adaptation.look import Features, look, near
from medmeta.adaptation.render import Canvas, in_volume
from medmeta.adaptation.results import Counter, Prediction
from medmeta.adaptation.settings import AdaptationSettings
from medmeta.adaptation.support import AnnotatedStack, support_examples, support_places
from medmeta.adaptation.trace import LossTrace
from medmeta.annotations import AnnotatedVolume
from medmeta.devices import quick_precision, usual_batch
from medmeta.episodes import image_channels, segment_channels, without_prior
from medmeta.episodes.flips import support_versions
from medmeta.learners.base import AdaptedState
from medmeta.postprocessing.clean_up import clean
from medmeta.postprocessing.walk import walk_counter, walked
from medmeta.priors import ShapePrior
from medmeta.progress import ProgressCallback
from medmeta.volumes.claims import check_memory

States = Mapping[str, AdaptedState]
"""Learner -> its adapted state, for one segment."""

Preview = Callable[[np.ndarray], None]
"""Told the (I, J, K) label map of a first answer, before the random walks."""


def adapt_segment(
    contenders: Mapping[str, Contender],
    stacks: Sequence[AnnotatedStack],
    segment: int,
    choice: Choice,
    counter: Counter,
) -> States:
    """Adapts the learners that answer for a segment to its annotated slices, all of them."""
    states = {}
    for name, steps in choice.steps.items():
        contender = contenders[name]
        support = support_examples(stacks, segment, support_places(stacks), contender.slices, prior=True)
        versions = support_versions(support.to(contender.device), steps)
        trace = LossTrace()

        def tick(_step: int, _state: AdaptedState, trace: LossTrace = trace) -> None:
            counter.tick(loss=trace.latest())

        def note(loss: torch.Tensor, trace: LossTrace = trace) -> None:
            trace.add(loss)
            counter.pause()

        states[name] = contender.learner.adapt(
            versions, steps=steps, on_step=tick, on_loss=note, on_pause=counter.pause
        )
    return states


def complete(
    contenders: Mapping[str, Contender],
    case: AnnotatedVolume,
    stack: AnnotatedStack,
    states: Sequence[States],
    choices: Sequence[Choice],
    settings: AdaptationSettings,
    progress: ProgressCallback | None,
    preview: Preview | None = None,
) -> Prediction:
    """Predicts an annotated volume; its annotated slices stay as drawn.

    Args:
        contenders: learner -> its weights.
        case, stack: the volume.
        states, choices: of each segment.
        settings: slices at once, calibration, random walk, clean-up.
        progress: told of every slice, and of every step of the random walks.
        preview: told the answer before them.

    Raises:
        VolumeError: volume and segments together are too large for the machine.
    """
    taking_part = {name: contenders[name] for state in states for name in state}
    device = next(iter(taking_part.values())).device
    batch = settings.batch or usual_batch(device)

    def encoded(positions: Sequence[int]) -> dict[str, tuple]:
        features = {}
        for name, c in taking_part.items():
            counter.pause()
            image = image_channels(stack.stack, positions, c.slices).to(c.device)
            with quick_precision(device):
                (features[name],) = c.learner.encode((image,))
        return features

    by_image = settings.by_image if settings.few[0] <= len(stack.positions) <= settings.few[1] else {}

    def answer(segment: int, positions: Sequence[int], prior: ShapePrior | None, features: Features):
        """Logits (B, 1, h, w) of a segment, and its channels."""
        channels = segment_channels(stack.stack, positions, prior).to(device)
        found = []
        for name, state in states[segment].items():
            counter.pause()
            share = by_image.get(name, 0.0)
            with quick_precision(device):
                own = taking_part[name].learner.predict(state, (features[name], channels))
                if share:
                    counter.pause()
                    alone = taking_part[name].learner.predict(state, (features[name], without_prior(channels)))
                    own = torch.lerp(own.float(), alone.float(), share)
            found.append(own.float())
        return blended(torch.stack(found).mean(0), channels, choices[segment].reach), channels

    def followed(segment: int, prior: ShapePrior) -> ShapePrior:
        if len(prior.positions) > 1:
            return prior
        return follow(prior, stack.shape[0], lambda at, so_far: answer(segment, at, so_far, encoded(at))[0][:, 0])

    counter = Counter(progress, "predict", stack.shape[0])
    priors = [followed(segment, prior) for segment, prior in enumerate(stack.priors)]

    def calibrated(segment: int, positions: Sequence[int], features: Features) -> torch.Tensor:
        return settings.calibration(*answer(segment, positions, priors[segment], features))[:, 0]

    values = [segment.value for segment in case.annotation.segments]
    drawn = stack.frame.to_slices(case.annotation.labels)
    likely = [near(prior, stack.shape[0]) for prior in priors]
    size = (stack.shape[0], *stack.stack.image.shape[1:])
    check_memory((len(values), *size), 4, f"{case.volume.name}, for each of {len(values)} segments,")
    logits = look(encoded, calibrated, likely, size, batch, counter.tick, device.type)

    def own(positions: range) -> torch.Tensor:
        return logits[:, positions.start : positions.stop]

    def interpolated(positions: range) -> torch.Tensor:
        return torch.stack([torch.stack([prior.at(position) > 0 for position in positions]) for prior in priors])

    def expected_areas() -> torch.Tensor:
        return torch.cat([interpolated(range(p, p + 1)).sum((2, 3)) for p in range(stack.shape[0])], dim=1)

    canvas = Canvas(stack.window, stack.shape, values, batch, device)
    annotated, like, kind = list(stack.positions), case.volume.array, np.min_scalar_type(max(values))
    shown = torch.from_numpy(np.ascontiguousarray(drawn[annotated], np.int64))
    if preview is not None and settings.walk is not None:
        labels = canvas.labels(own, counter.pause)
        labels[annotated] = shown.to(labels)
        preview(in_volume(labels, stack.frame, like, kind))
    areas = expected_areas() if len(stack.positions) == 1 else None
    counter = walk_counter(progress, settings.walk, len(values), twice=areas is not None)
    logits = walked(logits, stack.stack, settings.walk, stack.positions, stack.masks, counter.tick, areas)
    if settings.walk is not None:
        logits = settings.after_walk.of_volume(logits, stack.positions, stack.stack.pitch, counter.pause)
    rendered = canvas.render(own, counter.pause, opinion=interpolated)
    labels, confidence = rendered.labels, rendered.confidence
    labels[annotated], confidence[annotated] = shown.to(labels), 1.0
    counter.finish()
    if settings.clean_up:
        clean(labels, confidence, values, stack.positions, counter.pause)
    single = (stack.masks.flatten(2).any(2).sum(1) < 2).cpu().numpy()
    expected = ExpectedDice.of(rendered.overlap, stack.positions, stack.frame.flips[0], settings.dice_model, single)
    found = in_volume(labels, stack.frame, like, kind), in_volume(confidence, stack.frame, like)
    return Prediction.of(case.volume, *found, expected)
