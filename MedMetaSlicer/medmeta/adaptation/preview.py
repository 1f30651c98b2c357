"""A first answer at once, before the network has seen anything: what the drawn shapes alone say."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from medmeta.adaptation.support import AnnotatedStack
from medmeta.annotations import AnnotatedVolume


def interpolated(case: AnnotatedVolume, stack: AnnotatedStack, on_slice: Callable[[], None]) -> np.ndarray:
    """Shapes interpolated between the annotated slices, which stay as drawn.

    Args:
        case, stack: the volume.
        on_slice: called for every slice; may raise to stop.

    Returns:
        (I, J, K) label map; where shapes overlap, each voxel goes to the one whose border is farthest.
    """
    annotation, shape = case.annotation, stack.shape
    labels = np.zeros(shape, dtype=np.min_scalar_type(max(segment.value for segment in annotation.segments)))
    there = stack.window.visible(shape[1:])
    drawn = stack.frame.to_slices(annotation.labels)
    for position in range(shape[0]):
        on_slice()
        if position in stack.positions:
            labels[position] = drawn[position]
            continue
        farthest: torch.Tensor | float = 0.0
        for segment, prior in zip(annotation.segments, stack.priors, strict=True):
            distance = prior.at(position)
            if distance is None or not bool((distance > 0).any()):
                continue
            own = stack.window.enlarged(distance[None], shape[1:])[0]
            better = own > farthest
            labels[position][there][better.numpy()] = segment.value
            farthest = torch.where(better, own, farthest)
    return np.ascontiguousarray(stack.frame.from_slices(labels))
