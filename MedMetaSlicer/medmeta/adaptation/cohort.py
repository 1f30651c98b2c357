"""Volumes in which nothing is drawn: adaptation without the prior, and prediction of a whole volume."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from monai.inferers import sliding_window_inference

from medmeta.adaptation.augment import flipped
from medmeta.adaptation.frame import SliceFrame
from medmeta.adaptation.render import render
from medmeta.adaptation.results import Counter, Prediction
from medmeta.adaptation.settings import AdaptationSettings
from medmeta.adaptation.support import AnnotatedStack, Place, annotated_stacks, support_examples, support_places
from medmeta.adaptation.task import AdaptedTask
from medmeta.annotations import AnnotatedVolume
from medmeta.devices import resolve_device
from medmeta.episodes import Examples, SliceStack, Window, image_channels, relative_range, segment_channels
from medmeta.errors import CheckpointError
from medmeta.learners.base import AdaptedState, Learner
from medmeta.learners.checkpoint import load_checkpoint
from medmeta.learners.weights import find_weights
from medmeta.progress import ProgressCallback
from medmeta.volumes import Volume, check_supported, finite

TILES = 8
"""Tiles that go through the network at once."""

GROUP = 6
"""Completed slices in one inner step."""


class CohortAdapter:
    """Adapts a learner for other volumes: the drawn slices and, as pseudo-labels, the completed slices between them.

    Args:
        learner: the meta-learner.
        cases: the annotated volumes.
        completed: their completed label maps, (I, J, K) each.
        settings: how far to go.
        slices: neighbouring slices in the image channels.
    """

    def __init__(
        self,
        learner: Learner,
        cases: Sequence[AnnotatedVolume],
        completed: Sequence[np.ndarray],
        settings: AdaptationSettings,
        slices: int,
    ) -> None:
        # A wider view than for the annotated volume itself: elsewhere in the slice must be learned to be elsewhere.
        wide = replace(settings.region, margin=settings.other_margin)
        self.stacks, self.grey = annotated_stacks(cases, wide)
        self.learner = learner
        self.values = [segment.value for segment in cases[0].annotation.segments]
        self.labels = [stack.frame.to_slices(labels) for stack, labels in zip(self.stacks, completed, strict=True)]
        self.settings = settings
        self.slices = slices

    def adapt(self, segment: int, counter: Counter, seed: int) -> AdaptedState:
        """Adapts to one segment."""
        device = next(self.learner.parameters()).device
        drawn = support_examples(self.stacks, segment, support_places(self.stacks), self.slices, prior=False)
        support = [drawn.to(device), *self._pseudo(segment, seed, device)]
        return self.learner.adapt(support, steps=self.settings.other_steps, on_step=lambda *_: counter.tick())

    def _pseudo(self, segment: int, seed: int, device: torch.device) -> list[Examples]:
        generator = torch.Generator().manual_seed(seed)
        places, masks = self._completed(segment)
        order = torch.randperm(len(places), generator=generator).tolist()
        groups = []
        for start in range(0, len(order), GROUP):
            chosen = [places[i] for i in order[start : start + GROUP]]
            examples = support_examples(self.stacks, segment, chosen, self.slices, prior=False, masks=masks).to(device)
            turns: list[tuple[int, ...]] = [(), (-1,), (-2,)]
            turn = turns[int(torch.randint(3, (), generator=generator))]
            groups.append(flipped(examples, turn) if turn else examples)
        return groups

    def _completed(self, segment: int) -> tuple[list[Place], dict[Place, torch.Tensor]]:
        """Completed slices: most of them where the structure is, some beyond, spread evenly."""
        places: list[Place] = []
        masks: dict[Place, torch.Tensor] = {}
        share = max(4, self.settings.other_slices // len(self.stacks))
        for volume, (stack, labels) in enumerate(zip(self.stacks, self.labels, strict=True)):
            found = labels == self.values[segment]
            shown = np.flatnonzero(found.any(axis=(1, 2)))
            near = set(range(max(0, shown[0] - 3), min(len(labels), shown[-1] + 4))) if len(shown) else set()
            far = [z for z in range(len(labels)) if z not in near]
            chosen = _spread(sorted(near), 3 * share // 4) + _spread(far, share // 4)
            for z in chosen:
                if z in stack.positions:
                    continue
                places.append((volume, z))
                masks[volume, z] = stack.window.crop_masks(torch.from_numpy(found[z].copy())[None])[0]
        return places, masks

    @property
    def first(self) -> AnnotatedStack:
        """The stack that sets the frame."""
        return self.stacks[0]


def _spread(items: Sequence[int], count: int) -> list[int]:
    if len(items) <= count:
        return list(items)
    return [items[int((i + 0.5) * len(items) / count)] for i in range(count)]


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
        device: "auto", "cpu", "cuda" or "cuda:N".
        checkpoint: the weights that the task was adapted from; None to find them by the task's own record.
        progress: told how far it is; may raise `Cancelled`.

    Raises:
        CheckpointError: the weights are not those that the task was adapted from.
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
    learner.to(target)
    states = [{name: value.to(target) for name, value in state.items()} for state in task.states]
    seen = header["network"]["slices"]
    slices = frame.to_slices(finite(volume.array, volume.name))
    window = _whole_slice(slices.shape[1:], frame, task.pixel)
    offset, scale = relative_range(slices)
    image = torch.from_numpy(np.ascontiguousarray(slices, dtype=np.float32))
    stack = SliceStack.cut(task.grey((image - offset) / scale), window, frame.pitch)
    counter = Counter(progress, "predict", len(slices))

    def tile_logits(channels: torch.Tensor) -> torch.Tensor:
        features = learner.encode((channels[:, :seen],))
        return torch.cat([learner.predict(state, (*features, channels[:, seen:])) for state in states], dim=1)

    def segment_logits(positions: Sequence[int]) -> torch.Tensor:
        inputs = torch.cat([image_channels(stack, positions, seen), segment_channels(stack, positions)], dim=1)
        tile = tuple(min(t, s) for t, s in zip(task.tile, inputs.shape[2:], strict=True))
        logits = sliding_window_inference(
            inputs.to(target), tile, TILES, tile_logits, overlap=0.5, mode="gaussian", padding_mode="replicate"
        )
        return logits.transpose(0, 1)

    values = [segment.value for segment in task.segments]
    labels, confidence = render(segment_logits, window, slices.shape, values, TILES, counter.tick)
    return Prediction.from_slices(volume, frame, labels, confidence)


def _whole_slice(shape: tuple[int, int], frame: SliceFrame, pixel: float, multiple: int = 8) -> Window:
    """The whole slice at a task's resolution, in mm of a pixel."""
    sizes = [
        max(4 * multiple, multiple * round(n * mm / pixel / multiple))
        for n, mm in zip(shape, frame.spacing[1:], strict=True)
    ]
    return Window(0, 0, *shape, *sizes)
