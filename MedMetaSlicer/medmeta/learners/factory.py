"""Makes the segmentation learners, whole, from JSON-able settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from medmeta.episodes.flips import support_versions
from medmeta.errors import CheckpointError
from medmeta.learners.base import Learner
from medmeta.learners.fast_weights import FastWeights
from medmeta.learners.image_siamese import ImageSiamese
from medmeta.learners.losses import segmentation_loss
from medmeta.learners.lstm import LSTMLearner
from medmeta.learners.maml import MAML
from medmeta.learners.ridge import RidgeWarmStart
from medmeta.learners.siamese import SiameseLearner
from medmeta.networks import SegmentationNet, create_network

MAML_DEFAULTS: dict[str, Any] = {
    "adapted": ("*",),
    "steps": 3,
    "step_size": 0.005,
    "granularity": "layer",
    "step_weights": (0.2, 0.0, 0.0, 1.0),
    "largest_gradient": 2.0,
}


LSTM_DEFAULTS: dict[str, Any] = {
    # The head, the last decoder blocks, and the affine parameters of every norm.
    "adapted": ("head.*", "expand.1.*", "expand.2.*", "*.adn.N.*", "settle.*", "prior_gain"),
    "steps": 3,
    "step_weights": (0.2, 0.0, 0.0, 1.0),
}

LEARNERS: dict[str, tuple[type[Learner], dict[str, Any]]] = {
    "maml": (MAML, MAML_DEFAULTS),
    "lstm": (LSTMLearner, LSTM_DEFAULTS),
    "siamese": (SiameseLearner, {}),
}
"""Name -> class and its settings for segmentation. A learner of another family is added here."""

IMAGE_LEVEL = ImageSiamese.name
"""The one learner that judges whole volumes; it segments nothing."""


def create_learner(
    name: str = "maml", network: Mapping[str, Any] | None = None, settings: Mapping[str, Any] | None = None
) -> Learner:
    """A learner with fresh weights.

    Args:
        name: a key of `LEARNERS`, or `IMAGE_LEVEL`.
        network: arguments of `create_network`.
        settings: the learner's own settings, as its `settings()` returns them.

    Raises:
        CheckpointError: an unknown name, or settings that do not fit.
    """
    known = sorted((*LEARNERS, IMAGE_LEVEL))
    if name not in known:
        raise CheckpointError(f"Learner {name!r} is not one of {known}: use a checkpoint of this version.")
    made = create_network(**(network or {}))
    try:
        if name == IMAGE_LEVEL:
            learner = ImageSiamese(made.encoder, made.settings["encoder_channels"], **(settings or {}))
        else:
            learner = _segmenter(name, made, settings or {})
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"Learner {name!r} cannot be made from its settings: {error}") from error
    learner.network_settings = {"name": "segmentation", **made.settings}
    return learner


def _segmenter(name: str, made: SegmentationNet, settings: Mapping[str, Any]) -> Learner:
    kind, defaults = LEARNERS[name]
    parts = {"backbone": made.encoder}
    if issubclass(kind, FastWeights):
        parts |= {"warm_start": RidgeWarmStart(), "versions": support_versions}
    return kind(made.branch, segmentation_loss, **parts, **{**defaults, **settings})
