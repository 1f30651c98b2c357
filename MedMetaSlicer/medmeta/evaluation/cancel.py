"""How soon a worker gives way when it is cancelled, phase by phase."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

import numpy as np

from medmeta.errors import Cancelled
from medmeta.evaluation.speed import SpeedCase, threads_of_children, timed
from medmeta.progress import Progress
from medmeta.worker.client import Pending, WorkerClient

LIMIT = 0.3
"""Seconds within which it should."""

AGAIN = 2
"""Times that a moment is taken again which was above it: another process may have held the machine up."""


@dataclass(frozen=True)
class Latency:
    """A cancelled request.

    Attributes:
        request: "adapt" or "predict".
        phase: the last one that was reported before.
        after: seconds from asking to cancelling.
        seconds: from cancelling until the worker said that it had stopped; the least where it was taken again.
    """

    request: str
    phase: str
    after: float
    seconds: float


def cancel_latencies(
    case: SpeedCase,
    *,
    learner: str = "auto",
    device: str = "auto",
    threads: int | None = None,
    moments: int = 5,
    seed: int = 0,
) -> list[Latency]:
    """Cancels a warm worker at random moments, so many of each phase that it reports.

    Args:
        case: what it works on: adapting, for other volumes too, and predicting one.
        learner, device: as for `medmeta.adapt`.
        threads: of the worker on the CPU; None for its usual number.
        moments: in each phase.
        seed: of the moments.
    """
    annotated, _, other = case.volumes()
    random, found = np.random.default_rng(seed), []
    with threads_of_children(threads), WorkerClient() as client:
        seeds = count()

        def adapt(**told: object) -> Pending:
            # A seed of its own, as the worker completes nothing again that it completed last.
            return client.adapt([annotated], learner=learner, device=device, seed=next(seeds), **told)

        # The second time it is warm, and the phases are as long as those that are cancelled.
        adapt(on_preview=lambda *_: None).wait(7200)
        task, timing = timed(adapt, preview=True)
        asked = [("adapt", lambda **told: adapt(on_preview=lambda *_: None, **told), timing)]
        _, timing = timed(client.predict, task.task, other, device=device)
        asked.append(("predict", lambda **told: client.predict(task.task, other, device=device, **told), timing))
        for request, ask, timing in asked:
            start = 0.0
            for length in timing.phases.values():
                for after in start + random.uniform(0, length, moments):
                    one = _cancelled(client, request, ask, after)
                    for _ in range(AGAIN):
                        if one is not None and one.seconds > LIMIT:
                            again = _cancelled(client, request, ask, after)
                            one = min(filter(None, (one, again)), key=lambda latency: latency.seconds)
                    found += [one] if one is not None else []
                start += length
    return found


def _cancelled(client: WorkerClient, request: str, ask: Callable[..., Pending], after: float) -> Latency | None:
    """Asks, and cancels after so many seconds; None where it was done before."""
    phase = "before"

    def note(event: Progress) -> None:
        nonlocal phase
        phase = event.phase

    begun = time.perf_counter()
    pending = ask(on_progress=note)
    while not pending.done and time.perf_counter() - begun < after:
        client.poll()
        time.sleep(0.001)
    if pending.done:
        return None
    start = time.perf_counter()
    pending.cancel()
    while not pending.done:
        client.poll()
        time.sleep(0.001)
    taken = time.perf_counter() - start
    return Latency(request, phase, after, taken) if isinstance(pending.error, Cancelled) else None
