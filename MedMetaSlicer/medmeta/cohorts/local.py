"""The cases one after the other in this process; while one is predicted, the next is read."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from medmeta.cohorts import one
from medmeta.cohorts.cases import Case
from medmeta.cohorts.recipe import Recipe
from medmeta.errors import Cancelled, CohortError
from medmeta.progress import ProgressCallback

READ_AHEAD = 1
"""Volumes in memory besides the one that is predicted."""

Record = Callable[[Mapping[str, Any]], None]
"""Takes the row of a case that is done or has failed."""

Begin = Callable[[Case], None]
"""Told of a case before anything is done with it."""

_log = logging.getLogger(__name__)


def run_here(
    cases: Sequence[Case],
    recipe: Recipe,
    record: Record,
    progress: ProgressCallback | None = None,
    begin: Begin = lambda _: None,
) -> None:
    """Predicts cases.

    Args:
        cases: those to predict.
        recipe: how.
        record: told of each case when its outputs are on the disk.
        progress: told how far the present case is; may raise `Cancelled`, then all cases before remain recorded.
        begin: told of each case before it is read.

    Raises:
        CheckpointError, DeviceError: nothing can be predicted at all.
        CohortError: the outputs' disk is full.
    """
    one.predictor_of(recipe)
    ahead: deque[tuple[Case, Future[one.Loaded]]] = deque()
    left = iter(cases)
    reader = ThreadPoolExecutor(1, thread_name_prefix="medmeta-reader")
    try:
        for number in range(1, len(cases) + 1):
            # The present one has been read by now, or is waited for below: it counts until it is taken.
            while len(ahead) <= READ_AHEAD and (case := next(left, None)) is not None:
                begin(case)
                ahead.append((case, reader.submit(one.load, case.path)))
            case, future = ahead.popleft()
            row = _predicted(recipe, case, future, progress)
            del future  # and the volume with it
            record(row)
            _log.info("case %d of %d: %s", number, len(cases), row["status"])
            _log.debug("case %r: %s", case.name, row.get("error") or row.get("output"))
    finally:
        reader.shutdown(cancel_futures=True)


def _predicted(
    recipe: Recipe, case: Case, future: Future[one.Loaded], progress: ProgressCallback | None
) -> dict[str, Any]:
    sha256 = None
    try:
        loaded = future.result()
        sha256 = loaded.sha256
        return one.predict_loaded(recipe, case.name, loaded, progress)
    except (Cancelled, CohortError):
        raise
    except Exception as error:  # one bad case never stops the rest
        _log.debug("case %r failed", case.name, exc_info=True)
        return one.failed(recipe, case.name, case.path, error, sha256)
