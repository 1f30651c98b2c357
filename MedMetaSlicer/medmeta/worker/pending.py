"""A request that was made, and what came of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from medmeta import errors
from medmeta.progress import ProgressCallback
from medmeta.volumes import Volume
from medmeta.worker import messages as m
from medmeta.worker.messages import WorkerError

if TYPE_CHECKING:
    from medmeta.worker.client import WorkerClient


@dataclass
class Pending:
    """A request that was made.

    Attributes:
        id: its number.
        volumes: the volumes that the answer belongs to.
        on_progress, on_preview, on_notice: told what comes before the answer; a preview is (case, label map).
        error: the `MedMetaError` that came in place of an answer.
    """

    client: WorkerClient
    request: m.Request
    volumes: tuple[Volume, ...] = ()
    sent: tuple[m.Array, ...] = ()
    on_progress: ProgressCallback | None = None
    on_preview: Callable[[int, Volume], None] | None = None
    on_notice: Callable[[str], None] | None = None
    done: bool = False
    error: errors.MedMetaError | None = None
    answer: Any = field(default=None, repr=False)

    @property
    def id(self) -> int:
        """The request's number."""
        return self.request.id

    def result(self) -> Any:
        """The answer.

        Raises:
            MedMetaError: what went wrong, `Cancelled` and `WorkerDied` among it.
        """
        if self.error is not None:
            raise self.error
        if not self.done:
            raise WorkerError("The worker has not answered yet.")
        return self.answer

    def cancel(self) -> None:
        """Stops it; what comes of that is seen in `poll`."""
        self.client.cancel(self)

    def wait(self, seconds: float = 600.0) -> Any:
        """Polls until the answer is there, for scripts without an event loop.

        Raises:
            WorkerError: it did not come in time.
            MedMetaError: see `result`.
        """
        end = time.monotonic() + seconds
        while not self.done:
            self.client.poll()
            if time.monotonic() > end:
                raise WorkerError(f"The worker did not answer within {seconds:g} s.")
            time.sleep(0 if self.done else 0.01)
        return self.result()
