"""Who takes part in a meta-test."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from medmeta.adaptation.settings import AdaptationSettings
from medmeta.errors import CheckpointError
from medmeta.evaluation.baselines.fine_tuned import JOINT_RATE, SCRATCH_RATE, jointly_trained
from medmeta.evaluation.episode_methods import EpisodeMethod, FineTuned, Interpolation, Learned, NearestSlice
from medmeta.learners.checkpoint import load_checkpoint
from medmeta.learners.factory import IMAGE_LEVEL
from medmeta.learners.weights import find_weights
from medmeta.networks import SegmentationNet

JOINT_STEPS, SCRATCH_STEPS = 30, 60
JOINT_RATE_ELSEWHERE = 1e-3
"""Of the jointly trained network in another volume, where there is no prior and more must be learned."""


def learner_methods(names: Sequence[str]) -> list[EpisodeMethod]:
    """The learners of some checkpoints.

    Args:
        names: bundled weights or paths.

    Raises:
        CheckpointError: one cannot be read, or two have the same name.
    """
    methods = [Learned(Path(name).stem, load_checkpoint(find_weights(name))[0]) for name in names]
    if len({method.name for method in methods}) < len(methods):
        raise CheckpointError(f"Two of {', '.join(names)} have the same name: rename one, to tell them in the table.")
    return methods


def is_image_level(names: Sequence[str]) -> bool:
    """True for the one learner that judges whole volumes, whose meta-test is another.

    Raises:
        CheckpointError: a checkpoint cannot be read, or it is asked for together with others.
    """
    kinds = [load_checkpoint(find_weights(name))[0].name for name in names]
    if IMAGE_LEVEL in kinds and len(kinds) > 1:
        raise CheckpointError(f"{IMAGE_LEVEL} segments nothing, so that it compares with no other: name it alone.")
    return kinds == [IMAGE_LEVEL]


def baseline_methods() -> list[EpisodeMethod]:
    """Interpolation, the nearest slice, joint training with fine-tuning, and training from scratch."""
    joint = jointly_trained()
    torch.manual_seed(0)
    return [
        Interpolation(),
        NearestSlice(),
        FineTuned("joint, fine-tuned", joint, JOINT_STEPS, JOINT_RATE, JOINT_RATE_ELSEWHERE),
        FineTuned("from scratch", SegmentationNet(), SCRATCH_STEPS, SCRATCH_RATE),
    ]


def card_methods(name: str) -> list[EpisodeMethod]:
    """One learner before, after and blended with interpolation, as its model card shows it."""
    learner = load_checkpoint(find_weights(name))[0]
    return [
        Interpolation(),
        Learned("before the inner loop", learner, steps=0),
        Learned("after it", learner),
        Learned("blended by distance", learner, reach=AdaptationSettings().usual_reach),
    ]
