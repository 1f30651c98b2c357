"""`medmeta cohort`: an adapted task on a folder or list of volumes, however many."""

from __future__ import annotations

import logging
from pathlib import Path

import typer
from rich.table import Table

from medmeta.cli import inputs
from medmeta.cli.console import Console
from medmeta.cli.stop import stop_with_input
from medmeta.cohorts.recipe import ENDINGS

SHOWN = 20
"""Cases that the table on the terminal has; the report has all."""


def cohort(
    task: Path = typer.Argument(help="Task file that `medmeta adapt` wrote."),
    source: Path = typer.Option(
        ...,
        "--input",
        metavar="DIR|MANIFEST",
        help="Folder with volumes or with subfolders of DICOM files; or a list, .json "
        """({"cases": ["a.nii.gz", {"name": "x", "path": "sub/b.nrrd"}]}) """
        "or .csv (columns path and, where wanted, name), with paths inside its folder.",
    ),
    out_dir: Path = typer.Option(..., "--out-dir", help="Folder for label maps, ledger and report."),
    device: str = inputs.DEVICE,
    clean_up: bool = inputs.CLEAN_UP,
    confidence: bool = typer.Option(False, "--confidence", help="Write confidence maps, too."),
    ending: str = typer.Option(
        ".nii.gz",
        "--ending",
        help=f"Of the label maps: {', '.join(ENDINGS)}; .dcm for DICOM segmentations of DICOM folders.",
    ),
    scheduler: str | None = typer.Option(
        None,
        "--scheduler",
        metavar="ADDRESS",
        help="Of a Dask cluster (tcp://host:8786) whose workers have medmeta and see the same files at the same paths.",
    ),
    checkpoint: Path | None = inputs.TASKS_CHECKPOINT,
    overwrite: bool = typer.Option(False, "--overwrite", help="Begin anew, and replace outputs that are there."),
    verify: bool = typer.Option(
        False, "--verify", help="Read all files of cases that are done, though their sizes and times are the same."
    ),
    until_input_ends: bool = typer.Option(
        False,
        "--until-input-ends",
        help="Stop as by Ctrl-C when standard input ends, for programs that start it.",
    ),
    json: bool = inputs.JSON,
    debug: bool = typer.Option(False, "--debug", help="Log each case, and where a bug happened, with names and paths."),
) -> int:
    """Predicts a whole cohort; started again, it goes on where it stopped. Exit code 1 where cases failed."""
    console = Console(json)
    if until_input_ends:
        stop_with_input()
    if debug:  # the only level at which logs name cases and paths
        logging.basicConfig(format="%(name)s: %(message)s")
        logging.getLogger("medmeta").setLevel(logging.DEBUG)

    from medmeta.adaptation import AdaptedTask
    from medmeta.cohorts.process import process
    from medmeta.cohorts.recipe import Recipe
    from medmeta.learners.checkpoint import file_hash

    AdaptedTask.load(task)
    recipe = Recipe(
        task=str(task.absolute()),
        task_sha256=file_hash(task),
        out_dir=str(out_dir.absolute()),
        # A name that is no file is one of the bundled weights, which each machine finds for itself.
        checkpoint=None if checkpoint is None else str(checkpoint.absolute() if checkpoint.is_file() else checkpoint),
        device=device,
        clean_up=clean_up,
        confidence=confidence,
        ending=ending,
    )
    with console.progress() as progress:
        outcome = process(source, recipe, scheduler=scheduler, overwrite=overwrite, verify=verify, progress=progress)
    table = Table(title="Worst first")
    if len(outcome.rows) > SHOWN:
        table.caption = f"{SHOWN} of {len(outcome.rows)}; the report has all"
    for heading in ("case", "status", "volume, ml", "confidence", "expected Dice", "distance"):
        table.add_column(heading)
    for row in outcome.rows[:SHOWN]:
        volumes = " ".join(f"{segment['volume_ml']:.4g}" for segment in row.get("segments", ()))
        numbers = (row.get(key) for key in ("confidence", "expected_dice", "distance"))
        table.add_row(row["case"], row["status"], volumes, *("-" if n is None else f"{n:.2f}" for n in numbers))
    console.result(
        {
            "task": str(task),
            "out_dir": str(out_dir),
            "cases": len(outcome.rows),
            "failed": outcome.failed,
            "kept": outcome.kept,
            "left_out": outcome.left_out,
            "seconds": round(outcome.seconds, 2),
            "report": str(outcome.page),
            "table": str(outcome.table),
            "rows": list(outcome.rows),
        },
        table,
    )
    if outcome.left_out:
        console.note(f"{outcome.left_out} files of the folder were left out as label maps or segmentations")
    if outcome.kept:
        console.note(f"{outcome.kept} of {len(outcome.rows)} cases were done before")
    if outcome.failed:
        console.note(f"{outcome.failed} of {len(outcome.rows)} cases failed: see {outcome.page}")
        return 1
    if not json:
        console.note(f"wrote {outcome.page} ({outcome.seconds:.1f} s)")
    return 0
