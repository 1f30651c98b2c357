"""Runs jobs, some at a time, skips those that are recorded, and records each as soon as it is done."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import Any

from medmeta.errors import MedMetaError
from medmeta.evaluation.benchmark.jobs import JOINT, OURS, Job, Weights
from medmeta.evaluation.benchmark.methods import NothingLeft, Settings, run_job
from medmeta.evaluation.benchmark.records import RecordStore

Outcome = tuple[Job, "list[dict[str, Any]] | None", "str | None"]


def _attempt(job: Job, settings: Settings) -> Outcome:
    """Values, or the reason why there are none: one failing case must not end a benchmark of hours."""
    try:
        return job, run_job(job, settings), None
    except NothingLeft:
        return job, [], None
    except MedMetaError as error:
        return job, None, str(error)
    except Exception as error:
        return job, None, f"{type(error).__name__}: {error}"


def _outcomes(jobs: Sequence[Job], settings: Settings, workers: int) -> Iterator[Outcome]:
    if workers <= 1:
        for job in jobs:
            yield _attempt(job, settings)
        return
    # Fresh processes: a forked one cannot use CUDA, and inherits threads in an unknown state.
    os.environ["OMP_NUM_THREADS"] = str(max(1, (os.cpu_count() or 1) // workers))
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        futures = [pool.submit(_attempt, job, settings) for job in jobs]
        try:
            for future in as_completed(futures):
                yield future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def weights_of_methods(checkpoint: str | None) -> Weights:
    """The weights that each method uses.

    Args:
        checkpoint: weights for all meta-learners, instead of the bundled ones.

    Raises:
        CheckpointError: there are none.
    """
    from medmeta.adaptation.contenders import BUNDLED
    from medmeta.learners.checkpoint import file_hash
    from medmeta.learners.weights import find_weights

    hashes = {name: file_hash(find_weights(checkpoint or name)) for name in BUNDLED}
    together = hashlib.sha256("".join(hashes.values()).encode()).hexdigest()
    hashes[OURS] = file_hash(find_weights(checkpoint)) if checkpoint else together
    return hashes | {JOINT: file_hash(find_weights("joint"))}


def run_jobs(
    jobs: Sequence[Job],
    store: RecordStore,
    settings: Settings,
    *,
    weights: Weights | None = None,
    workers: int = 1,
    report: Callable[[str], None] = lambda line: None,
) -> list[tuple[Job, str]]:
    """Runs what is not recorded yet.

    Args:
        jobs: what is wanted.
        store: gets a record as soon as there is one.
        settings: how the methods are run.
        weights: part of a record's key.
        workers: processes.
        report: gets one line for each job.

    Returns:
        The jobs that failed, each with the reason; they are not recorded, so that the next run tries them again. A
        structure with no more slices than are to be annotated is left out and no failure.
    """
    todo = [job for job in jobs if not all(key in store for key in job.keys(weights or {}, settings.seed))]
    if len(todo) < len(jobs):
        report(f"{len(jobs) - len(todo)} of {len(jobs)} results are there already ({store.path})")
    failures = []
    for done, (job, results, reason) in enumerate(_outcomes(todo, settings, workers), start=1):
        what = f"[{done}/{len(todo)}] {job.row} {job.case} {job.structure.name} K={job.k} {job.method}"
        if results is None:
            failures.append((job, reason))
            report(f"{what}: failed: {reason}")
            continue
        if not results:
            report(f"{what}: left out, as it has no more slices than that")
            continue
        for key, values in zip(job.keys(weights or {}, settings.seed), results, strict=True):
            store.add(key, values)
        mean = sum(values["dice"] for values in results) / len(results)
        report(f"{what}: Dice {mean:.3f}, {sum(values['seconds'] for values in results):.2f} s")
    return failures
