"""From where slices lie in the patient to their order and the geometry of the volume that they make up."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from medmeta.errors import VolumeError
from medmeta.volumes.volume import Geometry

GAP_TOLERANCE = 0.05
"""mm; DICOM slices may lie that unevenly, but never by a quarter of their distance."""

SAME_PLACE = 1e-3
"""Of the usual distance of neighbours: slices nearer than that lie at the same place."""


def sort_slices(
    corners: np.ndarray,
    orientation: np.ndarray,
    size: tuple[int, int, int],
    spacing: tuple[float, float],
    source: Path,
    names: Sequence[str],
    copies: bool = False,
) -> tuple[tuple[int, ...], Geometry]:
    """Sorts slices along their normal and checks that they make up a grid.

    ITK takes one distance for all slices, at right angles to them: anything else would bend the volume unnoticed.

    Args:
        corners: (N, 3) LPS, mm, of the slices' first pixels.
        orientation: (6,) cosines along a row and along a column.
        size: columns, rows, N.
        spacing: mm between columns and between rows.
        source: folder or file, for messages.
        names: of the slices, for messages.
        copies: the same slice is there twice, by its identifier.

    Returns:
        The slices' order, and the volume's geometry.

    Raises:
        VolumeError: slices doubled, missing or not above each other, or axes not at right angles.
    """
    row, column = orientation[:3], orientation[3:]
    lengths = np.linalg.norm(row), np.linalg.norm(column)
    if not np.allclose(lengths, 1, atol=1e-2) or abs(row @ column) > 1e-2:
        raise VolumeError(f"{source}: the axes of its slices are not at right angles ({orientation}): export it again.")
    normal = np.cross(row, column)
    normal /= np.linalg.norm(normal)
    places = corners @ normal
    order = np.argsort(places, kind="stable")
    corners, places = corners[order], places[order]
    count = len(places)
    distance = 1.0
    if count > 1:
        gaps = np.diff(places)
        usual = float(np.median(gaps[gaps > 1e-4])) if (gaps > 1e-4).any() else 0.0
        doubled = int(gaps.argmin())
        if gaps[doubled] <= max(1e-4, SAME_PLACE * usual):
            advice = "one is a copy of the other; take the copies away"
            if not copies:
                advice = "several time points, echoes or reconstructions; put one of them into its own folder"
            raise VolumeError(
                f"{source}: slices are doubled ({names[order[doubled]]} and {names[order[doubled + 1]]} lie at the same"
                f" place): {advice}."
            )
        drift = np.linalg.norm((corners - corners[0]) - np.outer(places - places[0], normal), axis=1).max()
        if drift > max(GAP_TOLERANCE, 0.1 * min(spacing)):
            raise VolumeError(
                f"{source}: its slices are not stacked at right angles (tilted gantry, {drift:.1f} mm): "
                "resample the series to a rectangular grid."
            )
        if gaps.max() - gaps.min() > min(max(GAP_TOLERANCE, 0.02 * usual), 0.25 * usual):
            worst = int(np.abs(gaps - usual).argmax())
            raise VolumeError(
                f"{source}: slices {worst} and {worst + 1} ({names[order[worst]]} and {names[order[worst + 1]]}) lie "
                f"{gaps[worst]:.2f} mm apart, the others {usual:.2f} mm: a slice is missing; export the series again."
            )
        distance = float((places[-1] - places[0]) / (count - 1))
    direction = np.stack([row, column, normal], axis=1)
    geometry = Geometry(
        tuple(int(n) for n in size),
        (float(spacing[0]), float(spacing[1]), distance),
        tuple(float(x) for x in corners[0]),
        tuple(float(x) for x in direction.ravel()),
    )
    return tuple(int(i) for i in order), geometry
