"""The outer loop: batches of episodes in, meta-trained weights out. Resumable, on CPU or GPU."""

from __future__ import annotations

import json
import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from medmeta.episodes import Episode
from medmeta.episodes.channels import THERE
from medmeta.errors import CheckpointError
from medmeta.learners.base import Learner
from medmeta.learners.checkpoint import save_checkpoint
from medmeta.learners.tensor_file import read_tensor_file

FORMAT = "medmeta-training-1"

Scores = Callable[[Episode, torch.Tensor], dict[str, torch.Tensor]]

BatchLoss = Callable[[Learner, Episode], tuple[torch.Tensor, torch.Tensor]]
"""(learner, collated episodes) -> (loss, query logits (T, Q, 1, H, W)). Back-propagates itself if it must."""


@dataclass(frozen=True)
class Schedule:
    """How long and how fast.

    Attributes:
        minutes: the whole training's length; the learning rate falls along a cosine over it.
        learning_rate: its largest value.
        warm_up: steps over which it rises.
        decay: AdamW's weight decay.
        averaging: decay of the moving average of the weights, which is what is saved.
        steps: length in steps in place of minutes, for runs that are to be compared.
    """

    minutes: float
    learning_rate: float = 2e-3
    warm_up: int = 100
    decay: float = 1e-4
    averaging: float = 0.998
    steps: int | None = None

    def done(self, step: int, seconds: float) -> float:
        """Which part of it is over, 0 to 1, after so many steps and seconds of training."""
        return min(1.0, step / self.steps if self.steps else seconds / (60 * self.minutes))

    def rate(self, step: int, seconds: float) -> float:
        """The learning rate at a step, after so many seconds of training."""
        done = self.done(step, seconds)
        return self.learning_rate * min(1.0, (step + 1) / self.warm_up) * (0.02 + 0.49 * (1 + math.cos(math.pi * done)))


def dice(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Dice of each task's query set at probability .5: (T,) from (T, Q, 1, H, W)."""
    found, truth = (logits > 0).float(), targets.float()
    both, sizes = (found * truth).flatten(1).sum(1), (found + truth).flatten(1).sum(1)
    return torch.where(sizes > 0, 2 * both / sizes.clamp_min(1), torch.ones_like(sizes))


def segmentation_scores(batch: Episode, logits: torch.Tensor) -> dict[str, torch.Tensor]:
    """Mean Dice of a batch of one kind, and that of interpolation where there is a prior."""
    has_prior = bool((batch.query.inputs[1][:, :, THERE] > 0).any())
    scores = {"Dice, prior" if has_prior else "Dice, no prior": dice(logits, batch.query.targets).mean()}
    if has_prior:
        scores["Dice, interpolation"] = dice(batch.query.inputs[1][:, :, :1], batch.query.targets).mean()
    return scores


def decision_scores(batch: Episode, logits: torch.Tensor) -> dict[str, torch.Tensor]:
    """Share of right decisions, of volumes of the task and of others."""
    same = batch.query.targets > 0.5
    return {"right, same": (logits[same] > 0).float().mean(), "right, different": (logits[~same] <= 0).float().mean()}


class Trainer:
    """Meta-trains a learner.

    Args:
        learner: what to train, on its device.
        loss: see `BatchLoss`.
        schedule: how long and how fast.
        state_file: where the state is kept, so that training can go on after a stop.
        scores: what the log tells of a batch, beside the loss: (batch, outputs) -> name -> scalar tensor.
        log: called with a line of text now and then.
        log_dir: TensorBoard files go there; needs the package tensorboard. None for no files.

    Raises:
        CheckpointError: the state cannot be read, or is of another learner or version.
    """

    def __init__(
        self,
        learner: Learner,
        loss: BatchLoss,
        schedule: Schedule,
        state_file: Path,
        scores: Scores | None = None,
        log: Callable[[str], None] = print,
        log_dir: Path | None = None,
    ) -> None:
        self.learner = learner
        self.loss = loss
        self.schedule = schedule
        self.state_file = state_file
        self.scores = scores or segmentation_scores
        self.log = log
        self.writer = None
        if log_dir is not None:
            from torch.utils.tensorboard import SummaryWriter

            self.writer = SummaryWriter(str(log_dir))
        parameters = [p for p in learner.parameters() if p.requires_grad]
        self.parameters = parameters
        self.optimizer = torch.optim.AdamW(parameters, lr=schedule.learning_rate, weight_decay=schedule.decay)
        self.average = AveragedModel(learner, multi_avg_fn=get_ema_multi_avg_fn(schedule.averaging))
        self.step = 0
        self.seconds = 0.0
        self.recent: dict[str, list[float]] = defaultdict(list)
        if state_file.is_file():
            self._restore()

    @property
    def finished(self) -> bool:
        """True once the schedule is over."""
        return self.schedule.done(self.step, self.seconds) >= 1

    def run(self, batches: Iterator[Episode], minutes: float | None = None) -> None:
        """Trains until the schedule ends, or for so many minutes of it; keeps its state on disk as it goes."""
        device = self.parameters[0].device
        start, before = time.monotonic(), self.seconds
        saved = start
        self.learner.train()
        while not self.finished and (minutes is None or self.seconds - before < 60 * minutes):
            batch = next(batches).to(device)
            rate = self.schedule.rate(self.step, self.seconds)
            for group in self.optimizer.param_groups:
                group["lr"] = rate
            self.optimizer.zero_grad(set_to_none=True)
            loss, logits = self.loss(self.learner, batch)
            if loss.requires_grad:
                loss.backward()
            norm = torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
            if bool(torch.isfinite(norm)):
                self.optimizer.step()
                self.average.update_parameters(self.learner)
            self.recent["loss"].append(loss.detach())
            for name, value in self.scores(batch, logits.detach()).items():
                self.recent[name].append(value)
            self.step += 1
            self.seconds = before + time.monotonic() - start
            if self.step % 50 == 0:
                self._report(rate, float(norm))
            if time.monotonic() - saved > 120:
                self.save_state()
                saved = time.monotonic()
        self.save_state()
        self.learner.eval()

    def save(self, path: Path, provenance: dict) -> None:
        """Writes the averaged weights as a checkpoint."""
        save_checkpoint(self.average.module, path, {**provenance, "steps": self.step, "hours": self.seconds / 3600})

    def save_state(self) -> None:
        """Writes all that is needed to go on."""
        self.state_file.parent.mkdir(parents=True, exist_ok=True)
        # Whole numbers, too, are kept in single precision: they count steps.
        tensors = {name: value.detach().float().cpu().contiguous() for name, value in self._tensors().items()}
        header = {"format": FORMAT, "step": self.step, "seconds": self.seconds}
        temporary = self.state_file.with_suffix(".new")
        save_file(tensors, temporary, metadata={"medmeta": json.dumps(header)})
        temporary.replace(self.state_file)

    def _tensors(self) -> dict[str, torch.Tensor]:
        """Weights, their average and what the optimizer keeps of each parameter, by name."""
        parts = {"learner": self.learner.state_dict(), "average": self.average.state_dict()}
        parts |= {f"optimizer.{n}": kept for n, kept in self.optimizer.state_dict()["state"].items()}
        return {f"{part}.{name}": value for part, state in parts.items() for name, value in state.items()}

    def _restore(self) -> None:
        advice = "remove it to begin anew; those of earlier versions cannot be gone on with"
        header, tensors = read_tensor_file(self.state_file, "Training state", advice)
        try:
            if header["format"] != FORMAT:
                raise ValueError(f"its format is {header['format']}")
            parts: dict[str, dict[str, torch.Tensor]] = defaultdict(dict)
            for key, value in tensors.items():
                part, _, name = key.partition(".")
                parts[part][name] = value
            self.learner.load_state_dict(parts["learner"])
            self.average.load_state_dict(parts["average"])
            self.optimizer.load_state_dict(self._optimizer_state(parts["optimizer"]))
            self.step, self.seconds = int(header["step"]), float(header["seconds"])
        except (AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
            reason = " ".join(str(error).split())[:200]
            raise CheckpointError(f"Training state {self.state_file} does not fit ({reason}): {advice}.") from error
        self.log(f"resumed at step {self.step}, {self.seconds / 60:.1f} min")

    def _optimizer_state(self, tensors: dict[str, torch.Tensor]) -> dict:
        """What the optimizer takes, with each parameter's tensors laid out in memory as it is itself."""
        state: dict[int, dict[str, torch.Tensor]] = defaultdict(dict)
        for key, value in tensors.items():
            number, _, name = key.partition(".")
            if name != "step":
                value = torch.empty_like(self.parameters[int(number)]).copy_(value)
            state[int(number)][name] = value
        return {**self.optimizer.state_dict(), "state": state}

    def _report(self, rate: float, norm: float) -> None:
        means = {name: float(torch.stack(values).mean()) for name, values in sorted(self.recent.items())}
        self.recent.clear()
        text = "  ".join(f"{name} {value:.3f}" for name, value in means.items())
        self.log(f"step {self.step}  {self.seconds / 60:.1f} min  {text}  rate {rate:.1e}  gradient {norm:.2f}")
        if self.writer is not None:
            for name, value in {**means, "rate": rate, "gradient": norm}.items():
                self.writer.add_scalar(name, value, self.step)
            self.writer.flush()
