"""Makes the segmentation learners, whole, from JSON-able settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from medmeta.errors import CheckpointError
from medmeta.learners.base import Learner
from medmeta.learners.losses import segmentation_loss
from medmeta.learners.maml import MAML
from medmeta.learners.ridge import RidgeWarmStart
from medmeta.networks import create_network

MAML_DEFAULTS: dict[str, Any] = {
    "adapted": ("*",),
    "steps": 3,
    "step_size": 0.02,
    "granularity": "layer",
    "step_weights": (0.2, 0.0, 0.0, 1.0),
    "largest_gradient": 2.0,
}


def _maml(network: Mapping[str, Any], settings: Mapping[str, Any]) -> MAML:
    made = create_network(**network)
    learner = MAML(
        made.branch, segmentation_loss, backbone=made.encoder, warm_start=RidgeWarmStart(),
        **{**MAML_DEFAULTS, **settings},
    )  # fmt: skip
    learner.network_settings = {"name": "segmentation", **made.settings}
    return learner


LEARNERS = {"maml": _maml}
"""Name -> maker. A learner of another family is added here."""


def create_learner(
    name: str = "maml", network: Mapping[str, Any] | None = None, settings: Mapping[str, Any] | None = None
) -> Learner:
    """A segmentation learner with fresh weights.

    Args:
        name: a key of `LEARNERS`.
        network: arguments of `create_network`.
        settings: the learner's own settings, as its `settings()` returns them.

    Raises:
        CheckpointError: an unknown name, or settings that do not fit.
    """
    if name not in LEARNERS:
        raise CheckpointError(f"Learner {name!r} is not one of {sorted(LEARNERS)}: use a checkpoint of this version.")
    try:
        return LEARNERS[name](network or {}, settings or {})
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"Learner {name!r} cannot be made from its settings: {error}") from error
