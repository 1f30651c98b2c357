"""How long everything takes, phase by phase, as a user of a warm worker sees it."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from medmeta.adaptation import Prediction
from medmeta.annotations import AnnotatedVolume, SparseAnnotation
from medmeta.evaluation.metrics import dice
from medmeta.evaluation.procedural import procedural_cohort
from medmeta.evaluation.protocol import dice_off_slices, simulate
from medmeta.progress import Progress
from medmeta.volumes import Volume
from medmeta.worker.client import Pending, WorkerClient


@dataclass(frozen=True)
class SpeedCase:
    """A procedural case.

    Attributes:
        size: rows and columns.
        slices: number of slices.
        annotated: how many of them are drawn.
        structures: number of segments.
        seed: of the anatomy.
    """

    size: int = 256
    slices: int = 60
    annotated: int = 5
    structures: int = 1
    seed: int = 0

    def volumes(self) -> tuple[AnnotatedVolume, Volume, Volume]:
        """The annotated volume, its reference, and another volume of its cohort."""
        square, deep = (self.size, self.size), (self.slices, self.slices)
        pairs = procedural_cohort(self.seed, 2, structures=self.structures, size=square, slices=deep)
        (image, reference), (other, _) = [tuple(_square(v, self.size) for v in pair) for pair in pairs]
        drawn = simulate(reference.array, axis=2, k=self.annotated)
        return _annotated(image, drawn.labels, drawn.slices), reference, other


@dataclass
class Timing:
    """Seconds from asking on.

    Attributes:
        phases: phase -> seconds between its first report and the next phase's, waiting for reports included.
        preview: until the first label map of the annotated volume.
        refined: until its last one.
        total: until the answer.
    """

    phases: dict[str, float]
    preview: float | None
    refined: float | None
    total: float


def timed(ask: Callable[..., Pending], *arguments: object, preview: bool = False, **options: object):
    """Asks a worker and times what comes back.

    Returns:
        The answer and its `Timing`.
    """
    marks: list[tuple[str, float]] = []
    seen: list[float] = []
    start = time.perf_counter()

    def note(event: Progress) -> None:
        if not marks or marks[-1][0] != event.phase:
            marks.append((event.phase, time.perf_counter() - start))

    if preview:
        options["on_preview"] = lambda *_: seen.append(time.perf_counter() - start)
    answer = ask(*arguments, on_progress=note, **options).wait(3600)
    total = time.perf_counter() - start
    phases = {"before": marks[0][1]} if marks else {}
    ends = [*(at for _, at in marks[1:]), total]
    for (phase, begun), end in zip(marks, ends, strict=True):
        phases[phase] = phases.get(phase, 0.0) + end - begun
    return answer, Timing(phases, seen[0] if seen else None, seen[-1] if seen else None, total)


def measure(
    case: SpeedCase,
    *,
    device: str = "auto",
    learner: str = "auto",
    budget: float | None = None,
    threads: int | None = None,
) -> dict:
    """Measures a case with a worker of its own.

    Args:
        case: what is measured.
        device, learner, budget: as for `medmeta.adapt`.
        threads: of the worker on the CPU; None for its usual number.

    Returns:
        "start", "adapt" (the annotated volume completed), "preview", "phases", "for other volumes" (adapted for them
        too), "predict", "again" (one slice more, warm, annotated volume), seconds each; "memory" GB, and "gpu memory"
        GB with all that its driver needs, None without a GPU; "dice" of the annotated volume off its annotated slices;
        "device".
    """
    annotated, reference, other = case.volumes()
    options = {"device": device, "learner": learner, "budget": budget}
    with threads_of_children(threads), GpuMemory() as gpu, WorkerClient() as client:
        begun = time.perf_counter()
        client.status().wait(120)
        while client.device is None:
            client.poll()
            time.sleep(0.005)
        start = time.perf_counter() - begun
        first, timing = timed(client.adapt, [annotated], for_other_volumes=False, preview=True, **options)
        more = _one_more(annotated, reference, first.predictions[0])
        _, again = timed(client.adapt, [more], for_other_volumes=False, preview=True, **options)
        adapted, with_others = timed(client.adapt, [annotated], preview=True, **options)
        _, predict = timed(client.predict, adapted.task, other, device=device)
        memory = _peak(client.process.pid)
    slices = annotated.annotation.slices
    found = first.predictions[0].labels.array
    scores = [dice_off_slices(found, reference.array, v, axis=2, slices=slices) for v in range(1, case.structures + 1)]
    return {
        "start": start,
        "preview": timing.preview,
        "adapt": timing.total,
        "phases": timing.phases,
        "again": again.total,
        "for other volumes": with_others.total - with_others.refined,
        "predict": predict.total,
        "predict phases": predict.phases,
        "memory": memory,
        "gpu memory": gpu.peak,
        "dice": float(np.mean(scores)),
        "device": first.device,
    }


class GpuMemory:
    """Watches the first GPU while it is open.

    Attributes:
        peak: the most memory that was taken beyond what was taken at first, GB; None without a GPU.
    """

    INTERVAL = 0.02
    """Seconds between two looks."""

    def __init__(self) -> None:
        self.peak: float | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> GpuMemory:
        if torch.cuda.is_available():
            self.peak, self._before = 0.0, self._taken()
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(self.INTERVAL):
            self.peak = max(self.peak, self._taken() - self._before)

    @staticmethod
    def _taken() -> float:
        free, total = torch.cuda.mem_get_info(0)
        return (total - free) / 1e9


def _one_more(case: AnnotatedVolume, reference: Volume, prediction: Prediction) -> AnnotatedVolume:
    """The same with the slice corrected that is worst."""
    annotation, labels = case.annotation, prediction.labels.array
    shown = [z for z in range(labels.shape[2]) if z not in annotation.slices and reference.array[..., z].any()]
    worst = min(shown, key=lambda z: dice(labels[..., z] > 0, reference.array[..., z] > 0))
    drawn = annotation.labels.copy()
    drawn[..., worst] = reference.array[..., worst]
    return _annotated(case.volume, drawn, (*annotation.slices, worst))


def _annotated(volume: Volume, labels: np.ndarray, slices: tuple[int, ...]) -> AnnotatedVolume:
    return AnnotatedVolume(volume, SparseAnnotation.from_labels(labels, axis=2, slices=sorted(slices)))


def _square(volume: Volume, side: int) -> Volume:
    """The same with its edge repeated up to `side` rows and columns, as cohorts are not square.

    In Fortran's order, as volumes come from files and from Slicer.
    """
    rows, columns = (side - n for n in volume.array.shape[:2])
    array = np.asfortranarray(np.pad(volume.array, ((0, rows), (0, columns), (0, 0)), mode="edge"))
    return Volume(array, replace(volume.geometry, size=array.shape), volume.name)


@contextmanager
def threads_of_children(count: int | None) -> Iterator[None]:
    """So many threads in processes that are started meanwhile."""
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
    before = {name: os.environ[name] for name in names if name in os.environ}
    os.environ.update(dict.fromkeys(names, str(count)) if count else {})
    try:
        yield
    finally:
        for name in names:
            os.environ.pop(name, None)
        os.environ.update(before)


def _peak(process: int) -> float | None:
    """Most memory that a process has held, GB; None where the system does not tell."""
    try:
        status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    except OSError:
        return None
    return int(status.split("VmHWM:")[1].split()[0]) / 1e6
