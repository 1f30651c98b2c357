"""Volumes in which nothing is drawn: prediction by an adapted task."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from medmeta.adaptation.calibration import AFTER_WALK, FITTED, Calibration
from medmeta.adaptation.contenders import Load
from medmeta.adaptation.expectation import ExpectedDice
from medmeta.adaptation.frame import SliceFrame
from medmeta.adaptation.render import Canvas, all_logits, in_volume
from medmeta.adaptation.results import Counter, Prediction
from medmeta.adaptation.task import AdaptedTask
from medmeta.devices import quick_precision, resolve_device, usual_batch
from medmeta.episodes import SliceStack, image_channels, relative_range, segment_channels
from medmeta.errors import CheckpointError
from medmeta.learners.checkpoint import load_checkpoint
from medmeta.learners.weights import find_weights
from medmeta.postprocessing.clean_up import clean
from medmeta.postprocessing.walk import USUAL_WALK, RandomWalk, walk_counter, walked
from medmeta.progress import ProgressCallback
from medmeta.transfer.atlas import MARGIN, Atlas, Place, count_stages, fused
from medmeta.transfer.similarity import Signatures
from medmeta.transfer.template import TemplateMaps
from medmeta.transfer.tiled import tiled
from medmeta.transfer.whole import check_window, whole_stack
from medmeta.volumes import Volume, check_supported, finite
from medmeta.volumes.claims import check_memory

AT_ONCE = {"cpu": 0, "cuda": 1_000_000}
"""Pixels of tiles that go through the network at once, where so many slices are not fewer: small tiles leave a GPU
idle."""

FAR = 2.0
"""Times the distance up to which volumes are in range: beyond it nothing is laid over them, whatever they look like."""


class Predictor:
    """An adapted task with its network on a device: loaded once, for any number of volumes.

    Args:
        task: from `adapt`, or loaded.
        device: "auto", "cpu", "cuda" or "cuda:N".
        checkpoint: the weights that the task was adapted from; None to find them by the task's own record.
        load: loads the network for similarity, see `KeptLearners`; None to load it from the disk.

    Raises:
        CheckpointError: the weights are not those that the task was adapted from.
        DeviceError: the device is not there.
    """

    def __init__(
        self,
        task: AdaptedTask,
        device: str = "auto",
        checkpoint: str | Path | None = None,
        load: Load | None = None,
    ) -> None:
        self.task, self.device = task, resolve_device(device)
        self._learner, header = load_checkpoint(find_weights(checkpoint or task.checkpoint["name"]))
        if header["sha256"] != task.checkpoint["sha256"]:
            raise CheckpointError(
                f"The task was adapted from other weights than {task.checkpoint['name']} of this installation: "
                "adapt again, or give the checkpoint it was made with."
            )
        self._learner.to(self.device)
        self._states = task.loaded_into(self._learner)
        self._seen = header["network"]["slices"]
        self._signatures = Signatures(self.device, load)
        self._maps: list[TemplateMaps] | None = None  # made for the first volume that looks like the annotated ones

    @torch.no_grad()
    def __call__(
        self,
        volume: Volume,
        *,
        calibration: Calibration = FITTED,
        after_walk: Calibration = AFTER_WALK,
        clean_up: bool = True,
        walk: RandomWalk | None = USUAL_WALK,
        batch: int | None = None,
        progress: ProgressCallback | None = None,
    ) -> Prediction:
        """Predicts a volume in which nothing is drawn; see `predict`."""
        task, batch = self.task, batch or usual_batch(self.device)
        frame = SliceFrame.like(task.direction, volume.geometry.spacing, volume.geometry.direction)
        begun = Counter(progress, "register" if task.templates else "predict", 1)
        check_supported(volume, frame.axes[0])
        begun.pause()
        slices = frame.to_slices(finite(volume.array, volume.name))
        similarity = self._signatures.compare(task, volume, begun.pause)
        atlas = self._laid_over(slices, frame, progress) if similarity.distance <= FAR * similarity.threshold else None
        place = atlas.place(task.pixel, MARGIN) if atlas is not None else None
        if place is None:
            atlas = None
            stack, window = whole_stack(volume, frame, task.pixel, task.grey, self.device, on_step=begun.pause)
            place = Place(0, len(slices), window)
        else:
            begun = Counter(progress, "predict", 1)
            check_window(volume, place.window, len(slices), task.pixel)
            grey = task.grey.of(relative_range(slices))
            stack = SliceStack.cut(slices, place.window, frame.pitch, grey, self.device, on_step=begun.pause)
        values, count = [segment.value for segment in task.segments], place.stop - place.first
        size = (count, *stack.image.shape[1:])
        check_memory((len(values), *size), 4, f"{volume.name}, for each of {len(values)} segments,")
        counter = Counter(progress, "predict", count)
        logits = all_logits(
            lambda positions: self._logits(
                stack, [place.first + p for p in positions], batch, calibration, counter.pause
            ),
            count, batch, counter.tick,
        )  # fmt: skip
        if atlas is not None:
            weights = atlas.weights(place, counter.pause)
            logits = fused(logits, atlas.distances(place, counter.pause), weights, task.pixel, counter.pause)
        counter = walk_counter(progress, walk, len(values))
        logits = walked(logits, stack.part(place.first, place.stop), walk, on_step=counter.tick)
        if atlas is not None:
            logits = after_walk.of_volume(logits, (), stack.pitch, counter.pause)
        there = range(place.first, place.stop)
        canvas = Canvas(place.window, slices.shape, values, batch, self.device, there)
        found = canvas.render(lambda positions: logits[:, positions.start : positions.stop], counter.pause)
        counter.finish()
        if clean_up:
            clean(found.labels, found.confidence, values, on_step=counter.pause)
        expected = ExpectedDice.of(found.overlap, flipped=frame.flips[0])
        labels = in_volume(found.labels, frame, volume.array, np.min_scalar_type(max(values)))
        return Prediction.of(volume, labels, in_volume(found.confidence, frame, volume.array), expected, similarity)

    def _laid_over(self, slices: np.ndarray, frame: SliceFrame, progress: ProgressCallback | None) -> Atlas | None:
        """The annotated volumes laid over this one; None where none fits, or the task has none."""
        templates = self.task.templates
        if not templates:
            return None
        counter = Counter(progress, "register", count_stages(len(templates)))
        if self._maps is None:
            self._maps = [t.on(self.device, len(self.task.segments), counter.pause) for t in templates]
        atlas = Atlas(slices, frame, self._maps, on_stage=counter.tick, on_step=counter.pause)
        counter.finish()
        return atlas if atlas.fits else None

    def _logits(
        self,
        stack: SliceStack,
        positions: Sequence[int],
        batch: int,
        calibration: Calibration,
        pause: Callable[[], None],
    ) -> torch.Tensor:
        """(S, B, h, w) of the network, calibrated."""
        inputs = torch.cat([image_channels(stack, positions, self._seen), segment_channels(stack, positions)], dim=1)
        tile = tuple(min(t, s) for t, s in zip(self.task.tile, inputs.shape[2:], strict=True))

        def tile_logits(channels: torch.Tensor) -> torch.Tensor:
            with quick_precision(self.device):
                features = self._learner.encode((channels[:, : self._seen],))
                found = []
                for state in self._states:
                    pause()
                    found.append(self._learner.predict(state, (*features, channels[:, self._seen :])))
                return torch.cat(found, dim=1).float()

        at_once = max(batch, batch * AT_ONCE[self.device.type] // (usual_batch(self.device) * math.prod(tile)))
        logits = tiled(inputs.to(self.device), tile, at_once, tile_logits, pause)
        return calibration.without_prior(logits.transpose(0, 1))


def predict(
    task: AdaptedTask,
    volume: Volume,
    *,
    device: str = "auto",
    checkpoint: str | Path | None = None,
    calibration: Calibration = FITTED,
    after_walk: Calibration = AFTER_WALK,
    clean_up: bool = True,
    walk: RandomWalk | None = USUAL_WALK,
    batch: int | None = None,
    progress: ProgressCallback | None = None,
) -> Prediction:
    """Predicts a volume in which nothing is drawn.

    Args:
        task, device, checkpoint: see `Predictor`, which is quicker for several volumes.
        volume: any volume of the cohort; may lie otherwise than the annotated one and have other spacing.
        calibration: of the network's probabilities, before templates and the random walk.
        after_walk: calibration of what they make of them, where templates were laid over the volume.
        clean_up: take stray parts away and fill holes.
        walk: carries the network's answer along the volume's grey values; None for the network alone.
        batch: slices, and at least as many tiles, that go through the network at once; None for what suits the device.
        progress: told how far it is; may raise `Cancelled`.

    Returns:
        The prediction, with its similarity to the annotated volumes.

    Raises:
        CheckpointError, DeviceError: see `Predictor`.
        VolumeError: a volume that cannot be used, or too large for memory at the task's resolution.
    """
    predictor = Predictor(task, device, checkpoint)
    return predictor(
        volume,
        calibration=calibration,
        after_walk=after_walk,
        clean_up=clean_up,
        walk=walk,
        batch=batch,
        progress=progress,
    )
