"""The client of a worker. It loads no torch, blocks nobody and touches nothing: its owner polls it now and then.

    client = WorkerClient()
    pending = client.adapt([case], on_progress=show)
    ...                       # on the event loop, every 50 ms or so:
    client.poll()
    if pending.done: pending.result()

All calls belong to one thread, the main one; so do the callbacks, which come from `poll`.
"""

from __future__ import annotations

import atexit
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from medmeta import errors
from medmeta.adaptation.results import Prediction
from medmeta.annotations import AnnotatedVolume
from medmeta.progress import Progress, ProgressCallback
from medmeta.volumes import Volume
from medmeta.worker import messages as m
from medmeta.worker import payloads
from medmeta.worker.answers import Adapted, Match, answer_of, arrays_of
from medmeta.worker.arrays import ArrayFolder
from medmeta.worker.folders import shared_folder
from medmeta.worker.messages import WorkerError
from medmeta.worker.pending import Pending
from medmeta.worker.process import WorkerProcess

__all__ = ["Adapted", "Match", "Pending", "WorkerClient", "WorkerDied"]


class WorkerDied(WorkerError):
    """The worker ended while it was needed; the next request starts another one."""


class WorkerClient:
    """Starts a worker when it is first needed, again where it died, and ends it.

    Args:
        python: the interpreter that runs it; in Slicer its PythonSlicer. None for this one.
        command: what to start in place of `python -m medmeta.worker`; the shared folder is added to it.
        parent: where the shared folder is made, see `shared_folder`.
    """

    def __init__(
        self, python: str | None = None, command: Sequence[str] | None = None, parent: str | Path | None = None
    ) -> None:
        self.command = list(command or [python or sys.executable, "-m", "medmeta.worker"])
        self.parent = parent
        self.device: str | None = None
        self.process: WorkerProcess | None = None
        self._folder: ArrayFolder | None = None
        self._held = ExitStack()
        self._pending: dict[int, Pending] = {}
        self._asking: Pending | None = None
        self._last = 0
        atexit.register(self.close)

    @property
    def busy(self) -> bool:
        """True while an answer is awaited."""
        return bool(self._pending)

    @property
    def folder(self) -> ArrayFolder:
        """Shared with the worker; made when it is first needed, kept when a worker dies."""
        if self._folder is None:
            self._folder = ArrayFolder(self._held.enter_context(shared_folder(self.parent)))
        return self._folder

    def start(self) -> None:
        """Starts the worker, so that it is warm when it is needed; it need not be called.

        Raises:
            WorkerError: it cannot be started.
        """
        if self.process is None:
            self.device = None
            self.process = WorkerProcess([*self.command, str(self.folder.path)])

    def adapt(
        self,
        cases: Sequence[AnnotatedVolume],
        *,
        on_progress: ProgressCallback | None = None,
        on_preview: Callable[[int, Volume], None] | None = None,
        on_notice: Callable[[str], None] | None = None,
        **options,
    ) -> Pending:
        """Adapts; comes back with `Adapted`.

        Args:
            cases: as for `medmeta.adapt`.
            on_progress, on_preview, on_notice: see `Pending`.
            options: learner, checkpoint, budget, device, seed, for_other_volumes, clean_up, start (a task's name).

        Raises:
            AnnotationError: no case was given.
            WorkerError: the worker cannot be started, or there is no room for the volumes.
        """
        if not cases:
            raise errors.AnnotationError("No annotated volume was given: draw the structure on one slice or more.")
        with self.folder.all_or_none():
            drawn = tuple(payloads.drawn(case, self.folder) for case in cases)
        request = m.Adapt(
            id=self._number(),
            cases=drawn,
            segments=payloads.segment_fields(cases[0].annotation.segments),
            preview=on_preview is not None,
            **options,
        )
        sent = tuple(array for case in drawn for array in (case.volume.array, case.labels))
        volumes = tuple(case.volume for case in cases)
        return self._ask(Pending(self, request, volumes, sent, on_progress, on_preview, on_notice))

    def predict(
        self,
        task: str,
        volume: Volume,
        *,
        on_progress: ProgressCallback | None = None,
        on_notice: Callable[[str], None] | None = None,
        **options,
    ) -> Pending:
        """Predicts; comes back with a `Prediction`.

        Args:
            task: its name.
            volume: of the cohort.
            on_progress, on_notice: see `Pending`.
            options: checkpoint, device, clean_up.

        Raises:
            WorkerError: as `adapt`.
        """
        grid = payloads.grid(volume, self.folder)
        request = m.Predict(id=self._number(), task=task, volume=grid, **options)
        return self._ask(Pending(self, request, (volume,), (grid.array,), on_progress, None, on_notice))

    def suggest(self, prediction: Prediction, case: AnnotatedVolume, count: int = 1) -> Pending:
        """Which slices to draw next; comes back with a tuple of `Suggestion`."""
        with self.folder.all_or_none():
            drawn, found = payloads.drawn(case, self.folder), payloads.predicted(prediction, self.folder)
        segments = payloads.segment_fields(case.annotation.segments)
        request = m.Suggest(id=self._number(), prediction=found, drawn=drawn, segments=segments, count=count)
        sent = (drawn.volume.array, drawn.labels, found.labels, found.confidence)
        return self._ask(Pending(self, request, sent=sent))

    def match(
        self,
        paths: Sequence[str | Path],
        volume: Volume,
        *,
        device: str = "auto",
        on_progress: ProgressCallback | None = None,
        on_notice: Callable[[str], None] | None = None,
    ) -> Pending:
        """How close a volume is to saved tasks; comes back with a `Match` for each path, in their order.

        Args:
            paths: of task files; one that is missing or damaged is passed over, and its match says so.
            volume: any.
            device: where to compute.
            on_progress, on_notice: see `Pending`.

        Raises:
            WorkerError: as `adapt`.
        """
        grid = payloads.grid(volume, self.folder)
        request = m.Match(id=self._number(), paths=tuple(map(str, paths)), volume=grid, device=device)
        return self._ask(Pending(self, request, (volume,), (grid.array,), on_progress, None, on_notice))

    def save(self, task: str, path: str | Path) -> Pending:
        """Writes a task to a file."""
        return self._ask(Pending(self, m.Save(id=self._number(), task=task, path=str(path))))

    def load(self, path: str | Path) -> Pending:
        """Reads a task from a file; comes back with `Adapted`."""
        return self._ask(Pending(self, m.Load(id=self._number(), path=str(path))))

    def forget(self, task: str) -> Pending:
        """Drops a task."""
        return self._ask(Pending(self, m.Forget(id=self._number(), task=task)))

    def status(self) -> Pending:
        """Asks what the worker does; comes back with `medmeta.worker.messages.Reported`."""
        return self._ask(Pending(self, m.Status(id=self._number())))

    def cancel(self, pending: Pending) -> None:
        """Asks the worker to stop a request."""
        if not pending.done and self.process is not None:
            self.process.say(m.encode(m.Cancel(id=self._number(), target=pending.id)))

    def poll(self) -> None:
        """Takes in what the worker said, and calls whom it concerns; never waits."""
        if self.process is None:
            return
        while not self.process.lines.empty():
            line = self.process.lines.get()
            if line is None:
                self._ended()
                return
            try:
                self._take(m.decode_event(line))
            except m.WorkerError as error:
                self._abandon(error)
                return

    def kill(self, unwanted: Sequence[Pending] | None = None) -> None:
        """Ends a worker that does not give way, at once; tasks are kept, and the next request starts another one.

        Args:
            unwanted: what fails with `Cancelled`; what else is pending fails with `Interrupted`, and may be asked
                again. None for all that is pending.
        """
        if self.process is not None:
            self.process.kill(0.1)
            self.process = None
        cancelled = errors.Cancelled("Cancelled; nothing was changed.")
        interrupted = errors.Interrupted("The worker was ended because of another request: ask again.")

        def error_of(one: Pending) -> errors.MedMetaError:
            return cancelled if unwanted is None or any(one is other for other in unwanted) else interrupted

        self._fail_all(error_of)

    def close(self, seconds: float = 5.0) -> None:
        """Ends the worker and removes the shared folder; what is pending comes to nothing.

        Args:
            seconds: how long it has to go by itself before it is killed.
        """
        atexit.unregister(self.close)
        if self.process is not None:
            self.process.end(seconds)
            self.process = None
        error = errors.Cancelled("The worker was ended; nothing was changed.")
        self._fail_all(lambda _: error)
        self._folder = None
        self._held.close()

    def __enter__(self) -> WorkerClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _number(self) -> int:
        self._last += 1
        return self._last

    def _ask(self, pending: Pending) -> Pending:
        self._asking = pending
        try:
            line = m.encode(pending.request)
            if self.process is not None and not self.process.running:
                self.process.end()  # so that all that it said has arrived: a new one is asked
            self.poll()
            self.start()
        except Exception:  # an option of a wrong type, too
            self._drop(pending)
            raise
        finally:
            self._asking = None
        self._pending[pending.id] = pending
        self.process.say(line)
        return pending

    def _abandon(self, error: WorkerError) -> None:
        """Ends a worker that cannot be talked to."""
        if self.process is not None:
            self.process.kill()
            self.process = None
        self._fail_all(lambda _: error)

    def _ended(self) -> None:
        why = self.process.why()
        self.process = None
        error = WorkerDied(f"{why} Nothing that was drawn is lost; ask again, and it is started anew.")
        self._fail_all(lambda _: error)

    def _fail_all(self, error_of: Callable[[Pending], errors.MedMetaError]) -> None:
        pending, self._pending = self._pending, {}
        for one in pending.values():
            self._drop(one)
            one.error, one.done = error_of(one), True
        if self._folder is not None:
            # What the worker wrote and nobody will take; not what the next one is asked.
            self._folder.clear(kept=self._asking.sent if self._asking else ())

    def _drop(self, pending: Pending) -> None:
        if self._folder is not None:
            for array in pending.sent:
                self._folder.drop(array)

    def _take(self, event: m.Event) -> None:
        if isinstance(event, m.Ready):
            if event.version != m.VERSION:
                raise WorkerError(f"The worker speaks version {event.version} in place of {m.VERSION}: restart Slicer.")
            self.device = event.device
            return
        if isinstance(event, m.Failed) and event.id == 0:  # it could not start, or did not understand
            raise WorkerError(event.text)
        pending = self._pending.get(event.id)
        if pending is None:
            return
        if isinstance(event, m.Advanced):
            if pending.on_progress:
                pending.on_progress(Progress(event.phase, event.done, event.total, event.message, event.loss))
        elif isinstance(event, m.Noticed):
            if pending.on_notice:
                pending.on_notice(event.text)
        elif isinstance(event, m.Previewed):
            volume = pending.volumes[event.case]
            pending.on_preview(event.case, Volume(self.folder.take(event.labels), volume.geometry, volume.name))
        else:
            del self._pending[pending.id]
            self._finish(pending, event)

    def _finish(self, pending: Pending, event: m.Event) -> None:
        try:
            if isinstance(event, m.Failed):
                self._drop(pending)
                pending.error = getattr(errors, event.error, WorkerError)(event.text)
            else:
                pending.answer = answer_of(event, pending.volumes, self.folder)
        except errors.MedMetaError as error:
            pending.error = error
            for array in arrays_of(event):
                self.folder.drop(array)
            if isinstance(event, m.Adapted):  # nobody will ask for its task
                self.process.say(m.encode(m.Forget(id=self._number(), task=event.task)))
        pending.done = True
