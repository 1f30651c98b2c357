"""Means over cases as markdown tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from medmeta.evaluation.benchmark.jobs import LEARNED, OURS, Job, Weights
from medmeta.evaluation.benchmark.records import RecordStore

TOLERANCE = 0.02
"""Dice that a case may lie below interpolation."""

REFERENCE = "interpolation"

MEASURES = {
    "surface_dice_1mm": ("surface Dice 1 mm", ".3f"),
    "surface_dice_2mm": ("2 mm", ".3f"),
    "hausdorff95_mm": ("HD95 mm", ".1f"),
    "seconds": ("seconds", ".2f"),
    "memory_gb": ("GB", ".2f"),
    "calibration_error": ("ECE", ".3f"),
    "rank_correlation": ("rank correlation", ".2f"),
}
"""Field of a summary's line -> its title and format."""


def summarise(
    jobs: Sequence[Job], store: RecordStore, *, weights: Weights | None = None, seed: int = 0
) -> list[dict[str, Any]]:
    """Means of what is recorded of the jobs.

    Returns:
        One dictionary for each (row, method, K): "row", "method", "k", "n", "dice", and the `MEASURES` that were
        recorded ("not_found" counts labels without a Hausdorff distance, which its mean leaves out; "memory_gb" is the
        largest). For a meta-learner, where interpolation is there for the same cases, also "lowest_gain" (minimum over
        cases and structures of the Dice difference), "lowest_at" and "below" (how many lie more than `TOLERANCE`
        below), and "rank_correlation" (Spearman's, of expected and true Dice). `n` counts pairs of a case and a
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
        line = {"row": row, "method": method, "k": k, "n": len(records), "dice": fmean(r["dice"] for r in records)}
        line |= _measured(records)
        if method in LEARNED:
            line |= _gain(records, groups.get((row, REFERENCE, k), []))
            line |= _by_annotated_case(records)
            line |= _rank_correlation(records)
        summary.append(line)
    return summary


def _measured(records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    found = {}
    for name in MEASURES:
        values = [r[name] for r in records if r.get(name) is not None]
        if values:
            found[name] = max(values) if name == "memory_gb" else fmean(values)
    missing = sum("hausdorff95_mm" in r and r["hausdorff95_mm"] is None for r in records)
    return found | ({"not_found": missing} if missing else {})


def _rank_correlation(records: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Spearman's, of expected and true Dice, where there are enough different cases for it to mean anything."""
    pairs = []
    for record in records:
        expected = [q.get("expected_dice") for q in record.get("quality", [])]
        if expected and None not in expected and record["case"] == record["target"]:
            pairs.append((fmean(expected), record["dice"]))
    if len(pairs) < 5:
        return {}
    from scipy.stats import spearmanr

    correlation = float(spearmanr(*zip(*pairs, strict=True)).statistic)
    return {"rank_correlation": correlation} if correlation == correlation else {}


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


def _rows(summary: Sequence[dict[str, Any]]) -> list[tuple[str, str]]:
    return list(dict.fromkeys((line["row"], line["method"]) for line in summary))


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def markdown(summary: Sequence[dict[str, Any]], at: int = 3) -> str:
    """The tables: Dice with a column for each K, then the other measures at one K.

    Args:
        summary: see `summarise`.
        at: the K of the other measures; where it was not measured, the smallest that was.
    """
    if not summary:
        return "No results."
    counts = sorted({line["k"] for line in summary})
    rows = []
    for row, method in _rows(summary):
        by_k = {line["k"]: line for line in summary if (line["row"], line["method"]) == (row, method)}
        sizes = "/".join(map(str, sorted({line["n"] for line in by_k.values()})))
        rows.append([row, method, sizes, *(f"{by_k[k]['dice']:.3f}" if k in by_k else "" for k in counts)])
        if any("lowest_gain" in line for line in by_k.values()):
            title = f"{method}: lowest gain over {REFERENCE} (cases more than {TOLERANCE} below)"
            gains = [by_k.get(k, {}) for k in counts]
            rows.append([row, title, "", *(f"{g['lowest_gain']:+.3f} ({g['below']})" if g.get("lowest_gain") is not None
                                           else "" for g in gains)])  # fmt: skip
    dice = _table(["dataset", "method", "n", *(f"K={k}" for k in counts)], rows)
    return f"{dice}\n\n{measures(summary, at if at in counts else counts[0])}"


def measures(summary: Sequence[dict[str, Any]], at: int) -> str:
    """The table of the other measures at one K."""
    rows = []
    for line in summary:
        if line["k"] != at:
            continue
        cells = [f"{line[name]:{style}}" if name in line else "" for name, (_, style) in MEASURES.items()]
        if "not_found" in line:
            cells[list(MEASURES).index("hausdorff95_mm")] += f" ({line['not_found']} not found)"
        rows.append([line["row"], line["method"], *cells])
    return _table([f"dataset, K={at}", "method", *(title for title, _ in MEASURES.values())], rows)


def targets_table(summary: Sequence[dict[str, Any]], targets: Mapping[str, Mapping[str, float]]) -> str:
    """What was aimed at, what was reached and the difference, for our method; empty where nothing of it was measured.

    Args:
        summary: see `summarise`.
        targets: row -> K, as text -> Dice.
    """
    ours = {(line["row"], str(line["k"])): line["dice"] for line in summary if line["method"] == OURS}
    rows = [
        [row, k, f"{target:.2f}", f"{ours[row, k]:.3f}", f"{ours[row, k] - target:+.3f}"]
        for row, by_k in targets.items()
        for k, target in by_k.items()
        if (row, k) in ours
    ]
    return _table(["dataset", "K", "target", "ours", "difference"], rows) if rows else ""
