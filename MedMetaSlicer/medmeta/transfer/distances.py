"""Signed distances to the borders of segments: by SciPy on a CPU, by the same definition in torch on other devices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait

import numpy as np
import torch
from scipy.ndimage import distance_transform_edt

OUTSIDE = -1e6
"""What counts as the distance where none is known, mm."""

PATIENCE = 0.1
"""Seconds between two chances to cancel."""

NOWHERE = 1e12
"""Square of the distance to what is not there, mm^2."""


def signed_distances(
    labels: np.ndarray,
    segments: int,
    spacing: Sequence[float],
    device: torch.device | str = "cpu",
    on_step: Callable[[], None] = lambda: None,
) -> torch.Tensor:
    """Signed distance to the border of each segment, (S, Z, H, W) float32, mm, positive inside.

    The border lies halfway between samples; a segment that is nowhere is `OUTSIDE` everywhere.

    Args:
        labels: (Z, H, W): 0 is background, n the n-th segment.
        segments: S.
        spacing: mm between slices, rows and columns.
        device: where the result is wanted.
        on_step: called often; may raise to cancel.
    """
    half = 0.5 * min(spacing)  # more would turn the sign of samples that lie closer to each other than that
    if torch.device(device).type == "cpu":
        found = np.empty((segments, *labels.shape), np.float32)

        def fill(segment: int) -> None:
            found[segment] = _by_scipy(labels == segment + 1, spacing, half)

        pool = ThreadPoolExecutor(torch.get_num_threads())  # SciPy lets other threads run
        try:
            jobs = [pool.submit(fill, segment) for segment in range(segments)]
            while wait(jobs, timeout=PATIENCE).not_done:
                on_step()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
        for job in jobs:
            job.result()
        return torch.from_numpy(found)
    there = torch.from_numpy(np.ascontiguousarray(labels)).to(device)
    found = torch.empty(segments, *labels.shape, device=device)
    for segment in range(segments):
        on_step()
        inside = there == segment + 1
        within, beyond = squared_distances(torch.stack([inside, ~inside]), spacing).sqrt_()
        found[segment] = torch.where(inside, within - half, (half - beyond).clamp(min=OUTSIDE))
    return found


def _by_scipy(inside: np.ndarray, spacing: Sequence[float], half: float) -> np.ndarray | float:
    if not inside.any():
        return OUTSIDE
    found = half - distance_transform_edt(~inside, sampling=spacing)
    box = tuple(
        slice(max(0, int(at[0]) - 1), int(at[-1]) + 2)  # with what is just outside
        for at in (np.flatnonzero(inside.any(tuple(a for a in range(3) if a != axis))) for axis in range(3))
    )
    part = inside[box]
    found[box][part] = (distance_transform_edt(part, sampling=spacing) - half)[part]
    return found


def squared_distances(there: torch.Tensor, spacing: Sequence[float]) -> torch.Tensor:
    """Square of the distance, mm^2, of each sample that is there to the nearest that is not; `NOWHERE` without one.

    One axis after the other: the least over all samples of a line of what the axes before left there, plus the square
    of the way to it (Felzenszwalb and Huttenlocher, "Distance transforms of sampled functions", Theory of Computing 8,
    2012, who find it in linear time; on a GPU trying every shift is quick enough).

    Args:
        there: (N, Z, H, W) boolean.
        spacing: mm between slices, rows and columns.
    """
    found = there * NOWHERE
    for axis, mm in enumerate(spacing, start=1):
        before, count = found.clone(), found.shape[axis]
        for shift in range(1, count):
            length, square = count - shift, (shift * mm) ** 2
            for target, source in ((0, shift), (shift, 0)):
                part = found.narrow(axis, target, length)
                torch.minimum(part, before.narrow(axis, source, length) + square, out=part)
    return found
