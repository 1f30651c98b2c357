"""What a worker computes with: the engine, warm."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from medmeta.adaptation.completed import KeptCompletion
from medmeta.adaptation.contenders import KeptLearners
from medmeta.adaptation.engine import adapt
from medmeta.adaptation.memory import within_memory
from medmeta.adaptation.results import Adaptation, Counter, Prediction, Similarity
from medmeta.adaptation.settings import AdaptationSettings
from medmeta.adaptation.task import AdaptedTask
from medmeta.annotations import AnnotatedVolume, SparseAnnotation
from medmeta.devices import resolve_device, usual_batch
from medmeta.errors import CheckpointError, MedMetaError, VolumeError
from medmeta.progress import ProgressCallback
from medmeta.transfer.fine_tuning import WARM_UP
from medmeta.transfer.prediction import Predictor
from medmeta.transfer.similarity import Signatures
from medmeta.volumes import Geometry, Volume

Notice = Callable[[str], None]


class Engine:
    """`adapt` and `predict`, which fall back to less memory, and files of tasks.

    Learners are loaded once, and what was completed last is not completed again: the arrays of requests never change.

    On a GPU it is ready once it has done a small case: loading kernels and libraries takes longer than many a request.
    """

    def __init__(self) -> None:
        self._load, self._kept = KeptLearners(), KeptCompletion()
        self._ready: tuple[tuple[AdaptedTask, str, str | None], Predictor] | None = None
        if self.device != "cpu":
            with suppress(MedMetaError, RuntimeError):  # if it is broken, requests tell of it
                self.warm_up()

    def warm_up(self) -> None:
        """Adapts to a ball and predicts another volume with it."""
        at = np.indices((64, 64, 24)) - np.array([32, 32, 12]).reshape(3, 1, 1, 1)
        ball = (np.square(at / np.array([14, 14, 9]).reshape(3, 1, 1, 1)).sum(0) < 1).astype(np.uint8)
        noise = np.random.default_rng(0).normal(0, 0.1, ball.shape)
        geometry = Geometry(ball.shape, (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), tuple(np.eye(3).flat))
        volume = Volume((ball + noise).astype(np.float32), geometry, "warm-up")
        annotation = SparseAnnotation.from_labels(ball, axis=2, slices=[6, 12, 18])
        settings = AdaptationSettings(other_steps=2 * WARM_UP)
        task = adapt([AnnotatedVolume(volume, annotation)], settings=settings, load=self._load).task
        Predictor(task, "auto", None, self._load)(volume)

    @property
    def device(self) -> str:
        """What "auto" means here."""
        return str(resolve_device("auto"))

    def adapt(
        self,
        cases: Sequence[AnnotatedVolume],
        *,
        notice: Notice,
        device: str,
        for_other_volumes: bool,
        clean_up: bool,
        progress: ProgressCallback,
        preview: Callable[[int, np.ndarray], None] | None,
        **options,
    ) -> Adaptation:
        """As `medmeta.adapt`; `notice` is told where it falls back."""
        settings = AdaptationSettings(for_other_volumes=for_other_volumes, clean_up=clean_up)

        def run(device: str, batch: int) -> Adaptation:
            smaller = replace(settings, batch=batch)
            told = {"progress": progress, "preview": preview}
            return adapt(cases, device=device, settings=smaller, load=self._load, kept=self._kept, **told, **options)

        return within_memory(run, device, usual_batch(resolve_device(device)), notice)

    def predict(
        self, task: AdaptedTask, volume: Volume, *, notice: Notice, device: str, checkpoint: str | None, **options
    ) -> Prediction:
        """As `medmeta.predict`; `notice` is told where it falls back."""

        def run(device: str, batch: int) -> Prediction:
            return self._predictor(task, device, checkpoint)(volume, batch=batch, **options)

        return within_memory(run, device, usual_batch(resolve_device(device)), notice)

    def match(
        self, paths: Sequence[Path], volume: Volume, *, device: str, progress: ProgressCallback, notice: Notice
    ) -> list[Similarity | MedMetaError]:
        """How close a volume is to saved tasks; an error in place of what cannot be told."""

        def run(device: str, _batch: int) -> list[Similarity | MedMetaError]:
            signatures = Signatures(device, self._load)
            counter, found = Counter(progress, "match", len(paths)), []
            for path in paths:
                try:
                    found.append(signatures.compare(AdaptedTask.load(path), volume, counter.pause))
                except (CheckpointError, VolumeError) as error:  # of this task alone, as far as anyone knows
                    found.append(error)
                counter.tick()
            return found

        return within_memory(run, device, 1, notice)

    def _predictor(self, task: AdaptedTask, device: str, checkpoint: str | None) -> Predictor:
        """The last task's is kept: a cohort is predicted by one task."""
        last = self._ready[0] if self._ready else (None, "", None)
        if last[0] is not task or last[1:] != (device, checkpoint):
            self._ready = None  # its memory first
            self._ready = (task, device, checkpoint), Predictor(task, device, checkpoint, self._load)
        return self._ready[1]

    def save(self, task: AdaptedTask, path: Path) -> None:
        """Writes a task's file."""
        task.save(path)

    def load(self, path: Path) -> AdaptedTask:
        """Reads a task's file."""
        return AdaptedTask.load(path)
