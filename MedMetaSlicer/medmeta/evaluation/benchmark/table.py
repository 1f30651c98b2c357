"""Means over cases as a markdown table."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import Any

from medmeta.evaluation.benchmark.jobs import LEARNED, Job, Weights
from medmeta.evaluation.benchmark.records import RecordStore

TOLERANCE = 0.03
"""Dice that a case may lie below interpolation."""

REFERENCE = "interpolation"


def summarise(
    jobs: Sequence[Job], store: RecordStore, *, weights: Weights | None = None, seed: int = 0
) -> list[dict[str, Any]]:
    """Means of what is recorded of the jobs.

    Returns:
        One dictionary for each (row, method, K): "row", "method", "k", "n", "dice", "seconds"; for a meta-learner,
        where interpolation is there for the same cases, also "lowest_gain" (minimum over cases and structures of the
        Dice difference) and "below" (how many lie more than `TOLERANCE` below). `n` counts pairs of a case and a
        structure; for other volumes, pairs of an annotated and a predicted case, of which the means over the annotated
        ones are in "dice_by_annotated_case".
    """
    groups: dict[tuple, list[dict[str, Any]]] = {}
    for job in jobs:
        for key in job.keys(weights or {}, seed):
            if key in store:
                groups.setdefault((job.row, job.method, job.k), []).append(store[key])
    summary = []
    for (row, method, k), records in groups.items():
        line = {
            "row": row, "method": method, "k": k, "n": len(records),
            "dice": fmean(r["dice"] for r in records), "seconds": fmean(r["seconds"] for r in records),
        }  # fmt: skip
        if method in LEARNED:
            line |= _gain(records, groups.get((row, REFERENCE, k), []))
            line |= _by_annotated_case(records)
        summary.append(line)
    return summary


def _gain(ours: list[dict[str, Any]], reference: list[dict[str, Any]]) -> dict[str, Any]:
    theirs = {(r["case"], r["structure"]): r["dice"] for r in reference}
    gains = {
        (r["case"], r["structure"]): r["dice"] - theirs[r["case"], r["structure"]]
        for r in ours
        if (r["case"], r["structure"]) in theirs
    }
    if not gains:
        return {}
    worst = min(gains, key=gains.get)
    return {
        "lowest_gain": gains[worst],
        "lowest_at": list(worst),
        "below": sum(gain < -TOLERANCE for gain in gains.values()),
    }


def _by_annotated_case(records: list[dict[str, Any]]) -> dict[str, Any]:
    if all(r["case"] == r["target"] for r in records):
        return {}
    cases = sorted({r["case"] for r in records})
    return {"dice_by_annotated_case": {c: fmean(r["dice"] for r in records if r["case"] == c) for c in cases}}


def markdown(summary: Sequence[dict[str, Any]]) -> str:
    """The table: a row for each dataset and method, a column for each K."""
    if not summary:
        return "No results."
    counts = sorted({line["k"] for line in summary})
    lines = [
        "| dataset | method | n | " + " | ".join(f"K={k}" for k in counts) + " | seconds |",
        "| --- | --- | --- |" + " --- |" * (len(counts) + 1),
    ]
    for row, method in dict.fromkeys((line["row"], line["method"]) for line in summary):
        at = {line["k"]: line for line in summary if (line["row"], line["method"]) == (row, method)}
        cells = [f"{at[k]['dice']:.3f}" if k in at else "" for k in counts]
        sizes = "/".join(map(str, sorted({line["n"] for line in at.values()})))
        seconds = fmean(line["seconds"] for line in at.values())
        lines.append(f"| {row} | {method} | {sizes} | {' | '.join(cells)} | {seconds:.2f} |")
        if any("lowest_gain" in line for line in at.values()):
            cells = [
                f"{at[k]['lowest_gain']:+.3f} ({at[k]['below']})" if "lowest_gain" in at.get(k, {}) else ""
                for k in counts
            ]
            title = f"lowest gain over {REFERENCE} (cases more than {TOLERANCE} below)"
            lines.append(f"| {row} | {title} | | {' | '.join(cells)} | |")
    return "\n".join(lines)
