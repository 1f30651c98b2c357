"""How close a volume is to those that a task was adapted on, by the image-level Siamese network.

Far ones are out of range: another part of the body, another orientation, another sequence. A prediction there
is not to be trusted, whatever its confidence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import torch

from medmeta.adaptation.contenders import Load, load_contender
from medmeta.adaptation.frame import SliceFrame
from medmeta.adaptation.results import Similarity
from medmeta.devices import resolve_device
from medmeta.episodes import GreyWindow, image_channels
from medmeta.episodes.channels import neighbours
from medmeta.errors import CheckpointError
from medmeta.learners.factory import IMAGE_LEVEL
from medmeta.transfer.whole import whole_stack
from medmeta.volumes import Volume

if TYPE_CHECKING:
    from medmeta.adaptation.task import AdaptedTask

PLACES = 16
"""Slices of a volume that are looked at, spread evenly."""

LARGEST = 96
"""Longest side of such a slice, network pixels."""


class Signatures:
    """Makes signatures of volumes.

    Args:
        device: "auto", "cpu", "cuda" or "cuda:N".
        load: loads the network; None for `load_contender`.

    Raises:
        CheckpointError: the bundled weights are missing or damaged.
        DeviceError: the device is not there.
    """

    def __init__(self, device: str | torch.device = "auto", load: Load | None = None) -> None:
        self.device = resolve_device(device) if isinstance(device, str) else device
        found = (load or load_contender)(IMAGE_LEVEL, self.device)
        self.learner, self.slices = found.learner, found.slices
        self.threshold = float(self.learner.threshold.detach())

    @torch.no_grad()
    def of(
        self,
        volume: Volume,
        frame: SliceFrame,
        pixel: float,
        grey: GreyWindow,
        on_step: Callable[[], None] = lambda: None,
    ) -> torch.Tensor:
        """(width,) signature of a volume.

        Args:
            volume: the volume.
            frame: how its axes lie.
            pixel: mm of a network pixel.
            grey: the cohort's grey window.
            on_step: called now and then; may raise to stop.
        """
        slices = frame.to_slices(volume.array)
        positions = [int((i + 0.5) * len(slices) / PLACES) for i in range(PLACES)]
        longest = max(n * mm for n, mm in zip(slices.shape[1:], frame.spacing[1:], strict=True))
        positions = sorted(set(positions))

        def wanted(stride: int) -> list[int]:
            return neighbours(positions, self.slices, stride, len(slices)).unique().tolist()

        stack, _ = whole_stack(volume, frame, max(pixel, longest / LARGEST), grey, self.device, wanted, on_step)
        image = image_channels(stack, positions, self.slices).to(self.device)
        return self.learner.signatures(image[None])[0].cpu()

    @torch.no_grad()
    def compare(self, task: AdaptedTask, volume: Volume, on_step: Callable[[], None] = lambda: None) -> Similarity:
        """How close a volume is to the nearest of a task's annotated ones; `on_step` is called now and then.

        Raises:
            CheckpointError: the task's signatures are of another network.
        """
        if task.signatures.shape[1] != self.learner.width:
            raise CheckpointError(
                f"The task's signatures have {task.signatures.shape[1]} numbers, not {self.learner.width}: adapt again."
            )
        frame = SliceFrame.like(task.direction, volume.geometry.spacing, volume.geometry.direction)
        found = self.of(volume, frame, task.pixel, task.grey, on_step)
        return Similarity(float(self.learner.distances(found[None], task.signatures.cpu())), self.threshold)


def compare(task: AdaptedTask, volume: Volume, device: str | torch.device = "auto") -> Similarity:
    """How close a volume is to the annotated ones of a task.

    Args:
        task: from `adapt`, or loaded.
        volume: any.
        device: where to compute.

    Raises:
        CheckpointError, DeviceError: see `Signatures`.
    """
    return Signatures(device).compare(task, volume)


def rank(
    tasks: Mapping[str, AdaptedTask], volume: Volume, device: str | torch.device = "auto"
) -> list[tuple[str, Similarity]]:
    """Saved tasks by how well they suit a volume, the best first."""
    signatures = Signatures(device)
    found = [(name, signatures.compare(task, volume)) for name, task in tasks.items()]
    return sorted(found, key=lambda pair: pair[1].distance)
