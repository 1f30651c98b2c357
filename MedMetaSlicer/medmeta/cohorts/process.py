"""A whole cohort: what is left to do, here or on a cluster, and the report."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medmeta.cohorts.cases import Case, volumes_in
from medmeta.cohorts.distributed import run_on_cluster
from medmeta.cohorts.ledger import FAILED, Ledger
from medmeta.cohorts.local import Record, run_here
from medmeta.cohorts.lock import locked
from medmeta.cohorts.manifest import read_manifest
from medmeta.cohorts.recipe import DICOM, THUMBNAILS, Recipe
from medmeta.cohorts.report import worst_first, write_report
from medmeta.disk import PREFIX
from medmeta.errors import Cancelled, CohortError
from medmeta.progress import Progress, ProgressCallback
from medmeta.volumes.dicom_seg import check_installed

MOST_TRIES = 2
"""Processes that a case may end before it is left out."""


@dataclass(frozen=True)
class Outcome:
    """What became of a cohort.

    Attributes:
        rows: of the ledger, worst first.
        kept: cases that were done before.
        left_out: files of the folder that were taken for label maps or the like.
        table, page: the report.
        seconds: of this run.
    """

    rows: Sequence[Mapping[str, Any]]
    kept: int
    left_out: int
    table: Path
    page: Path
    seconds: float

    @property
    def failed(self) -> int:
        """How many cases could not be predicted."""
        return sum(row["status"] == FAILED for row in self.rows)


def cases_of(source: Path, out_dir: Path) -> tuple[tuple[Case, ...], int]:
    """The cases of a folder or manifest, with absolute paths, and how many files were left out.

    Raises:
        CohortError: see `volumes_in` and `read_manifest`; or an output would lie inside a case.
    """
    source, out_dir = source.absolute(), out_dir.absolute()
    cases, left_out = volumes_in(source, out_dir) if source.is_dir() else (read_manifest(source), 0)
    for case in cases:
        if case.path.is_dir() and out_dir.resolve().is_relative_to(case.path.resolve()):
            raise CohortError(f"{out_dir} lies in a DICOM folder that is an input: choose another --out-dir.")
    return cases, left_out


def process(
    source: Path,
    recipe: Recipe,
    *,
    scheduler: str | None = None,
    overwrite: bool = False,
    verify: bool = False,
    progress: ProgressCallback | None = None,
) -> Outcome:
    """Predicts all cases that are not done yet, and writes the report.

    Args:
        source: a folder with volumes, or a manifest.
        recipe: how; its paths are absolute.
        scheduler: address of a Dask cluster's; None to work here.
        overwrite: begin anew and replace what is there.
        verify: read all files of cases that are done, though their sizes and times are the same.
        progress: told how far it is; may raise `Cancelled`: the report then has what is done so far.

    Raises:
        CheckpointError, DeviceError: nothing can be predicted at all.
        CohortError: the folder, the manifest, the ledger or the cluster cannot be used; the disk is full; or DICOM
            segmentations are asked for of what is no DICOM series.
        VolumeError: what writes DICOM segmentations is not installed.
    """
    start = time.monotonic()
    out_dir = Path(recipe.out_dir)
    cases, left_out = cases_of(source, out_dir)
    if recipe.ending == DICOM:
        _check_dicom(cases)
    weights = [Path(path).resolve() for path in (recipe.task, recipe.checkpoint) if path]
    given = {*weights, *(case.path.resolve() for case in cases)}
    for case in cases:
        for path in recipe.outputs(case.name):
            if path.resolve() in given:
                raise CohortError(f"{path} is an input and would be lost: choose another --out-dir.")

    def tell(phase: str, done: int) -> None:
        if progress is not None:
            progress(Progress(phase, done, max(1, len(cases))))

    with locked(out_dir), Ledger(recipe, cases, overwrite) as ledger:
        waiting = []
        for number, case in enumerate(cases, start=1):
            if not ledger.is_done(case, verify):
                waiting.append(case)
            tell("ledger", number)
        kept = len(cases) - len(waiting)
        tell("cases", finished := kept)

        def record(row: Mapping[str, Any]) -> None:
            nonlocal finished
            ledger.record(row)
            finished += 1
            tell("cases", finished)

        def finish() -> tuple[Sequence[Mapping[str, Any]], Path, Path]:
            for folder in (out_dir, out_dir / THUMBNAILS):
                for rubbish in folder.glob(f"{PREFIX}*"):  # of processes that were killed
                    shutil.rmtree(rubbish, ignore_errors=True)
            rows = worst_first(ledger.rows[case.name] for case in cases)
            return rows, *write_report(rows, recipe)

        try:
            if waiting and scheduler is not None:
                run_on_cluster(waiting, recipe, record, scheduler)
            elif waiting:
                _run_here(waiting, recipe, ledger, record, progress)
        except (Cancelled, CohortError, KeyboardInterrupt):
            ledger.withdraw()  # at once, as who cancels does not wait for long
            with suppress(CohortError):  # of what is done so far; why it stopped is more important
                finish()
            raise
        rows, table, page = finish()
    return Outcome(rows, kept, left_out, table, page, time.monotonic() - start)


def _run_here(
    cases: Sequence[Case], recipe: Recipe, ledger: Ledger, record: Record, progress: ProgressCallback | None
) -> None:
    """Predicts cases; one that ended a process (out of memory, a crash in a library) costs no other case its turn."""
    suspects = [case for case in cases if ledger.tries(case)]
    others = [case for case in cases if not ledger.tries(case)]
    if others:
        run_here(others, recipe, record, progress, ledger.begin)
    for case in suspects:
        tries = ledger.tries(case)
        if tries < MOST_TRIES or ledger.rows[case.name]["status"] == FAILED:  # which the user has tried again
            run_here([case], recipe, record, progress, ledger.begin)  # without another one in memory
        else:
            error = f"the process ended {tries} times while it was tried: it may need more memory than there is."
            record({"case": case.name, "status": FAILED, "input_sha256": None, "error": error, "tries": tries})


def _check_dicom(cases: Sequence[Case]) -> None:
    """Refuses cases that no DICOM segmentation can belong to; one that is missing fails alone, like any other.

    Raises:
        CohortError: a case is a file.
        VolumeError: what writes DICOM segmentations is not installed.
    """
    files = [case for case in cases if case.path.is_file()]
    if files:
        raise CohortError(
            f"--ending {DICOM}: {files[0].path} is no folder with a DICOM series ({len(files)} of {len(cases)} cases "
            "are not): choose another --ending, or take these out."
        )
    check_installed()
