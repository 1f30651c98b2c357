"""The learners that may take part in an adaptation, with the weights that they come from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from medmeta.errors import CheckpointError
from medmeta.learners.base import Learner
from medmeta.learners.checkpoint import load_checkpoint
from medmeta.learners.weights import find_weights

AUTO = "auto"
"""The first learner, or what does better on held-out slices; see `medmeta.adaptation.guard.choose`."""

BUNDLED = ("siamese", "maml", "lstm")
"""Learners whose weights ship, in the order in which they are tried: the one without gradient steps first."""


@dataclass(frozen=True)
class Contender:
    """A learner with its weights.

    Attributes:
        name: of the learner, as the user chooses it.
        learner: in evaluation mode, on its device.
        weights: file name and SHA-256 of the weights.
        slices: neighbouring slices in its image channels.
    """

    name: str
    learner: Learner
    weights: dict[str, str]
    slices: int

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return next(self.learner.parameters()).device


Load = Callable[[str | Path, torch.device], Contender]
"""(path or bundled name, device) -> a learner that whoever asked must not change."""


def find_contenders(
    learner: str, checkpoint: str | Path | None, device: torch.device, load: Load | None = None
) -> list[Contender]:
    """Loads who may take part.

    Args:
        learner: `AUTO`, or one of `BUNDLED`.
        checkpoint: weights to use instead of the bundled ones, alone.
        device: where to compute.
        load: loads a learner; None for `load_contender`.

    Raises:
        CheckpointError: an unknown learner, weights that cannot be read, or a checkpoint of another learner.
    """
    if learner not in (AUTO, *BUNDLED):
        raise CheckpointError(f"Learner {learner!r} is not known: choose one of {', '.join((AUTO, *BUNDLED))}.")
    load = load or load_contender
    if checkpoint is None:
        return [load(name, device) for name in (BUNDLED if learner == AUTO else (learner,))]
    contender = load(checkpoint, device)
    if learner not in (AUTO, contender.name):
        raise CheckpointError(
            f"Checkpoint {checkpoint} holds the learner {contender.name!r}, not {learner!r}: "
            "choose that learner, or leave one of the two out."
        )
    return [contender]


def load_contender(checkpoint: str | Path, device: torch.device) -> Contender:
    """Loads a learner.

    Args:
        checkpoint: a path, or the name of bundled weights.
        device: where to compute.

    Raises:
        CheckpointError: the weights cannot be read.
    """
    path = find_weights(checkpoint)
    learner, header = load_checkpoint(path)
    weights = {"name": path.name, "sha256": header["sha256"]}
    return Contender(learner.name, learner.to(device), weights, header["network"]["slices"])


class KeptLearners:
    """Loads learners as `load_contender` does, and keeps them for the next who asks: a warm process loads each once.

    Nobody may change them: who fine-tunes takes a copy. Weights that were replaced on the disk are loaded anew.

    Args:
        most: learners that are kept; the one that was not asked for longest goes first.
    """

    def __init__(self, most: int = 8) -> None:
        self.most = most
        self._kept: dict[tuple[str, str], tuple[tuple[int, int], Contender]] = {}

    def __call__(self, checkpoint: str | Path, device: torch.device) -> Contender:
        """See `load_contender`."""
        path = find_weights(checkpoint)
        try:
            status = path.stat()
        except OSError as error:
            raise CheckpointError(f"Checkpoint {path} cannot be read ({error.strerror}): get it again.") from error
        key, version = (str(path.resolve()), str(device)), (status.st_mtime_ns, status.st_size)
        kept, contender = self._kept.pop(key, (None, None))
        if kept != version:
            contender = load_contender(path, device)
        self._kept[key] = version, contender  # as the last one
        while len(self._kept) > self.most:
            del self._kept[next(iter(self._kept))]
        return contender
