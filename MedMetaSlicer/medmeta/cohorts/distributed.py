"""The cases on a Dask cluster that is there already; all its machines see the same files.

A worker that is lost costs time and no case: the scheduler gives its cases to others. Where all are lost the run ends
after a while, and can go on later. Only this process writes the
ledger, one row for each case, so none is in it twice even where a case was computed twice.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING

from medmeta.cohorts.cases import Case
from medmeta.cohorts.ledger import FAILED
from medmeta.cohorts.local import Record
from medmeta.cohorts.reason import reason_of
from medmeta.cohorts.recipe import Recipe
from medmeta.errors import CohortError

if TYPE_CHECKING:
    from distributed import Client, Future, as_completed

PATIENCE = 30
"""Seconds to wait for the scheduler, and for a first worker."""

WITHOUT_WORKERS = 120.0
"""Seconds without any worker after which a run gives up: a cluster's manager starts new ones within them."""

LOOK = 1.0
"""Seconds between two looks at how many workers there are, while no case is finished."""

PAUSE = 0.05
"""Seconds between two looks for finished cases."""

_log = logging.getLogger(__name__)


def run_on_cluster(
    cases: Sequence[Case], recipe: Recipe, record: Record, scheduler: str, patience: float = WITHOUT_WORKERS
) -> None:
    """Predicts cases.

    Args:
        cases: those to predict; absolute paths, the same on every machine.
        recipe: how; likewise.
        record: told of each case when its outputs are on the disk.
        scheduler: its address, such as tcp://10.0.0.5:8786.
        patience: seconds without any worker after which it gives up.

    Raises:
        CohortError: no Dask here, no such scheduler, no worker, all workers are lost, or the connection is; or the
            outputs' disk is full.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise CohortError("--scheduler needs Dask: pip install distributed, or leave it out.") from error
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
        suspects = _run(client, cases, recipe, record, scheduler, patience)
        for case in suspects:
            _run(client, [case], recipe, record, scheduler, patience, alone=True)


def _run(
    client: Client,
    cases: Sequence[Case],
    recipe: Recipe,
    record: Record,
    scheduler: str,
    patience: float,
    alone: bool = False,
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
        for future in _finished(client, waiting, scheduler, patience):
            if future.status == "lost":  # its worker was, with the row: it is computed again
                waiting.add(future)
                continue
            if future.status == "cancelled":
                raise CancelledError
            error = future.exception() if future.status == "error" else None
            if isinstance(error, CohortError):  # the disk is full
                raise error
            try:
                row = future.result(timeout=patience) if error is None else None
            except TimeoutError:  # its worker was lost after all
                waiting.add(future)
                continue
            case = work.pop(future.key)
            if isinstance(error, KilledWorker) and not alone:
                suspects.append(case)
                _log.info("a case's workers were lost: it is tried again later")
            else:
                row = _lost(case, error) if row is None else row
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


def _finished(client: Client, waiting: as_completed, scheduler: str, patience: float) -> Iterator[Future]:
    """What is finished, as soon as it is.

    Raises:
        CohortError: for so many seconds there was no worker, without which nothing will ever be finished.
    """
    gone, look = None, time.monotonic()
    while not waiting.is_empty():
        batch = waiting.next_batch(block=False)
        yield from batch
        now = time.monotonic()
        if batch:
            gone = None
        elif now >= look:
            look = now + LOOK
            gone = None if _has_workers(client) else gone or now
            if gone is not None and now - gone >= patience:
                raise CohortError(
                    f"Scheduler {scheduler} has had no worker for {patience:g} s: start one with `dask worker`; the "
                    "same command goes on where it stopped."
                )
        if not batch:
            time.sleep(PAUSE)


def _has_workers(client: Client) -> bool:
    try:
        return bool(client.nthreads())
    except (OSError, TimeoutError):
        return True  # it is the connection that is lost, which cancels all that is waited for


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


def _lost(case: Case, error: BaseException) -> dict[str, object]:
    """The row of a case that no worker lived through."""
    from distributed import KilledWorker

    reason = reason_of(error, [case.path])
    if isinstance(error, KilledWorker):
        reason = "every worker that tried it was lost: it may need more memory than a worker has."
    return {"case": case.name, "status": FAILED, "input_sha256": None, "error": reason}
