"""Makes a network from the settings that a checkpoint carries."""

from __future__ import annotations

from typing import Any

from torch import nn

from medmeta.errors import CheckpointError
from medmeta.networks.segmentation import SegmentationNet

NETWORKS: dict[str, type[nn.Module]] = {"segmentation": SegmentationNet}


def create_network(name: str = "segmentation", **settings: Any) -> nn.Module:
    """A freshly initialised network.

    Args:
        name: a key of `NETWORKS`.
        settings: the network's own arguments, as in its `settings`.

    Raises:
        CheckpointError: no network of that name, or settings that it does not have.
    """
    if name not in NETWORKS:
        raise CheckpointError(f"Network {name!r} is not one of {sorted(NETWORKS)}: use a checkpoint of this version.")
    try:
        return NETWORKS[name](**settings)
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"Network {name!r} cannot be made from {settings}: {error}") from error
