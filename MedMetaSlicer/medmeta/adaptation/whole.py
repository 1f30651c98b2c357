"""All of a volume's slices, whole, at the network's resolution: how volumes in which nothing is drawn are seen."""

from __future__ import annotations

from medmeta.adaptation.frame import SliceFrame
from medmeta.episodes import GreyWindow, SliceStack, Window, relative_range
from medmeta.volumes import Volume, finite


def whole_stack(volume: Volume, frame: SliceFrame, pixel: float, grey: GreyWindow) -> tuple[SliceStack, Window]:
    """All of a volume's slices, whole, as the network sees them.

    Args:
        volume: the volume.
        frame: how its axes lie.
        pixel: mm of a network pixel.
        grey: the cohort's grey window.
    """
    slices = frame.to_slices(finite(volume.array, volume.name))
    window = _whole_slice(slices.shape[1:], frame, pixel)
    return SliceStack.cut(slices, window, frame.pitch, grey.of(relative_range(slices))), window


def _whole_slice(shape: tuple[int, int], frame: SliceFrame, pixel: float, multiple: int = 8) -> Window:
    """The whole slice at a resolution of `pixel` mm."""
    sizes = [
        max(4 * multiple, multiple * round(n * mm / pixel / multiple))
        for n, mm in zip(shape, frame.spacing[1:], strict=True)
    ]
    return Window(0, 0, *shape, *sizes)
