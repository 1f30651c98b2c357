"""The main job on volumes that need no download: annotate a few slices, adapt, predict, compare, draw a picture."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from medmeta.annotations import AnnotatedVolume, Segment, SparseAnnotation
from medmeta.evaluation.baselines import interpolate
from medmeta.evaluation.brain import NAMES, icbm_brain
from medmeta.evaluation.metrics import dice
from medmeta.evaluation.montage import COLORS, montage
from medmeta.evaluation.procedural import procedural_cohort
from medmeta.evaluation.protocol import SimulatedAnnotation, dice_off_slices, simulate
from medmeta.progress import Progress, ProgressCallback
from medmeta.volumes import Volume

if TYPE_CHECKING:
    from rich.table import Table

AXIS = 2


@dataclass(frozen=True)
class _Study:
    """Subjects of one anatomy, the first of which is annotated."""

    name: str
    subjects: Sequence[tuple[Volume, Volume]]
    names: Mapping[int, str]
    k: int

    def segments(self, values: Sequence[int]) -> tuple[Segment, ...]:
        return tuple(
            Segment(value, self.names[value], tuple(c / 255 for c in COLORS[place % len(COLORS)]))
            for place, value in enumerate(values)
        )


def _studies(seed: int, quick: bool) -> list[Callable[[], _Study | None]]:
    """What the demo shows, made only when it comes to it."""

    def procedural() -> _Study:
        subjects, structures = (2, 1) if quick else (3, 2)
        cohort = procedural_cohort(seed, subjects, structures=structures, size=(72, 96), slices=(20, 30))
        return _Study("procedural", cohort, {v: f"organ {v}" for v in range(1, structures + 1)}, k=5)

    def brain() -> _Study | None:
        found = icbm_brain()
        return None if found is None else _Study("ICBM 152 brain", [found], NAMES, k=5)

    return [procedural] if quick else [procedural, brain]


def run(
    out_dir: str | Path,
    *,
    seed: int = 0,
    device: str = "auto",
    quick: bool = False,
    progress: ProgressCallback | None = None,
) -> dict[str, Any]:
    """Runs the demo.

    Args:
        out_dir: folder for the pictures, made if need be.
        seed: of the procedural volumes and the adaptation.
        device: "auto", "cpu" or "cuda".
        quick: two procedural subjects and one structure only.
        progress: gets `Progress` events.

    Returns:
        "seconds", and "cohorts", one dictionary for each: "name", "axis", "slices" (annotated), "seconds" ("adapt",
        "predict" for each other volume), "montage" (path of a PNG), "rows": one for each structure of each volume with
        "structure", "volume" (its name), "annotated" (whether it is the volume that was drawn on), "dice" (over the
        slices that were not annotated) and "interpolation" (Dice of interpolation; None for other volumes, which it
        cannot segment).

    Raises:
        MedMetaError: no such device, or weights that cannot be read.
        Cancelled: the callback cancelled.
    """
    out_dir = Path(out_dir)
    out_dir.mkdir(parents=True, exist_ok=True)
    start = time.perf_counter()
    makers = _studies(seed, quick)
    cohorts = []
    for done, make in enumerate(makers):
        if progress is not None:
            progress(Progress("demo", done, len(makers), "preparing volumes"))
        study = make()
        if study is not None:
            cohorts.append(_show(study, out_dir, seed, device, progress))
    if progress is not None:
        progress(Progress("demo", len(makers), len(makers), "done"))
    return {"seed": seed, "quick": quick, "seconds": round(time.perf_counter() - start, 1), "cohorts": cohorts}


def _show(study: _Study, out_dir: Path, seed: int, device: str, progress: ProgressCallback | None) -> dict[str, Any]:
    from medmeta.adaptation import AdaptationSettings, adapt, predict

    image, reference = study.subjects[0]
    drawn = simulate(reference.array, axis=AXIS, k=study.k)
    values = [int(v) for v in np.unique(drawn.labels) if v]
    annotation = SparseAnnotation.from_labels(
        drawn.labels, axis=AXIS, slices=drawn.slices, segments=study.segments(values), name=study.name
    )
    start = time.perf_counter()
    settings = AdaptationSettings(for_other_volumes=len(study.subjects) > 1)
    adaptation = adapt(
        [AnnotatedVolume(image, annotation)], device=device, seed=seed, settings=settings, progress=progress
    )
    seconds = {"adapt": time.perf_counter() - start, "predict": []}
    predicted = adaptation.predictions[0].labels.array
    rows = _same_volume_rows(study, drawn, predicted, values)
    for other, other_reference in study.subjects[1:]:
        start = time.perf_counter()
        found = predict(adaptation.task, other, device=device, progress=progress).labels.array
        seconds["predict"].append(round(time.perf_counter() - start, 2))
        rows += [
            _row(study, value, other.name, False, dice(found == value, other_reference.array == value))
            for value in values
        ]
    picture = montage(
        image, predicted, reference.array, axis=AXIS, annotation=drawn.labels, slices=drawn.slices,
        title=f"{study.name}: {study.k} of {image.array.shape[AXIS]} slices annotated", names=study.names,
    )  # fmt: skip
    path = out_dir / f"{study.name.replace(' ', '_').lower()}.png"
    picture.save(path)
    seconds["adapt"] = round(seconds["adapt"], 2)
    return {
        "name": study.name, "axis": AXIS, "slices": list(drawn.slices), "seconds": seconds, "montage": str(path),
        "rows": rows,
    }  # fmt: skip


def _same_volume_rows(
    study: _Study, drawn: SimulatedAnnotation, predicted: np.ndarray, values: Sequence[int]
) -> list[dict[str, Any]]:
    image, reference = study.subjects[0]
    interpolated = interpolate(drawn.labels, axis=drawn.axis, slices=drawn.slices)

    def score(labels: np.ndarray, value: int) -> float:
        return dice_off_slices(labels, reference.array, value, axis=drawn.axis, slices=drawn.slices)

    return [
        _row(study, value, image.name, True, score(predicted, value), score(interpolated, value)) for value in values
    ]


def _row(
    study: _Study, value: int, volume: str, annotated: bool, ours: float, interpolation: float | None = None
) -> dict[str, Any]:
    return {
        "structure": study.names[value], "volume": volume, "annotated": annotated, "dice": round(ours, 4),
        "interpolation": None if interpolation is None else round(interpolation, 4),
    }  # fmt: skip


def tables(result: Mapping[str, Any]) -> list[Table]:
    """What `run` returns, to be printed: a table for each cohort, below it where its picture is."""
    from rich.table import Table
    from rich.text import Text

    shown = []
    for cohort in result["cohorts"]:
        slices = ", ".join(map(str, cohort["slices"]))
        title = f"{cohort['name']}: slices {slices} annotated, adapted in {cohort['seconds']['adapt']:.0f} s"
        table = Table(title=title, min_width=len(title) + 2)
        for heading in ("structure", "volume", "Dice", "interpolation"):
            table.add_column(heading, justify="right" if heading in ("Dice", "interpolation") else "left")
        for row in cohort["rows"]:
            volume = f"{row['volume']} (annotated)" if row["annotated"] else row["volume"]
            interpolation = "-" if row["interpolation"] is None else f"{row['interpolation']:.3f}"
            table.add_row(row["structure"], volume, f"{row['dice']:.3f}", interpolation)
        where = Table.grid()
        where.add_column(overflow="fold")
        where.add_row(Text(f"montage: {cohort['montage']}"))
        shown += [table, where]
    if not result["quick"] and len(result["cohorts"]) == 1:
        note = Table.grid()
        note.add_row("With nilearn installed, the demo also shows the ICBM 152 brain: pip install nilearn")
        shown.append(note)
    return shown
