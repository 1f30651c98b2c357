"""The learners that may take part in an adaptation, with the weights that they come from."""

from __future__ import annotations

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


def find_contenders(learner: str, checkpoint: str | Path | None, device: torch.device) -> list[Contender]:
    """Loads who may take part.

    Args:
        learner: `AUTO`, or one of `BUNDLED`.
        checkpoint: weights to use instead of the bundled ones, alone.
        device: where to compute.

    Raises:
        CheckpointError: an unknown learner, weights that cannot be read, or a checkpoint of another learner.
    """
    if learner not in (AUTO, *BUNDLED):
        raise CheckpointError(f"Learner {learner!r} is not known: choose one of {', '.join((AUTO, *BUNDLED))}.")
    if checkpoint is None:
        return [_load(name, device) for name in (BUNDLED if learner == AUTO else (learner,))]
    contender = _load(checkpoint, device)
    if learner not in (AUTO, contender.name):
        raise CheckpointError(
            f"Checkpoint {checkpoint} holds the learner {contender.name!r}, not {learner!r}: "
            "choose that learner, or leave one of the two out."
        )
    return [contender]


def _load(checkpoint: str | Path, device: torch.device) -> Contender:
    path = find_weights(checkpoint)
    learner, header = load_checkpoint(path)
    weights = {"name": path.name, "sha256": header["sha256"]}
    return Contender(learner.name, learner.to(device), weights, header["network"]["slices"])
