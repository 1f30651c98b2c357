"""A first answer at once, before the network has seen anything: what the drawn shapes alone say."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from medmeta.adaptation.render import AT_ONCE, batches
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
    annotation, shape = case.annotation, stack.shape
    labels = np.zeros(shape, dtype=np.min_scalar_type(max(segment.value for segment in annotation.segments)))
    area = stack.window.height * stack.window.width
    for few in batches(shape[0], max(1, AT_ONCE[stack.masks.device.type] // area)):
        on_slice()
        distances = torch.stack([torch.stack([prior.at(position) for position in few]) for prior in stack.priors])
        there = distances > 0
        if not bool(there.any()):
            continue
        box = stack.window.reached(there.flatten(0, 1).any(0), shape[1:])
        found, farthest = 0, torch.zeros((), device=distances.device)
        for segment, own in zip(annotation.segments, distances, strict=True):
            own = stack.window.enlarged(own, shape[1:], box)
            found = torch.where(own > farthest, segment.value, found)
            farthest = torch.maximum(own, farthest)
        labels[few.start : few.stop, *box] = found.cpu().numpy()
    drawn = stack.frame.to_slices(annotation.labels)
    labels[list(stack.positions)] = drawn[list(stack.positions)]
    return stack.frame.restored(labels, case.volume.array)
