"""`medmeta predict`: an adapted task on other volumes."""

from __future__ import annotations

import time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.table import Table

from medmeta.cli import inputs, outputs
from medmeta.cli.console import Console, similarity_row, warn_if_far
from medmeta.cli.memory import fitting
from medmeta.progress import ProgressCallback
from medmeta.volumes import Volume, read_volume

if TYPE_CHECKING:
    from medmeta.adaptation import Prediction


def predict(
    task: Path = typer.Argument(help="Task file that `medmeta adapt` wrote."),
    volumes: list[Path] = typer.Argument(help="Volumes of the cohort."),
    out_dir: Path = typer.Option(..., "--out-dir", help="Folder for the label maps."),
    dicom_seg: bool = typer.Option(False, "--dicom-seg", help="Label maps of DICOM folders as DICOM segmentations."),
    device: str = inputs.DEVICE,
    clean_up: bool = inputs.CLEAN_UP,
    checkpoint: Path | None = inputs.TASKS_CHECKPOINT,
    overwrite: bool = inputs.OVERWRITE,
    json: bool = inputs.JSON,
    debug: bool = inputs.DEBUG,
) -> None:
    """Predicts volumes in which nothing is drawn."""
    console = Console(json)
    targets = {path: outputs.output_for(path, out_dir, dicom_seg) for path in volumes}
    for path, target in targets.items():
        outputs.check_ending(target, path)
    outputs.check_outputs(list(targets.values()), [task, *volumes, *([checkpoint] if checkpoint else [])], overwrite)

    from medmeta.adaptation import AdaptedTask, Predictor

    adapted = AdaptedTask.load(task)
    inputs.check_others(list(targets), adapted.direction)
    table = Table(title="Predicted")
    for heading in ("volume", "label map", "seconds", "distance"):
        table.add_column(heading)
    rows = []
    predictor = cache(lambda device: Predictor(adapted, device, checkpoint))
    predictor(device)  # what it refuses, it refuses before any work

    def predicted(volume: Volume, progress: ProgressCallback) -> Prediction:
        def run(device: str, batch: int) -> Prediction:
            return predictor(device)(volume, clean_up=clean_up, batch=batch, progress=progress)

        return fitting(run, device, console)

    with console.progress() as progress:
        for path in targets:
            start = time.monotonic()
            prediction = predicted(read_volume(path), progress)
            outputs.write_labels(prediction.labels, targets[path], adapted.segments, path)
            seconds = time.monotonic() - start
            row = {"volume": str(path), "output": str(targets[path]), "seconds": round(seconds, 2)}
            row["expected_dice"] = dict(zip((s.name for s in adapted.segments), prediction.expected.cases, strict=True))
            rows.append(row | similarity_row(prediction.similarity))
            table.add_row(str(path), str(targets[path]), f"{seconds:.1f}", f"{prediction.similarity.distance:.2f}")
            warn_if_far(console, path, prediction.similarity)
    console.result({"task": str(task), "predicted": rows}, table)
