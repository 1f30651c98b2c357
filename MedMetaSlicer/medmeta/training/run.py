"""One meta-training from its options to a checkpoint. Resumable; CPU or GPU."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.utils.data import DataLoader, IterableDataset

from medmeta.learners.base import Learner
from medmeta.learners.checkpoint import file_hash, load_checkpoint
from medmeta.learners.factory import IMAGE_LEVEL, LEARNERS, create_learner
from medmeta.learners.fast_weights import FastWeights
from medmeta.training.joint import joint_loss
from medmeta.training.meta import meta_loss
from medmeta.training.sampler import RandomEpisodeShape, SyntheticBatches, seed_everything
from medmeta.training.task_sets import META_TRAINING, TaskSet
from medmeta.training.trainer import Schedule, Trainer, decision_scores, segmentation_scores
from medmeta.training.volume_pairs import VolumePairs

JOINT = "joint"
"""Joint pre-training: no inner loop, the head in closed form; where the meta-learners start, and a baseline."""

STAGES = (JOINT, *LEARNERS, IMAGE_LEVEL)

SEED_STRIDE = 10_000_000
"""Cohort seeds between two runs of successive seeds, so that they draw other cohorts."""


@dataclass(frozen=True)
class MetaTraining:
    """What a meta-training is.

    Attributes:
        stage: one of `STAGES`.
        out: the checkpoint to write; the state to go on from lies beside it.
        minutes: the whole schedule's length.
        tasks: the meta-training set.
        init: a checkpoint to go on from; of another learner network and closed-form head are taken.
        learning_rate: None for the stage's usual one.
        batch: episodes a batch.
        query: query slices an episode.
        without_prior: how often the query comes from another volume.
        sizes: window sides, pixels.
        episodes_per_cohort: episodes that are drawn from a cohort before it is thrown away.
        workers: processes that draw episodes.
        steps: inner steps, for learners that take any.
        device: "cpu" or "cuda".
        seed: makes it repeatable, but for what a wall clock decides.
        log_dir: TensorBoard files go there.
        command: as the model card shall name it.
        schedule: in place of minutes and learning rate.
    """

    stage: str
    out: Path
    minutes: float
    tasks: TaskSet = META_TRAINING
    init: Path | None = None
    learning_rate: float | None = None
    batch: int = 4
    query: int = 5
    without_prior: float = 0.4
    sizes: tuple[int, ...] = (48, 56, 64)
    episodes_per_cohort: int = 12
    workers: int = 1
    steps: int = 3
    device: str = "cpu"
    seed: int = 0
    log_dir: Path | None = None
    command: str = ""
    schedule: Schedule | None = None

    def run(self, log: Callable[[str], None], stop_after: float | None = None) -> Trainer:
        """Trains and writes the checkpoint.

        Args:
            log: told how it goes.
            stop_after: minutes after which this run stops; run again to go on.

        Raises:
            CheckpointError: `init` cannot be read.
        """
        seed_everything(self.seed)
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
        torch.backends.cudnn.benchmark = self.stage == JOINT
        learner, history = self._learner()
        started_at = commit()  # before anybody commits something else while it trains
        rate = self.learning_rate or (3e-3 if self.stage == JOINT else 3e-4)
        trainer = Trainer(
            learner,
            joint_loss if self.stage == JOINT else meta_loss,
            self.schedule or Schedule(self.minutes, rate),
            self.out.with_suffix(".state"),
            decision_scores if self.stage == IMAGE_LEVEL else segmentation_scores,
            log=log,
            log_dir=self.log_dir,
        )
        trainer.run(iter(self._loader(trainer.step)), stop_after)
        provenance = {
            "stage": self.stage,
            "command": self.command,
            "seed": self.seed,
            "tasks": {"name": self.tasks.name, "sha256": self.tasks.sha256},
            "commit": started_at,
            "device": torch.cuda.get_device_name() if "cuda" in self.device else "CPU",
            "torch": torch.__version__,
            "init": file_hash(self.init) if self.init else None,
            "history": history,
        }
        trainer.save(self.out, provenance)
        log(f"wrote {self.out} after {trainer.step} steps, {trainer.seconds / 60:.1f} min")
        return trainer

    def _learner(self) -> tuple[Learner, list[dict]]:
        name = "maml" if self.stage == JOINT else self.stage
        settings = {}
        if issubclass(LEARNERS.get(name, (Learner,))[0], FastWeights):
            settings = {"steps": self.steps, "step_weights": (0.2, *(0.0,) * (self.steps - 1), 1.0)}
        history = []
        if self.init:
            start, header = load_checkpoint(self.init)
            history = [*header["provenance"].get("history", []), header["provenance"]]
            learner = create_learner(name, start.network_settings, settings)
            learner.load_state_dict(_taken_over(start, learner), strict=False)
        else:
            learner = create_learner(name, settings=settings)
        learner = learner.to(self.device)
        for part in (learner.module, learner.backbone):
            part.to(memory_format=torch.channels_last)
        return learner, history

    def _batches(self, step: int) -> IterableDataset:
        # A run that goes on does not draw the same cohorts again.
        first = self.tasks.first + SEED_STRIDE * self.seed + 64 * step
        cohorts = {"random_cohort": self.tasks.random_cohort}
        if self.stage == IMAGE_LEVEL:
            return VolumePairs(first, self.tasks.count, self.batch, sizes=self.sizes, **cohorts)
        shape = RandomEpisodeShape(self.without_prior, self.query, self.sizes)
        return SyntheticBatches(
            first,
            self.tasks.count,
            self.batch,
            episodes_per_cohort=self.episodes_per_cohort,
            random_shape=shape,
            **cohorts,
        )

    def _loader(self, step: int) -> DataLoader:
        return DataLoader(
            self._batches(step), batch_size=None, num_workers=self.workers, pin_memory="cuda" in self.device,
            worker_init_fn=lambda _: torch.set_num_threads(1), prefetch_factor=2 if self.workers else None,
        )  # fmt: skip


HEADS = ("warm_start.ridge.", "read_out.head.")
"""Where learners keep their closed-form head."""


def _taken_over(start: Learner, learner: Learner) -> dict[str, torch.Tensor]:
    """All of a learner of the same kind. Of another one network and closed-form head, by the learner's names: what an
    inner loop learned belongs to its settings.
    """
    if start.name == learner.name and start.settings() == learner.settings():
        return start.state_dict()
    head = next((name for name in HEADS if any(key.startswith(name) for key in learner.state_dict())), None)
    taken = {}
    for key, weight in start.state_dict().items():
        if key.startswith("backbone.") or (key.startswith("module.") and learner.name != IMAGE_LEVEL):
            taken[key] = weight
        elif head and key.startswith(HEADS):
            taken[head + key.rpartition(".")[2]] = weight
    return taken


def commit() -> str:
    """The checkout's commit, or 'unknown' outside of one, where MEDMETA_COMMIT does not name it.

    A machine with a GPU often has the files alone.
    """
    if named := os.environ.get("MEDMETA_COMMIT"):
        return named
    folder = Path(__file__).resolve().parent
    try:
        result = subprocess.run(["git", "-C", folder, "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    except OSError:  # no such program
        return "unknown"
    return result.stdout.strip() or "unknown"
