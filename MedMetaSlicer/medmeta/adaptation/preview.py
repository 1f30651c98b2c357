"""A first answer at once, before the network has seen anything: what the drawn shapes alone say."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from medmeta.adaptation.decision import label_type
from medmeta.adaptation.render import AT_ONCE, batches, blank, in_volume
from medmeta.adaptation.support import AnnotatedStack
from medmeta.annotations import AnnotatedVolume


def interpolated(case: AnnotatedVolume, stack: AnnotatedStack, on_slice: Callable[[], None]) -> np.ndarray:
    """Shapes interpolated between the annotated slices, which stay as drawn.

    Args:
        case, stack: the volume.
        on_slice: called every few slices; may raise to stop.

    Returns:
        (I, J, K) label map; where shapes overlap, each voxel goes to the one whose border is farthest.
    """
    annotation, shape, device = case.annotation, stack.shape, stack.masks.device
    values = [segment.value for segment in annotation.segments]
    kind = label_type(values)
    labels = blank(shape, 0, kind, device)
    area = stack.window.height * stack.window.width
    for few in batches(shape[0], max(1, AT_ONCE[device.type] // area)):
        on_slice()
        distances = torch.stack([torch.stack([prior.at(position) for position in few]) for prior in stack.priors])
        there = distances > 0
        if not bool(there.any()):
            continue
        box = stack.window.reached(there.flatten(0, 1).any(0), shape[1:])
        found, farthest = torch.zeros((), dtype=kind, device=device), torch.zeros((), device=device)
        for value, own in zip(values, distances, strict=True):
            own = stack.window.enlarged(own, shape[1:], box)
            found = torch.where(own > farthest, value, found)
            farthest = torch.maximum(own, farthest)
        labels[few.start : few.stop, *box] = found.to(labels)
    annotated = list(stack.positions)
    drawn = stack.frame.to_slices(annotation.labels)[annotated]
    labels[annotated] = torch.from_numpy(np.ascontiguousarray(drawn, np.int64)).to(labels)
    return in_volume(labels, stack.frame, case.volume.array, np.min_scalar_type(max(values)))
