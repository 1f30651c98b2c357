"""The main job: adapt to a few drawn slices, predict the rest of the volume and other volumes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from monai.inferers import sliding_window_inference

from medmeta import __version__
from medmeta.adaptation.augment import support_versions
from medmeta.adaptation.frame import SliceFrame
from medmeta.adaptation.guard import Choice, Guard, blended
from medmeta.adaptation.render import render
from medmeta.adaptation.settings import AdaptationSettings
from medmeta.adaptation.support import AnnotatedStack, annotated_stacks, support_examples, support_places
from medmeta.adaptation.task import AdaptedTask
from medmeta.annotations import AnnotatedVolume, Segment
from medmeta.devices import resolve_device
from medmeta.episodes import Examples, SliceStack, Window, image_channels, relative_range, segment_channels
from medmeta.errors import AnnotationError, CheckpointError
from medmeta.learners.base import AdaptedState, Learner
from medmeta.learners.checkpoint import load_checkpoint
from medmeta.learners.weights import find_weights
from medmeta.progress import Progress, ProgressCallback
from medmeta.volumes import Volume, check_supported, finite


@dataclass(frozen=True)
class Prediction:
    """A predicted volume, both with the input's geometry.

    Attributes:
        labels: unsigned integer label map.
        confidence: float32, probability of each voxel's label.
    """

    labels: Volume
    confidence: Volume


@dataclass(frozen=True)
class SegmentQuality:
    """What to expect of one segment, judged on held-out annotated slices.

    Attributes:
        segment: which one.
        expected_dice: in the annotated volumes; None where a single slice is drawn.
        interpolation_dice: of shape interpolation on the same slices.
        steps: inner steps taken.
        blend: weight of the network against shape interpolation.
        other_volumes_dice: expected without a prior, None where it was not asked for.
    """

    segment: Segment
    expected_dice: float | None
    interpolation_dice: float | None
    steps: int
    blend: float
    other_volumes_dice: float | None = None


@dataclass(frozen=True)
class Adaptation:
    """The result of `adapt`.

    Attributes:
        task: for other volumes; can be saved.
        predictions: one for each annotated volume, annotated slices as drawn.
        quality: one for each segment.
        seconds: how long it took.
    """

    task: AdaptedTask
    predictions: tuple[Prediction, ...]
    quality: tuple[SegmentQuality, ...]
    seconds: float


class _Counter:
    """Turns ticks into progress events."""

    def __init__(self, callback: ProgressCallback | None, phase: str, total: int) -> None:
        self.callback = callback
        self.phase = phase
        self.total = max(1, total)
        self.done = 0
        self.tick(0)

    def tick(self, count: int = 1) -> None:
        self.done = min(self.total, self.done + count)
        if self.callback is not None:
            self.callback(Progress(self.phase, self.done, self.total))


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
        VolumeError: a volume that cannot be used.
    """
    started = time.monotonic()
    settings = settings or AdaptationSettings()
    if not cases:
        raise AnnotationError("No annotated volume was given: draw the structure on one slice or more.")
    target = resolve_device(device)
    for case in cases:
        check_supported(case.volume, case.annotation.axis)
    learner, header = load_checkpoint(find_weights(checkpoint))
    learner.to(target)
    torch.manual_seed(seed)
    slices = header["network"].get("slices", 5)
    stacks, grey = annotated_stacks(cases, settings.region)
    segments = cases[0].annotation.segments
    modes = (True, False) if settings.for_other_volumes else (True,)

    choices = _choose(learner, stacks, segments, settings, slices, modes, progress)
    total = sum(choice.steps + 1 for choice in choices.values())
    counter = _Counter(progress, "adapt", total)
    states: dict[tuple[int, bool], AdaptedState] = {}
    for (index, prior), choice in choices.items():
        support = support_examples(stacks, index, support_places(stacks), slices, prior=prior).to(target)
        states[index, prior] = learner.adapt(
            support_versions(support), steps=choice.steps, on_step=lambda *_: counter.tick()
        )

    predictions = []
    counter = _Counter(progress, "predict", sum(stack.shape[0] for stack in stacks))
    for case, stack in zip(cases, stacks, strict=True):
        predictions.append(
            _complete(
                learner,
                case,
                stack,
                [states[i, True] for i in range(len(segments))],
                [choices[i, True].blend for i in range(len(segments))],
                settings,
                slices,
                counter,
            )
        )
    task = AdaptedTask(
        segments,
        tuple(states[i, not settings.for_other_volumes] for i in range(len(segments))),
        {"name": Path(find_weights(checkpoint)).name, "sha256": header["sha256"]},
        stacks[0].frame.direction,
        float(np.sqrt(stacks[0].frame.spacing[1] * stacks[0].frame.spacing[2]) / stacks[0].window.zoom),
        (stacks[0].window.rows, stacks[0].window.columns),
        grey,
        {
            "version": __version__,
            "seed": seed,
            "device": str(target),
            "axis": cases[0].annotation.axis,
            "slices": [list(case.annotation.slices) for case in cases],
            "steps": [choices[i, modes[-1]].steps for i in range(len(segments))],
        },
    )
    quality = tuple(
        SegmentQuality(
            segment,
            choices[i, True].expected_dice,
            choices[i, True].interpolation_dice,
            choices[i, True].steps,
            choices[i, True].blend,
            choices[i, False].expected_dice if settings.for_other_volumes else None,
        )
        for i, segment in enumerate(segments)
    )
    return Adaptation(task, tuple(predictions), quality, time.monotonic() - started)


def _choose(
    learner: Learner,
    stacks: Sequence[AnnotatedStack],
    segments: Sequence[Segment],
    settings: AdaptationSettings,
    slices: int,
    modes: Sequence[bool],
    progress: ProgressCallback | None,
) -> dict[tuple[int, bool], Choice]:
    guard = Guard(learner, stacks, settings, slices, support_versions, lambda: counter.tick())
    folds = sum(len(guard.held_out_places(index)) for index in range(len(segments)))
    counter = _Counter(progress, "check", folds * len(modes) * (max(settings.steps) + 1))
    return {(index, prior): guard.choose(index, prior=prior) for index in range(len(segments)) for prior in modes}


def _complete(
    learner: Learner,
    case: AnnotatedVolume,
    stack: AnnotatedStack,
    states: Sequence[AdaptedState],
    blends: Sequence[float],
    settings: AdaptationSettings,
    slices: int,
    counter: _Counter,
) -> Prediction:
    """Predicts an annotated volume; its annotated slices stay as drawn."""
    device = next(learner.parameters()).device

    def segment_logits(positions: Sequence[int]) -> torch.Tensor:
        image = image_channels(stack.stack, positions, slices).to(device)
        features = learner.encode((image,))
        logits = []
        for state, prior, blend in zip(states, stack.priors, blends, strict=True):
            channels = segment_channels(stack.stack, positions, prior).to(device)
            logits.append(blended(learner.predict(state, (*features, channels)), channels, blend)[:, 0])
        return torch.stack(logits)

    values = [segment.value for segment in case.annotation.segments]
    labels, confidence = render(
        segment_logits, stack.window, stack.shape, values, settings.batch, lambda done: counter.tick(settings.batch)
    )
    drawn = stack.frame.to_slices(case.annotation.labels)
    for position in stack.positions:
        labels[position] = np.where(np.isin(drawn[position], values), drawn[position], 0)
        confidence[position] = 1.0
    return _prediction(case.volume, stack.frame, labels, confidence)


def _prediction(volume: Volume, frame: SliceFrame, labels: np.ndarray, confidence: np.ndarray) -> Prediction:
    return Prediction(
        replace(volume, array=np.ascontiguousarray(frame.from_slices(labels))),
        replace(volume, array=np.ascontiguousarray(frame.from_slices(confidence))),
    )


@torch.no_grad()
def predict(
    task: AdaptedTask,
    volume: Volume,
    *,
    device: str = "auto",
    checkpoint: str | Path | None = None,
    progress: ProgressCallback | None = None,
) -> Prediction:
    """Predicts a volume in which nothing is drawn.

    Args:
        task: from `adapt`, or loaded.
        volume: any volume of the cohort; may lie otherwise than the annotated one and have other spacing.
        device: as in `adapt`.
        checkpoint: the weights that the task was adapted from; None to find them by the task's own record.
        progress: as in `adapt`.

    Raises:
        CheckpointError: the weights are not those that the task was adapted from.
        DeviceError, VolumeError: as in `adapt`.
    """
    target = resolve_device(device)
    frame = SliceFrame.like(task.direction, volume.geometry.spacing, volume.geometry.direction)
    check_supported(volume, frame.axes[0])
    learner, header = load_checkpoint(find_weights(checkpoint or task.checkpoint["name"]))
    if header["sha256"] != task.checkpoint["sha256"]:
        raise CheckpointError(
            f"The task was adapted from other weights than {task.checkpoint['name']} of this installation: "
            "adapt again, or give the checkpoint it was made with."
        )
    learner.to(target)
    states = [{name: value.to(target) for name, value in state.items()} for state in task.states]
    slices_seen = header["network"].get("slices", 5)
    slices = frame.to_slices(finite(volume.array))
    window = _whole(slices.shape[1:], frame, task, 8)
    offset, scale = relative_range(slices)
    image = torch.from_numpy(np.ascontiguousarray(slices, dtype=np.float32))
    stack = SliceStack.cut(task.grey((image - offset) / scale), window, frame.pitch)
    counter = _Counter(progress, "predict", len(slices))

    def tile_logits(channels: torch.Tensor) -> torch.Tensor:
        features = learner.encode((channels[:, :slices_seen],))
        segment = channels[:, slices_seen:]
        return torch.cat([learner.predict(state, (*features, segment)) for state in states], dim=1)

    def segment_logits(positions: Sequence[int]) -> torch.Tensor:
        inputs = torch.cat([image_channels(stack, positions, slices_seen), segment_channels(stack, positions)], dim=1)
        tile = tuple(min(t, s) for t, s in zip(task.tile, inputs.shape[2:], strict=True))
        logits = sliding_window_inference(
            inputs.to(target), tile, 4, tile_logits, overlap=0.5, mode="gaussian", padding_mode="replicate"
        )
        return logits.transpose(0, 1)

    values = [segment.value for segment in task.segments]
    batch = 4
    labels, confidence = render(segment_logits, window, slices.shape, values, batch, lambda done: counter.tick(batch))
    return _prediction(volume, frame, labels, confidence)


def _whole(shape: tuple[int, int], frame: SliceFrame, task: AdaptedTask, multiple: int) -> Window:
    """The whole slice at the task's resolution."""
    sizes = [
        max(2 * multiple, multiple * round(n * mm / task.pixel / multiple))
        for n, mm in zip(shape, frame.spacing[1:], strict=True)
    ]
    return Window(0, 0, *shape, *sizes)
