"""A light 3D clean-up of predicted label maps: stray parts go, holes go, what was drawn stays."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from medmeta.postprocessing.runs import Runs, labelled_runs

LEAST_SHARE = 0.05
"""Of the largest part: smaller ones go where nothing is drawn that could tell which ones belong to the structure."""


def clean(
    labels: torch.Tensor,
    confidence: torch.Tensor,
    values: Sequence[int],
    annotated: Sequence[int] = (),
    on_step: Callable[[], None] = lambda: None,
) -> None:
    """Cleans a label map in place, with the confidence of what changes: the probability that the new label had.

    Of each segment, parts (26-connected) that touch nothing that was drawn of it go; where nothing was drawn, parts
    that are smaller than `LEAST_SHARE` of the largest. Then background that a segment encloses becomes part of it,
    stray parts of others included, where it reaches no annotated slice. Annotated slices stay, and no voxel of another
    segment is taken.

    Args:
        labels: (Z, H, W) integers on any device, one after the other in memory, annotated slices as drawn.
        confidence: the same of probabilities.
        values: the segments' label values.
        annotated: slice numbers.
        on_step: called between the parts of the work; may raise to stop.
    """
    runs, own = labelled_runs(labels, on_step)
    edits: list[tuple[Runs, int]] = []
    for value in values:
        on_step()
        stays = np.ones(len(runs), bool)
        stays[own == value] = _belonging(runs.where(own == value), annotated)
        edits.append((runs.where(~stays), 0))
        runs, own = runs.where(stays), own[stays]
    for value in values:
        on_step()
        holes = _holes(runs.where(own == value), runs, annotated)
        edits.append((holes, value))
        runs, own = runs.joined(holes), np.concatenate([own, np.full(len(holes), value)])
        order = np.argsort(runs.starts)
        runs, own = runs.where(order), own[order]
    _change(labels.view(-1), confidence.view(-1), edits)


def _belonging(runs: Runs, annotated: Sequence[int]) -> np.ndarray:
    """(N,) which of a segment's runs belong to what is drawn, or, where nothing is, to a large part."""
    parts = runs.parts(corners=True)
    drawn = np.isin(runs.places[0], annotated)
    if drawn.any():
        return np.isin(parts, parts[drawn])
    sizes = np.bincount(parts, runs.lengths, minlength=1)
    return (sizes >= LEAST_SHARE * sizes.max())[parts]


def _holes(segment: Runs, everything: Runs, annotated: Sequence[int]) -> Runs:
    """Background that a segment encloses and that reaches no annotated slice."""
    holes = segment.enclosed().without(everything)
    parts, drawn = holes.parts(corners=False), np.isin(holes.places[0], annotated)
    return holes.where(~np.isin(parts, parts[drawn]))


def _change(labels: torch.Tensor, confidence: torch.Tensor, edits: Sequence[tuple[Runs, int]]) -> None:
    """Gives runs new labels, one after the other."""
    made = [(torch.from_numpy(runs.voxels()).to(labels.device), value) for runs, value in edits if len(runs)]
    if made:
        at = torch.cat([voxels for voxels, _ in made]).unique()
        before = labels[at]
        for voxels, value in made:
            labels[voxels] = value
        at = at[labels[at] != before]
        confidence[at] = 1 - confidence[at]
