"""Volumes in which nothing is drawn: prediction by an adapted task."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from monai.inferers import sliding_window_inference

from medmeta.adaptation.calibration import FITTED, Calibration
from medmeta.adaptation.clean_up import cleaned
from medmeta.adaptation.expectation import ExpectedDice
from medmeta.adaptation.frame import SliceFrame
from medmeta.adaptation.render import all_logits, render
from medmeta.adaptation.results import Counter, Prediction
from medmeta.adaptation.similarity import compare
from medmeta.adaptation.task import AdaptedTask
from medmeta.adaptation.validation import check_states
from medmeta.adaptation.walk import USUAL_WALK, RandomWalk, walk_counter, walked
from medmeta.adaptation.whole import whole_stack
from medmeta.devices import resolve_device
from medmeta.episodes import image_channels, segment_channels
from medmeta.errors import CheckpointError
from medmeta.learners.checkpoint import load_checkpoint
from medmeta.learners.weights import find_weights
from medmeta.progress import ProgressCallback
from medmeta.volumes import Volume, check_supported

TILES = 8
"""Slices, and tiles, that usually go through the network at once."""


@torch.no_grad()
def predict(
    task: AdaptedTask,
    volume: Volume,
    *,
    device: str = "auto",
    checkpoint: str | Path | None = None,
    calibration: Calibration = FITTED,
    clean_up: bool = True,
    walk: RandomWalk | None = USUAL_WALK,
    batch: int = TILES,
    progress: ProgressCallback | None = None,
) -> Prediction:
    """Predicts a volume in which nothing is drawn.

    Args:
        task: from `adapt`, or loaded.
        volume: any volume of the cohort; may lie otherwise than the annotated one and have other spacing.
        device: "auto", "cpu", "cuda" or "cuda:N".
        checkpoint: the weights that the task was adapted from; None to find them by the task's own record.
        calibration: of the probabilities.
        clean_up: take stray parts away and fill holes.
        walk: carries the network's answer along the volume's grey values; None for the network alone.
        batch: slices, and tiles, that go through the network at once.
        progress: told how far it is; may raise `Cancelled`.

    Returns:
        The prediction, with its similarity to the annotated volumes.

    Raises:
        CheckpointError: the weights are not those that the task was adapted from, or the task's do not fit them.
        DeviceError: the device is not there.
        VolumeError: a volume that cannot be used.
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
    try:
        check_states(task.shared, task.states, learner)
    except ValueError as error:
        raise CheckpointError(f"The task does not fit its weights ({error}): adapt again.") from error
    learner.load_state_dict(task.shared, strict=False)
    learner.to(target)
    states = [{name: value.to(target) for name, value in state.items()} for state in task.states]
    seen = header["network"]["slices"]
    stack, window = whole_stack(volume, frame, task.pixel, task.grey)
    shape = frame.to_slices(volume.array).shape
    counter = Counter(progress, "predict", shape[0])

    def tile_logits(channels: torch.Tensor) -> torch.Tensor:
        features = learner.encode((channels[:, :seen],))
        return torch.cat([learner.predict(state, (*features, channels[:, seen:])) for state in states], dim=1)

    def segment_logits(positions: Sequence[int]) -> torch.Tensor:
        inputs = torch.cat([image_channels(stack, positions, seen), segment_channels(stack, positions)], dim=1)
        tile = tuple(min(t, s) for t, s in zip(task.tile, inputs.shape[2:], strict=True))
        logits = sliding_window_inference(
            inputs.to(target), tile, batch, tile_logits, overlap=0.5, mode="gaussian", padding_mode="replicate"
        )
        return calibration.without_prior(logits.transpose(0, 1))

    values = [segment.value for segment in task.segments]
    logits = all_logits(segment_logits, shape[0], batch, counter.tick)
    counter = walk_counter(progress, walk, len(values))
    logits = walked(logits, stack, walk, on_step=counter.tick)
    labels, confidence, overlap = render(
        lambda positions: logits[:, list(positions)], window, shape, values, batch, lambda _: counter.tick(0)
    )
    counter.finish()
    if clean_up:
        labels, confidence = cleaned(labels, confidence, values)
    expected = ExpectedDice.of(overlap, flipped=frame.flips[0])
    return Prediction.from_slices(volume, frame, labels, confidence, expected, compare(task, volume, target))
