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


def plot(summary: Sequence[dict[str, Any]], path: Path, columns: int = 4) -> None:
    """Writes the figure.

    Args:
        summary: see `summarise`; methods measured at a single K are left out.
        path: a PNG or SVG file.
        columns: panels side by side.

    Raises:
        ImportError: matplotlib is not there.
    """
    from matplotlib.figure import Figure

    curves: dict[str, dict[str, list[tuple[int, float]]]] = {}
    for line in summary:
        curves.setdefault(line["row"], {}).setdefault(line["method"], []).append((line["k"], line["dice"]))
    curves = {row: {m: sorted(c) for m, c in by.items() if len(c) > 1} for row, by in curves.items()}
    curves = {row: by for row, by in curves.items() if by}
    methods = sorted({m for by in curves.values() for m in by}, key=lambda m: (m != OURS, m))
    columns = min(columns, max(1, len(curves)))
    rows = max(1, math.ceil(len(curves) / columns))
    figure = Figure(figsize=(3.4 * columns, 2.8 * rows + 0.7), layout="constrained")
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
        panel.set_title(row, fontsize=10)
        panel.set_xlabel("annotated slices")
        panel.set_xticks(sorted({k for curve in by.values() for k, _ in curve}))
        panel.set_ylim(0, 1)
        panel.grid(alpha=0.3)
    for panel in panels[len(curves) :]:
        panel.set_visible(False)
    for panel in panels[::columns]:
        panel.set_ylabel("Dice")
    shown = [method for method in methods if method in handles]
    figure.legend([handles[m] for m in shown], shown, loc="outside lower center", ncols=min(6, max(1, len(shown))))
    figure.savefig(path, dpi=110)
