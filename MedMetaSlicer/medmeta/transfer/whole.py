"""All of a volume's slices, whole, at the network's resolution: how volumes in which nothing is drawn are seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from medmeta.adaptation.frame import SliceFrame
from medmeta.episodes import GreyWindow, SliceStack, Window, relative_range
from medmeta.errors import VolumeError
from medmeta.volumes import Volume, finite
from medmeta.volumes.claims import check_memory

LARGEST_SIDE = 6144
"""Network pixels; a slice of 2048 pixels at the finest resolution that adaptation chooses has 5120."""


def whole_stack(
    volume: Volume,
    frame: SliceFrame,
    pixel: float,
    grey: GreyWindow,
    device: torch.device | str = "cpu",
    wanted: Callable[[int], Sequence[int]] | None = None,
    on_step: Callable[[], None] = lambda: None,
) -> tuple[SliceStack, Window]:
    """All of a volume's slices, whole, as the network sees them.

    Args:
        volume: the volume.
        frame: how its axes lie.
        pixel: mm of a network pixel.
        grey: the cohort's grey window.
        device, wanted, on_step: see `SliceStack.cut`.

    Raises:
        VolumeError: more than `LARGEST_SIDE` such pixels a side, or more memory than there is.
    """
    slices = frame.to_slices(volume.array)
    window = _whole_slice(slices.shape[1:], frame, pixel)
    check_window(volume, window, len(slices), pixel)
    slices = frame.to_slices(finite(volume.array, volume.name))
    on_step()
    return SliceStack.cut(slices, window, frame.pitch, grey.of(relative_range(slices)), device, wanted, on_step), window


def check_window(volume: Volume, window: Window, slices: int, pixel: float) -> None:
    """Checks that so many slices of a volume in a window can be worked on.

    Raises:
        VolumeError: more than `LARGEST_SIDE` pixels a side, or more memory than there is.
    """
    if max(window.rows, window.columns) > LARGEST_SIDE:
        raise VolumeError(
            f"{volume.name} would have {window.rows} x {window.columns} of the task's {pixel:.3g} mm pixels a slice; "
            f"up to {LARGEST_SIDE} a side work: use a task that was adapted on volumes of this kind."
        )
    check_memory((slices, window.rows, window.columns), 4, f"{volume.name}, at the task's resolution,")


def _whole_slice(shape: tuple[int, int], frame: SliceFrame, pixel: float, multiple: int = 8) -> Window:
    """The whole slice at a resolution of `pixel` mm."""
    sizes = [
        max(4 * multiple, multiple * round(n * mm / pixel / multiple))
        for n, mm in zip(shape, frame.spacing[1:], strict=True)
    ]
    return Window(0, 0, *shape, *sizes)
