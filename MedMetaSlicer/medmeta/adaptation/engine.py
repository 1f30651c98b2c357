"""The main job: adapt to a few drawn slices and complete the annotated volumes."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch

from medmeta import __version__
from medmeta.adaptation.budget import Budget, OutOfTime
from medmeta.adaptation.complete import adapt_segment, complete
from medmeta.adaptation.completed import Completed, KeptCompletion
from medmeta.adaptation.contenders import AUTO, Contender, Load, find_contenders
from medmeta.adaptation.guard import choose
from medmeta.adaptation.preview import interpolated
from medmeta.adaptation.results import Adaptation, Counter, SegmentQuality
from medmeta.adaptation.settings import AdaptationSettings
from medmeta.adaptation.support import AnnotatedStack, annotated_stacks
from medmeta.adaptation.task import AdaptedTask
from medmeta.adaptation.trials import (
    Trial,
    candidate_steps,
    comparable,
    held_out_places,
    try_out,
    usual_steps,
)
from medmeta.annotations import AnnotatedVolume
from medmeta.devices import resolve_device, usual_batch
from medmeta.episodes import Examples, image_channels, segment_channels
from medmeta.errors import AnnotationError, CheckpointError, MedMetaError
from medmeta.learners.base import AdaptedState
from medmeta.progress import Progress, ProgressCallback
from medmeta.transfer.cohort import CohortAdapter
from medmeta.transfer.similarity import Signatures
from medmeta.transfer.template import Template, made_templates
from medmeta.volumes import check_supported

LARGEST_SEED = 2**32 - 1

FOR_OTHER_VOLUMES = "maml"
"""The learner that is fine-tuned for volumes in which nothing is drawn, where the user left the choice open: all of its
branch adapts."""


@torch.no_grad()
def adapt(
    cases: Sequence[AnnotatedVolume],
    *,
    learner: str = AUTO,
    checkpoint: str | Path | None = None,
    budget: float | None = None,
    device: str = "auto",
    seed: int = 0,
    settings: AdaptationSettings | None = None,
    start: AdaptedTask | None = None,
    progress: ProgressCallback | None = None,
    preview: Callable[[int, np.ndarray], None] | None = None,
    load: Load | None = None,
    kept: KeptCompletion | None = None,
) -> Adaptation:
    """Adapts to the annotated slices and completes the annotated volumes.

    Args:
        cases: one or more volumes with their sparse annotation, with the same segments.
        learner: "auto" is the Siamese network; where it does badly on held-out slices and enough are drawn to compare
            by, the others and the blend of all compete with it, for each segment. Or the name of one.
        checkpoint: meta-trained weights, a path or a bundled name, to use alone; None for the bundled ones.
        budget: seconds; learners that there is no time to try are left out (never the first), and fine-tuning for other
            volumes ends with it. None for no limit; with one, the result depends on the machine's speed.
        device: "auto", "cpu", "cuda" or "cuda:N".
        seed: makes the result repeatable.
        settings: see `AdaptationSettings`.
        start: a task that was adapted to the same segments, for other volumes, with fewer slices or before some were
            corrected: fine-tuning for other volumes goes on from it and takes a third of the steps.
        progress: told how far it is; may raise `Cancelled`.
        preview: told the number of a case and an (I, J, K) label map of it: the interpolated shapes at once, the
            network's answer before it is refined, and the refined one where adapting for other volumes is still to
            come.
        load: loads learners, see `KeptLearners`; None to load them from the disk.
        kept: completes nothing again that was completed last, see `KeptCompletion`; None to keep nothing.

    Raises:
        AnnotationError: nothing is drawn, or the cases do not fit each other.
        CheckpointError: an unknown learner, or weights that cannot be read.
        DeviceError: the device is not there.
        MedMetaError: a seed or a budget out of range, or a start that does not fit.
        VolumeError: a volume that cannot be used.
    """
    started = time.monotonic()
    settings = settings or AdaptationSettings()
    if not cases:
        raise AnnotationError("No annotated volume was given: draw the structure on one slice or more.")
    if not 0 <= seed <= LARGEST_SEED:
        raise MedMetaError(f"Seed {seed} is not one: give a whole number from 0 to {LARGEST_SEED}.")
    if budget is not None and not budget > 0:
        raise MedMetaError(f"Budget {budget} is not one: give a number of seconds above zero.")
    clock = Budget(budget)
    target, begun = resolve_device(device), Counter(progress, "check", 1)
    for case in cases:
        check_supported(case.volume, case.annotation.axis)
        begun.pause()
    found = find_contenders(learner, checkpoint, target, load)
    begun.pause()
    weights = tuple(contender.weights["sha256"] for contender in found)
    others = (learner, budget, target, seed, weights)
    complete_all = partial(_complete, cases, found, settings, clock, progress, preview)
    done, again = (kept or KeptCompletion(0))(cases, settings, others, complete_all, begun.pause)
    if preview is not None and (again or settings.for_other_volumes):
        for number, prediction in enumerate(done.predictions):
            preview(number, prediction.labels.array)
    chosen = next((contender for contender in found if contender.name == FOR_OTHER_VOLUMES), found[0])
    task = _task(chosen, cases, done, settings, start, seed, clock, progress, load)
    seconds = time.monotonic() - started
    return Adaptation(task, done.predictions, done.quality, seconds=seconds, left_out=done.left_out)


def _complete(
    cases: Sequence[AnnotatedVolume],
    found: Sequence[Contender],
    settings: AdaptationSettings,
    clock: Budget,
    progress: ProgressCallback | None,
    preview: Callable[[int, np.ndarray], None] | None,
) -> Completed:
    """Completes the annotated volumes."""
    begun, segments = Counter(progress, "check", 1), cases[0].annotation.segments
    stacks, grey = annotated_stacks(cases, settings.region, found[0].device, begun.pause)
    begun.pause()
    if preview is not None:
        for number, (case, stack) in enumerate(zip(cases, stacks, strict=True)):
            preview(number, interpolated(case, stack, Counter(progress, "check", stack.shape[0]).pause))

    candidates = found if comparable(stacks, len(segments), settings) else found[:1]
    tried, left_out = _try(candidates, stacks, len(segments), settings, clock, progress)
    contenders = {contender.name: contender for contender in candidates if contender.name in tried}
    usual = {name: usual_steps(contender, settings) for name, contender in contenders.items()}
    choices = [
        choose({name: trials[i] for name, trials in tried.items()}, usual, settings) for i in range(len(segments))
    ]
    counter = Counter(progress, "adapt", sum(steps + 1 for choice in choices for steps in choice.steps.values()))
    states = [adapt_segment(contenders, stacks, i, choice, counter) for i, choice in enumerate(choices)]
    predictions = [
        complete(
            contenders, case, stack, states, choices, settings, progress, partial(preview, number) if preview else None
        )
        for number, (case, stack) in enumerate(zip(cases, stacks, strict=True))
    ]
    quality = tuple(
        SegmentQuality(
            segment, choice.held_out_dice, choice.interpolation_dice, choice.learner, choice.steps, choice.reach,
            choice.scores, _mean([prediction.expected.cases[i] for prediction in predictions]),
        )
        for i, (segment, choice) in enumerate(zip(segments, choices, strict=True))
    )  # fmt: skip
    return Completed(stacks, grey, tuple(predictions), quality, left_out)


def _on_cpu(state: AdaptedState) -> AdaptedState:
    """A task is used on any device, and outlives the GPU's memory."""
    return {name: value.cpu() for name, value in state.items()}


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _try(
    contenders: Sequence[Contender],
    stacks: Sequence[AnnotatedStack],
    segments: int,
    settings: AdaptationSettings,
    clock: Budget,
    progress: ProgressCallback | None,
) -> tuple[dict[str, list[list[Trial]]], tuple[str, ...]]:
    """Tries learners: the first, and the others where it is not good enough, as far as there is time.

    Returns:
        Learner -> its trials for each segment; the learners that there was no time for.
    """
    folds = sum(len(held_out_places(stacks, index, settings.folds)) for index in range(segments))
    steps = {c.name: max(candidate_steps(c, settings)) + 1 for c in contenders}
    counter = Counter(progress, "check", folds * sum(steps.values()))
    tried: dict[str, list[list[Trial]]] = {}
    left_out: tuple[str, ...] = ()
    predicting = 0.0
    for contender in contenders:
        first = not tried
        # Whoever takes part must also predict all slices: as long again for each as for those before.
        reserve = predicting * (len(tried) + 1)

        def tick(first: bool = first, reserve: float = reserve) -> None:
            counter.tick()
            if not first:
                clock.check(reserve)

        try:
            tick()
            tried[contender.name] = [
                try_out(contender, stacks, i, settings, tick, counter.pause) for i in range(segments)
            ]
        except OutOfTime:
            left_out = tuple(c.name for c in contenders if c.name not in tried)
            break
        if first and _good_enough(contender, tried[contender.name], settings):
            break
        if first and not math.isinf(clock.seconds):
            batch = settings.batch or usual_batch(contender.device)
            predicting = _seconds_to_predict(contender, stacks, segments, batch)
    counter.finish()
    return tried, left_out


def _good_enough(contender: Contender, trials: Sequence[Sequence[Trial]], settings: AdaptationSettings) -> bool:
    """Whether a learner does so well on the held-out slices of every segment that no other needs to be tried."""
    usual = {contender.name: usual_steps(contender, settings)}
    found = [choose({contender.name: own}, usual, settings).held_out_dice for own in trials]
    return all(dice is not None and dice >= settings.good_enough for dice in found)


def _seconds_to_predict(contender: Contender, stacks: Sequence[AnnotatedStack], segments: int, batch: int) -> float:
    """Seconds that a learner takes to predict all slices, judged by one batch."""
    stack = stacks[0]
    positions = [min(i, stack.shape[0] - 1) for i in range(batch)]
    image = image_channels(stack.stack, positions, contender.slices).to(contender.device)
    channels = segment_channels(stack.stack, positions, stack.priors[0]).to(contender.device)
    state = contender.learner.adapt([Examples((image, channels), channels[:, :1] * 0)], steps=0)
    clock = Budget()
    contender.learner.predict(state, (*contender.learner.encode((image,)), channels)).sum().item()
    return clock.spent * segments * sum(stack.shape[0] for stack in stacks) / batch


def _task(
    contender: Contender,
    cases: Sequence[AnnotatedVolume],
    done: Completed,
    settings: AdaptationSettings,
    start: AdaptedTask | None,
    seed: int,
    clock: Budget,
    progress: ProgressCallback | None,
    load: Load | None,
) -> AdaptedTask:
    """What is kept for other volumes; empty states where it was not asked for."""
    segments, stacks, grey = cases[0].annotation.segments, done.stacks, done.grey
    frame, window = stacks[0].frame, stacks[0].window
    templates: tuple[Template, ...] = ()
    shared, states, tile = {}, [{} for _ in segments], (window.rows, window.columns)
    pixel = float(np.sqrt(frame.spacing[1] * frame.spacing[2])) / window.zoom
    over = "refine"

    def pause() -> None:
        """A chance to cancel after a phase that is over."""
        if progress is not None:
            progress(Progress(over, 1, 1))

    pause()
    if settings.for_other_volumes:
        if start is not None and start.checkpoint["sha256"] != contender.weights["sha256"]:
            raise CheckpointError("The task to go on from was adapted from other weights: adapt anew.")
        completed = [prediction.labels.array for prediction in done.predictions]
        adapter = CohortAdapter(
            contender.learner, cases, stacks, completed, grey, settings, contender.slices, seed, start, pause
        )
        counter = Counter(progress, "cohort", adapter.steps)
        shared, states = adapter.adapt(counter, clock)
        over = "cohort"
        tile, pixel = adapter.tile, adapter.pixel
        if settings.template:
            templates = made_templates(cases, completed, [stack.frame for stack in stacks], counter.pause)
    seen = Signatures(contender.device, load)
    return AdaptedTask(
        segments,
        tuple(_on_cpu(state) for state in states),
        _on_cpu(shared),
        contender.weights,
        frame.direction,
        pixel,
        tile,
        grey,
        torch.stack(
            [seen.of(case.volume, stack.frame, pixel, grey, pause) for case, stack in zip(cases, stacks, strict=True)]
        ),
        {
            "version": __version__,
            "seed": seed,
            "device": str(contender.device),
            "learner": contender.name,
            "axis": cases[0].annotation.axis,
            "slices": [list(case.annotation.slices) for case in cases],
            "for_other_volumes": settings.for_other_volumes,
            "continued": settings.for_other_volumes and start is not None and any(start.states),
        },
        templates,
    )
