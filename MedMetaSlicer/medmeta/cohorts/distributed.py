"""The cases on a Dask cluster that is there already; all its machines see the same files.

A worker that is lost costs time and no case: the scheduler gives its cases to others. Only this process writes the
ledger, one row for each case, so none is in it twice even where a case was computed twice.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING

from medmeta.cohorts.cases import Case
from medmeta.cohorts.ledger import FAILED
from medmeta.cohorts.local import Record
from medmeta.cohorts.recipe import Recipe
from medmeta.errors import CohortError

if TYPE_CHECKING:
    from distributed import Client

PATIENCE = 30
"""Seconds to wait for the scheduler, and for a first worker."""

_log = logging.getLogger(__name__)


def run_on_cluster(cases: Sequence[Case], recipe: Recipe, record: Record, scheduler: str) -> None:
    """Predicts cases.

    Args:
        cases: those to predict; absolute paths, the same on every machine.
        recipe: how; likewise.
        record: told of each case when its outputs are on the disk.
        scheduler: its address, such as tcp://10.0.0.5:8786.

    Raises:
        CohortError: no Dask here, no such scheduler, no worker, or the connection is lost.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise CohortError("--scheduler needs Dask: pip install 'medmeta[cluster]', or leave it out.") from error
    try:
        client = Client(scheduler, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError) as error:
        raise CohortError(f"Scheduler {scheduler} does not answer ({error}): check the address.") from error
    with client:
        try:
            client.wait_for_workers(1, timeout=PATIENCE)
        except TimeoutError as error:
            raise CohortError(f"Scheduler {scheduler} has no worker: start one with `dask worker`.") from error
        # A case that ends its worker drags along what waits there: those are tried again, each of them alone.
        suspects = _run(client, cases, recipe, record, scheduler)
        for case in suspects:
            _run(client, [case], recipe, record, scheduler, alone=True)


def _run(
    client: Client, cases: Sequence[Case], recipe: Recipe, record: Record, scheduler: str, alone: bool = False
) -> list[Case]:
    """Has cases predicted and records them; returns those that no worker lived through, unless they were alone."""
    from distributed import KilledWorker, as_completed

    from medmeta.cohorts.one import predict_case

    sent, work, suspects = recipe.sent(), {}, []
    futures = []
    try:
        for case in cases:
            key = key_of(case, recipe) + ("-alone" if alone else "")
            work[key] = case
            futures.append(client.submit(predict_case, sent, case.name, str(case.path), key=key, pure=False))
        waiting = as_completed(futures, loop=client.loop)
        for future in waiting:
            if future.status == "lost":  # its worker was, with the row: it is computed again
                waiting.add(future)
                continue
            if future.status == "cancelled":
                raise CancelledError
            case = work.pop(future.key)
            error = future.exception() if future.status == "error" else None
            if isinstance(error, KilledWorker) and not alone:
                suspects.append(case)
                _log.info("a case's workers were lost: it is tried again later")
            else:
                row = future.result() if error is None else _lost(case.name, error)
                record(row)
                _log.info("a case more: %s; %d left", row["status"], len(work))
                _log.debug("case %r: %s", case.name, row.get("error") or row.get("output"))
            future.release()  # or the scheduler keeps the row
    except CancelledError as error:
        raise CohortError(f"Connection to {scheduler} was lost: the same command goes on where it stopped.") from error
    except BaseException:
        client.cancel(futures)
        raise
    return suspects


def key_of(case: Case, recipe: Recipe) -> str:
    """What the cluster calls a case: the same for the same work, so that it is never done twice at a time.

    A hash, as Dask writes keys into its logs.
    """
    try:
        stat = case.path.stat()
        state = [stat.st_size, stat.st_mtime_ns]
    except OSError:
        state = []
    work = json.dumps([recipe.sent(), case.name, str(case.path), state], sort_keys=True)
    return f"medmeta-{hashlib.sha256(work.encode()).hexdigest()[:32]}"


def _lost(name: str, error: BaseException) -> dict[str, object]:
    """The row of a case that no worker lived through."""
    from distributed import KilledWorker

    reason = f"unexpected {type(error).__name__}: {error}"
    if isinstance(error, KilledWorker):
        reason = "every worker that tried it was lost: it may need more memory than a worker has."
    return {"case": name, "status": FAILED, "input_sha256": None, "error": " ".join(reason.split())[:500]}
