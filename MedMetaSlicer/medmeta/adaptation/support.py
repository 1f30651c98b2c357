"""Annotated volumes turned into what a learner adapts to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from medmeta.adaptation.frame import SliceFrame
from medmeta.annotations import AnnotatedVolume
from medmeta.episodes import (
    Examples,
    GreyWindow,
    RegionRule,
    SliceStack,
    Window,
    image_channels,
    relative,
    relative_range,
    segment_channels,
)
from medmeta.errors import AnnotationError
from medmeta.priors import ShapePrior, shape_priors
from medmeta.volumes import finite

Place = tuple[int, int]
"""(volume, slice number) of an annotated slice."""


@dataclass(frozen=True)
class AnnotatedStack:
    """One annotated volume in the network's frame.

    Attributes:
        frame: how the volume's axes lie.
        window: the region of interest.
        stack: its slices, normalised.
        positions: the annotated slices, increasing.
        masks: (S, K, h, w) boolean, the S segments on the annotated slices, in the window.
        priors: one for each segment; parts of one structure share its shape.
        shape: (Z, H, W) of the whole volume in the frame.
    """

    frame: SliceFrame
    window: Window
    stack: SliceStack
    positions: tuple[int, ...]
    masks: torch.Tensor
    priors: tuple[ShapePrior, ...]
    shape: tuple[int, int, int]


def annotated_stacks(
    cases: Sequence[AnnotatedVolume],
    rule: RegionRule,
    device: torch.device | str = "cpu",
    on_step: Callable[[], None] = lambda: None,
) -> tuple[tuple[AnnotatedStack, ...], GreyWindow]:
    """Brings annotated volumes into one frame.

    Args:
        cases: one or more; the first sets the frame that the others are turned to.
        rule: region of interest and resolution.
        device: where the stacks are kept.
        on_step: called now and then; may raise to stop.

    Returns:
        A stack for each case, and the grey window that all volumes of the cohort share.

    Raises:
        AnnotationError: the cases are annotated along different axes, or with different segments.
    """
    values = [segment.value for segment in cases[0].annotation.segments]
    frames = [_frame(case, cases[0]) for case in cases]
    prepared = []
    for case, frame in zip(cases, frames, strict=True):
        if [segment.value for segment in case.annotation.segments] != values:
            raise AnnotationError(
                f"{case.volume.name} and {cases[0].volume.name} are annotated with different segments: "
                "use the same label values in every volume."
            )
        slices = frame.to_slices(finite(case.volume.array))
        labels = frame.to_slices(case.annotation.labels)
        positions = tuple(sorted(frame.position(p, len(slices)) for p in case.annotation.slices))
        drawn = torch.from_numpy(np.stack([labels[list(positions)] == value for value in values]))
        prepared.append((frame, slices, positions, drawn))
        on_step()
    ranges = [relative_range(slices) for _, slices, _, _ in prepared]
    scaled = []
    for (_, slices, positions, drawn), own in zip(prepared, ranges, strict=True):
        scaled.append((relative(slices[list(positions)], own), drawn.any(0)))
    grey = _grey(scaled)
    stacks = []
    for (frame, slices, positions, drawn), own in zip(prepared, ranges, strict=True):
        window = rule.window(drawn, frame.spacing[1:])
        stack = SliceStack.cut(slices, window, frame.pitch, grey.of(own), device, on_step=on_step)
        masks = torch.stack([window.crop_masks(segment) for segment in drawn])
        images = stack.image[list(positions)].cpu().numpy()
        priors = shape_priors(masks.numpy(), images, positions, stack.pitch, device, on_step)
        stacks.append(AnnotatedStack(frame, window, stack, positions, masks.to(device), priors, slices.shape))
    return tuple(stacks), grey


def _frame(case: AnnotatedVolume, first: AnnotatedVolume) -> SliceFrame:
    geometry = case.volume.geometry
    if case is first:
        return SliceFrame.along(case.annotation.axis, geometry.spacing, geometry.direction)
    reference = SliceFrame.along(first.annotation.axis, first.volume.geometry.spacing, first.volume.geometry.direction)
    frame = SliceFrame.like(reference.direction, geometry.spacing, geometry.direction)
    if frame.axes[0] != case.annotation.axis:
        raise AnnotationError(
            f"{case.volume.name} is annotated along axis {case.annotation.axis}, but the slices of "
            f"{first.volume.name} lie along its axis {frame.axes[0]}: annotate all volumes in the same orientation."
        )
    return frame


def _grey(scaled: Sequence[tuple[torch.Tensor, torch.Tensor]]) -> GreyWindow:
    windows = [GreyWindow.fit(image, mask) for image, mask in scaled if bool(mask.any())]
    return GreyWindow(float(np.mean([w.centre for w in windows])), float(np.mean([w.width for w in windows])))


def support_places(stacks: Sequence[AnnotatedStack]) -> list[Place]:
    """All annotated slices of all volumes."""
    return [(volume, position) for volume, stack in enumerate(stacks) for position in stack.positions]


def support_examples(
    stacks: Sequence[AnnotatedStack],
    segment: int,
    places: Sequence[Place],
    slices: int,
    *,
    prior: bool,
    held_out: Place | None = None,
    masks: Mapping[Place, torch.Tensor] | None = None,
) -> Examples:
    """A segment's examples on annotated slices.

    Args:
        stacks: the annotated volumes; windows may differ in size only if one volume's slices are asked for at a time.
        segment: which segment.
        places: the slices.
        slices: neighbouring slices in the image channels.
        prior: with the shape prior from the volume's other annotated slices, or without.
        held_out: an annotated slice whose drawing must not enter anything.
        masks: (h, w) targets of slices that are not annotated, if any of `places` is not.

    Returns:
        Examples with inputs (image channels, segment channels); all windows padded to the largest by edge values.
    """
    images, segments, targets = [], [], []
    for volume, position in places:
        case = stacks[volume]
        hidden = [position] + ([held_out[1]] if held_out is not None and held_out[0] == volume else [])
        images.append(image_channels(case.stack, [position], slices))
        segments.append(segment_channels(case.stack, [position], case.priors[segment] if prior else None, [hidden]))
        if masks is not None and (volume, position) in masks:
            mask = masks[volume, position]
        else:
            mask = case.masks[segment, case.positions.index(position)]
        targets.append(mask[None, None].float())
    rows = max(t.shape[2] for t in targets)
    columns = max(t.shape[3] for t in targets)

    def joined(parts: list[torch.Tensor]) -> torch.Tensor:
        pads = [(0, columns - p.shape[3], 0, rows - p.shape[2]) for p in parts]
        return torch.cat(
            [torch.nn.functional.pad(p, pad, mode="replicate") for p, pad in zip(parts, pads, strict=True)]
        )

    return Examples((joined(images), joined(segments)), joined(targets))
