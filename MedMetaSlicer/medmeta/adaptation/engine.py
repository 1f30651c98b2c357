"""The main job: adapt to a few drawn slices and complete the annotated volumes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from medmeta import __version__
from medmeta.adaptation.cohort import CohortAdapter
from medmeta.adaptation.guard import Choice, Guard, blended
from medmeta.adaptation.render import render
from medmeta.adaptation.results import Adaptation, Counter, Prediction, SegmentQuality
from medmeta.adaptation.settings import AdaptationSettings
from medmeta.adaptation.support import AnnotatedStack, annotated_stacks, support_examples, support_places
from medmeta.adaptation.task import AdaptedTask
from medmeta.annotations import AnnotatedVolume
from medmeta.devices import resolve_device
from medmeta.episodes import image_channels, segment_channels
from medmeta.episodes.flips import support_versions
from medmeta.errors import AnnotationError, MedMetaError
from medmeta.learners.base import AdaptedState, Learner
from medmeta.learners.checkpoint import load_checkpoint
from medmeta.learners.weights import find_weights
from medmeta.progress import ProgressCallback
from medmeta.volumes import check_supported

LARGEST_SEED = 2**32 - 1


@torch.no_grad()
def adapt(
    cases: Sequence[AnnotatedVolume],
    *,
    checkpoint: str | Path | None = None,
    device: str = "auto",
    seed: int = 0,
    settings: AdaptationSettings | None = None,
    progress: ProgressCallback | None = None,
) -> Adaptation:
    """Adapts to the annotated slices and completes the annotated volumes.

    Args:
        cases: one or more volumes with their sparse annotation, with the same segments.
        checkpoint: meta-trained weights, a path or a bundled name; None for the default.
        device: "auto", "cpu", "cuda" or "cuda:N".
        seed: makes the result repeatable.
        settings: see `AdaptationSettings`.
        progress: told how far it is; may raise `Cancelled`.

    Raises:
        AnnotationError: nothing is drawn, or the cases do not fit each other.
        CheckpointError: the weights cannot be read.
        DeviceError: the device is not there.
        MedMetaError: a seed out of range.
        VolumeError: a volume that cannot be used.
    """
    started = time.monotonic()
    settings = settings or AdaptationSettings()
    if not cases:
        raise AnnotationError("No annotated volume was given: draw the structure on one slice or more.")
    if not 0 <= seed <= LARGEST_SEED:
        raise MedMetaError(f"Seed {seed} is not one: give a whole number from 0 to {LARGEST_SEED}.")
    target = resolve_device(device)
    for case in cases:
        check_supported(case.volume, case.annotation.axis)
    weights = find_weights(checkpoint)
    learner, header = load_checkpoint(weights)
    learner.to(target)
    torch.manual_seed(seed)
    slices = header["network"]["slices"]
    segments = cases[0].annotation.segments
    stacks, grey = annotated_stacks(cases, settings.region)

    choices = _choose(learner, stacks, len(segments), settings, slices, progress)
    counter = Counter(progress, "adapt", sum(choice.steps + 1 for choice in choices))
    states = [_adapt_segment(learner, stacks, i, choice.steps, slices, counter) for i, choice in enumerate(choices)]
    counter = Counter(progress, "predict", sum(stack.shape[0] for stack in stacks))
    predictions = [
        _complete(learner, case, stack, states, choices, settings.batch, slices, counter)
        for case, stack in zip(cases, stacks, strict=True)
    ]

    frame, window = stacks[0].frame, stacks[0].window
    shared, tile = {}, (window.rows, window.columns)
    pixel = float(np.sqrt(frame.spacing[1] * frame.spacing[2])) / window.zoom
    if settings.for_other_volumes:
        counter = Counter(progress, "cohort", settings.other_steps)
        completed = [prediction.labels.array for prediction in predictions]
        adapter = CohortAdapter(learner, cases, stacks, completed, grey, settings, slices, seed)
        shared, states = adapter.adapt(counter)
        tile, pixel = adapter.tile, adapter.pixel
    task = AdaptedTask(
        segments,
        tuple(states),
        shared,
        {"name": weights.name, "sha256": header["sha256"]},
        frame.direction,
        pixel,
        tile,
        grey,
        {
            "version": __version__,
            "seed": seed,
            "device": str(target),
            "axis": cases[0].annotation.axis,
            "slices": [list(case.annotation.slices) for case in cases],
            "for_other_volumes": settings.for_other_volumes,
        },
    )
    quality = tuple(
        SegmentQuality(segment, choice.expected_dice, choice.interpolation_dice, choice.steps, choice.reach)
        for segment, choice in zip(segments, choices, strict=True)
    )
    return Adaptation(task, tuple(predictions), quality, time.monotonic() - started)


def _choose(
    learner: Learner,
    stacks: Sequence[AnnotatedStack],
    segments: int,
    settings: AdaptationSettings,
    slices: int,
    progress: ProgressCallback | None,
) -> list[Choice]:
    guard = Guard(learner, stacks, settings, slices, support_versions, lambda: counter.tick())
    folds = sum(len(guard.held_out_places(index)) for index in range(segments))
    counter = Counter(progress, "check", folds * (max(settings.steps) + 1))
    return [guard.choose(index) for index in range(segments)]


def _adapt_segment(
    learner: Learner, stacks: Sequence[AnnotatedStack], segment: int, steps: int, slices: int, counter: Counter
) -> AdaptedState:
    device = next(learner.parameters()).device
    support = support_examples(stacks, segment, support_places(stacks), slices, prior=True).to(device)
    return learner.adapt(support_versions(support), steps=steps, on_step=lambda *_: counter.tick())


def _complete(
    learner: Learner,
    case: AnnotatedVolume,
    stack: AnnotatedStack,
    states: Sequence[AdaptedState],
    choices: Sequence[Choice],
    batch: int,
    slices: int,
    counter: Counter,
) -> Prediction:
    """Predicts an annotated volume; its annotated slices stay as drawn."""
    device = next(learner.parameters()).device

    def segment_logits(positions: Sequence[int]) -> torch.Tensor:
        features = learner.encode((image_channels(stack.stack, positions, slices).to(device),))
        logits = []
        for state, prior, choice in zip(states, stack.priors, choices, strict=True):
            channels = segment_channels(stack.stack, positions, prior).to(device)
            found = learner.predict(state, (*features, channels))
            logits.append(blended(found, channels, choice.reach)[:, 0])
        return torch.stack(logits)

    values = [segment.value for segment in case.annotation.segments]
    labels, confidence = render(segment_logits, stack.window, stack.shape, values, batch, counter.tick)
    drawn = stack.frame.to_slices(case.annotation.labels)
    for position in stack.positions:
        labels[position] = drawn[position]
        confidence[position] = 1.0
    return Prediction.from_slices(case.volume, stack.frame, labels, confidence)
