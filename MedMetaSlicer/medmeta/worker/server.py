"""The worker: one thread reads requests, one computes them, one after the other.

The computing thread lives as long as the process, so that what a thread keeps warm (cuDNN's plans, OpenMP's threads)
stays warm.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from medmeta.errors import Cancelled, MedMetaError
from medmeta.progress import Progress
from medmeta.worker import messages as m
from medmeta.worker import payloads
from medmeta.worker.arrays import ArrayFolder
from medmeta.worker.folders import remove
from medmeta.worker.tasks import Tasks

NO_MEMORY = ("can't allocate memory", "not enough memory")
"""What torch says where the host's memory is too small: on Linux and macOS, on Windows."""

PAUSE = 0.05
"""Seconds between two reports of progress, but for a phase's first and last."""


class Worker:
    """Serves requests.

    Args:
        make_engine: called once, in the computing thread; see `medmeta.worker.engine.Engine`.
        folder: shared with the client.
        send: takes an event; called from any thread.
    """

    def __init__(self, make_engine: Callable[[], Any], folder: Path, send: Callable[[m.Event], None]) -> None:
        self.make_engine = make_engine
        self.folder = folder
        self.arrays = ArrayFolder(folder)
        self._send = send
        self._sending = threading.Lock()
        self._waiting: deque[m.Request] = deque()
        self._changed = threading.Condition()
        self._computing: m.Request | None = None
        self._cancelled = threading.Event()

    def serve(self, lines: Iterable[bytes]) -> None:
        """Serves until the client says no more."""
        threading.Thread(target=self._compute_forever, name="compute", daemon=True).start()
        for line in lines:
            try:
                request = m.decode_request(line)
            except m.WorkerError as error:
                self.send(m.Failed(error="WorkerError", text=str(error)))
                continue
            if isinstance(request, m.Cancel):
                self._cancel(request)
            elif isinstance(request, m.Status):
                self._report(request)
            else:
                with self._changed:
                    self._waiting.append(request)
                    self._changed.notify()

    def send(self, event: m.Event) -> None:
        """Tells the client."""
        with self._sending:
            self._send(event)

    def _cancel(self, request: m.Cancel) -> None:
        with self._changed:
            waiting = next((r for r in self._waiting if r.id == request.target), None)
            if waiting is not None:
                self._waiting.remove(waiting)
            elif self._computing is not None and self._computing.id == request.target:
                self._cancelled.set()
        if waiting is not None:
            self.send(m.Failed(id=waiting.id, error="Cancelled", text="Cancelled; nothing was changed."))
        self.send(m.Done(id=request.id))

    def _report(self, request: m.Status) -> None:
        with self._changed:
            computing = self._computing.id if self._computing else 0
            waiting = tuple(r.id for r in self._waiting)
        tasks = tuple(sorted(path.stem for path in self.folder.glob("*.task")))
        self.send(m.Reported(id=request.id, computing=computing, waiting=waiting, tasks=tasks, memory=resident()))

    def _compute_forever(self) -> None:
        try:
            self.engine = self.make_engine()
            self.tasks = Tasks(self.folder, self.engine)
            self.send(m.Ready(version=m.VERSION, process=os.getpid(), device=self.engine.device))
        except Exception as error:  # a package that is missing, a driver that does not fit
            self.send(m.Failed(error="WorkerError", text=f"The worker cannot start ({type(error).__name__}: {error})."))
            return
        while True:
            with self._changed:
                while not self._waiting:
                    self._changed.wait()
                request = self._computing = self._waiting.popleft()
                self._cancelled.clear()
            event = self._answer(request)
            with self._changed:
                self._computing = None
            self.send(event)

    def _answer(self, request: m.Request) -> m.Event:
        try:
            return ANSWERS[type(request)](self, request)
        except MedMetaError as error:
            return m.Failed(id=request.id, error=type(error).__name__, text=str(error))
        except Exception as error:
            if isinstance(error, MemoryError) or any(text in str(error) for text in NO_MEMORY):
                text = "The memory is too small for this volume: close other programs, or crop the volume."
                return m.Failed(id=request.id, error="MemoryError", text=text)
            return m.Failed(id=request.id, error="bug", text=f"Unexpected {type(error).__name__}: {error}")

    def _progress(self, request: m.Request) -> Callable[[Progress], None]:
        """Tells the client, though not of every step; stops the work where that was asked for."""
        last: tuple[str, int, float] = ("", -1, 0.0)  # phase, steps, time

        def tell(event: Progress) -> None:
            nonlocal last
            if self._cancelled.is_set():
                raise Cancelled("Cancelled; nothing was changed.")
            now = time.monotonic()
            news = (event.phase, event.done) != last[:2]
            if news and (event.phase != last[0] or event.done >= event.total or now - last[2] > PAUSE):
                last = event.phase, event.done, now
                self.send(payloads.advanced(request.id, event))

        return tell

    def _notice(self, request: m.Request) -> Callable[[str], None]:
        return lambda text: self.send(m.Noticed(id=request.id, text=text))

    def _adapt(self, request: m.Adapt) -> m.Event:
        segments = payloads.segments_of(request.segments)
        cases = [payloads.case_of(case, segments, self.arrays) for case in request.cases]

        def preview(number: int, labels: Any) -> None:
            self.send(m.Previewed(id=request.id, case=number, labels=self.arrays.put(labels)))

        adaptation = self.engine.adapt(
            cases,
            learner=request.learner,
            checkpoint=request.checkpoint,
            budget=request.budget,
            device=request.device,
            seed=request.seed,
            for_other_volumes=request.for_other_volumes,
            clean_up=request.clean_up,
            start=self.tasks.get(request.start) if request.start else None,
            preview=preview if request.preview else None,
            progress=self._progress(request),
            notice=self._notice(request),
        )
        with self.arrays.all_or_none():
            return m.Adapted(
                id=request.id,
                segments=request.segments,
                predictions=tuple(payloads.predicted(p, self.arrays) for p in adaptation.predictions),
                quality=payloads.quality_fields(adaptation.quality),
                left_out=adaptation.left_out,
                device=adaptation.task.provenance["device"],
                seconds=adaptation.seconds,
                task=self.tasks.put(adaptation.task),  # last: where the rest fails nobody learns its name
            )

    def _predict(self, request: m.Predict) -> m.Event:
        started = time.monotonic()
        prediction = self.engine.predict(
            self.tasks.get(request.task),
            payloads.volume_of(request.volume, self.arrays),
            checkpoint=request.checkpoint,
            device=request.device,
            clean_up=request.clean_up,
            progress=self._progress(request),
            notice=self._notice(request),
        )
        with self.arrays.all_or_none():
            found = payloads.predicted(prediction, self.arrays)
        return m.Answered(id=request.id, prediction=found, seconds=time.monotonic() - started)

    def _suggest(self, request: m.Suggest) -> m.Event:
        from medmeta.adaptation.suggestion import suggest

        case = payloads.case_of(request.drawn, payloads.segments_of(request.segments), self.arrays)
        prediction = payloads.prediction_of(request.prediction, case.volume, self.arrays)
        found = suggest(prediction, case.annotation, request.count)
        slices = tuple(m.Next(s.slice, s.score, s.distance, s.expected_wrong) for s in found)
        return m.Suggested(id=request.id, slices=slices)

    def _match(self, request: m.Match) -> m.Event:
        found = self.engine.match(
            [Path(path) for path in request.paths],
            payloads.volume_of(request.volume, self.arrays),
            device=request.device,
            progress=self._progress(request),
            notice=self._notice(request),
        )
        return m.Matched(id=request.id, fits=tuple(payloads.fit(one) for one in found))

    def _save(self, request: m.Save) -> m.Event:
        self.engine.save(self.tasks.get(request.task), Path(request.path))
        return m.Done(id=request.id)

    def _load(self, request: m.Load) -> m.Event:
        task = self.engine.load(Path(request.path))
        return m.Adapted(id=request.id, task=self.tasks.put(task), segments=payloads.segment_fields(task.segments))

    def _forget(self, request: m.Forget) -> m.Event:
        self.tasks.drop(request.task)
        return m.Done(id=request.id)


ANSWERS: dict[type, Callable[[Worker, Any], m.Event]] = {
    m.Adapt: Worker._adapt,
    m.Predict: Worker._predict,
    m.Suggest: Worker._suggest,
    m.Match: Worker._match,
    m.Save: Worker._save,
    m.Load: Worker._load,
    m.Forget: Worker._forget,
}
"""Request -> what computes it."""


def resident() -> int:
    """Bytes of memory that this process holds; 0 where the system does not tell."""
    try:
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, AttributeError, ValueError):
        return 0


def serve(make_engine: Callable[[], Any], folder: str | Path) -> None:
    """Serves the client at standard input and output until it is gone, then ends the process; leaves no file behind."""
    incoming = os.fdopen(os.dup(0), "rb")
    outgoing = os.fdopen(os.dup(1), "wb")
    # Whatever a library prints must not get among the messages.
    os.dup2(2, 1)
    leaving = threading.Lock()

    def send(event: m.Event) -> None:
        try:
            outgoing.write(m.encode(event))
            outgoing.flush()
        except OSError:  # the client is gone
            leave()

    def leave() -> None:
        leaving.acquire()  # never given back: where both threads see the end, the second waits for the first's
        remove(Path(folder))
        # Not through the interpreter's end, which would wait for what is still computed.
        os._exit(0)

    Worker(make_engine, Path(folder), send).serve(incoming)
    leave()
