"""Dice against the number of annotated slices, one curve a method, one panel a dataset."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from medmeta.evaluation.benchmark.jobs import OURS

COLOURS = (
    "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#999999", "#F0E442", "#000000", "#882255",
    "#661100",
)  # fmt: skip
"""Okabe and Ito's palette, which colour-blind readers can tell apart, and two of Tol's; ours has the first."""

MARKERS = "osv^Dx<>P*h"

LOWEST = 0.2
"""Dice at the bottom: what lies below is of no use to anybody, and would squeeze the rest."""

TITLES = {
    "hippocampus-whole": "hippocampus, MR", "hippocampus-parts": "its two parts", "torso": "trunk, CT",
    "head_neck_ct": "head and neck, CT", "brain_t1": "brain, T1 MR", "thigh_tumour_ct": "tumours of the thigh, CT",
    "lung_mr": "lung lobes, MR", "mouse_brain": "mouse brain, MR",
}  # fmt: skip
"""Dataset -> what a reader calls it."""

NAMES = {
    "aligned-interpolation": "our shape prior alone", "interpolation": "shape interpolation",
    "nearest": "nearest slice", "fill-between-slices": "Slicer: Fill between slices",
    "grow-from-seeds": "Slicer: Grow from seeds", "random-walker": "random walker", "random-forest": "random forest",
    "joint-fine-tuned": "jointly trained, fine-tuned", "from-scratch": "trained from scratch",
}  # fmt: skip
"""Method -> the same; others are called what they are."""


def plot(summary: Sequence[dict[str, Any]], path: Path, columns: int = 4) -> None:
    """Writes the figure.

    Args:
        summary: see `summarise`; a method measured at a single K is a mark.
        path: a PNG or SVG file.
        columns: panels side by side.

    Raises:
        ImportError: matplotlib is not there.
    """
    from matplotlib.figure import Figure

    curves: dict[str, dict[str, list[tuple[int, float]]]] = {}
    for line in summary:
        curves.setdefault(line["row"], {}).setdefault(line["method"], []).append((line["k"], line["dice"]))
    curves = {row: {m: sorted(c) for m, c in by.items()} for row, by in curves.items()}
    methods = sorted({m for by in curves.values() for m in by}, key=lambda m: (m != OURS, m))
    columns = min(columns, max(1, len(curves)))
    rows = max(1, math.ceil(len(curves) / columns))
    figure = Figure(figsize=(3.4 * columns, 3.4 * rows + 0.9), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False, sharey=True).ravel()
    handles = {}
    for panel, (row, by) in zip(panels, curves.items(), strict=False):
        for method in reversed(methods):
            if method in by:
                number = methods.index(method)
                (handles[method],) = panel.plot(
                    *zip(*by[method], strict=True),
                    color=COLOURS[number % len(COLOURS)],
                    marker=MARKERS[number % len(MARKERS)],
                    markersize=4,
                    linewidth=2.8 if method == OURS else 1.2,
                )
        panel.set_title(TITLES.get(row, row), fontsize=10)
        panel.set_xlabel("annotated slices")
        panel.set_xticks(sorted({k for curve in by.values() for k, _ in curve}))
        panel.set_ylim(LOWEST, 1)
        panel.grid(alpha=0.3)
    for panel in panels[len(curves) :]:
        panel.set_visible(False)
    for panel in panels[::columns]:
        panel.set_ylabel("Dice")
    shown = [method for method in methods if method in handles]
    names = [NAMES.get(method, method) for method in shown]
    figure.legend([handles[m] for m in shown], names, loc="outside lower center", ncols=min(5, max(1, len(shown))))
    figure.savefig(path, dpi=110)
