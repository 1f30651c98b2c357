"""Whether what a task file says beyond its segments can be true: it may come from anywhere."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from medmeta.adaptation.task_header import number, numbers
from medmeta.episodes import GreyWindow
from medmeta.learners.base import AdaptedState, Learner
from medmeta.learners.fast_weights import FastWeights

PIXEL = (1e-6, 1e3)
"""mm of a network pixel."""

LARGEST_TILE = 4096
LARGEST_GREY = 1e9
"""In the volume's own relative range, in which its voxels are about 0 to 1 (0 to 1000 for CT)."""


def direction_of(values: Any) -> np.ndarray:
    """(3, 3) directions of slices, rows and columns.

    Raises:
        ValueError: they are no axes.
    """
    direction = np.array(numbers("direction", values, 9, -1.001, 1.001)).reshape(3, 3)
    lengths = np.linalg.norm(direction, axis=0)
    if np.abs(lengths - 1).max() > 0.01 or abs(np.linalg.det(direction)) < 0.1:
        raise ValueError("direction is not three axes")
    return direction


def tile_of(values: Any) -> tuple[int, int]:
    """Rows and columns of a tile.

    Raises:
        ValueError: they are no sizes that a network is shown.
    """
    rows, columns = numbers("tile", values, 2, 8, LARGEST_TILE)
    if rows % 1 or columns % 1:
        raise ValueError("tile is not whole")
    return int(rows), int(columns)


def grey_of(row: Any) -> GreyWindow:
    """The grey window.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(row, dict) or row.keys() != {"centre", "width"}:
        raise ValueError("grey is not centre and width")
    centre = number("grey centre", row["centre"], -LARGEST_GREY, LARGEST_GREY)
    return GreyWindow(centre, number("grey width", row["width"], 1e-12, LARGEST_GREY))


def checkpoint_of(row: Any) -> dict[str, str]:
    """Name and SHA-256 of the weights that a task belongs to.

    Raises:
        ValueError: no plain file name (a path would have us open what the file's author likes), or no hash.
    """
    if not isinstance(row, dict) or row.keys() != {"name", "sha256"}:
        raise ValueError("checkpoint is not name and sha256")
    name, digest = row["name"], row["sha256"]
    if not isinstance(name, str) or not re.fullmatch(r"[^/\\:\0]{1,255}", name) or name in (".", ".."):
        raise ValueError(f"checkpoint {str(name)[:50]!r} is no file name")
    if not isinstance(digest, str) or not re.fullmatch(r"[0-9a-f]{64}", digest):
        raise ValueError("checkpoint has no SHA-256")
    return {"name": name, "sha256": digest}


def check_tensors(tensors: Mapping[str, torch.Tensor], signatures: torch.Tensor) -> None:
    """Checks numbers and the signatures' shape; those of states are checked against their learner, `check_states`.

    Raises:
        ValueError: numbers that are not finite, or signatures of no volume.
    """
    for name, value in (*tensors.items(), ("signatures", signatures)):
        if not bool(torch.isfinite(value).all()):
            raise ValueError(f"{name[:100]} holds numbers that are not finite")
    if signatures.ndim != 2 or not signatures.numel():
        raise ValueError(f"signatures are of shape {tuple(signatures.shape)}")


@torch.no_grad()
def check_states(shared: AdaptedState, states: Sequence[AdaptedState], learner: Learner) -> None:
    """Checks that what a task changed is what its learner has, by names, shapes and a small prediction.

    Args:
        shared, states: see `AdaptedTask`.
        learner: the learner that they belong to, with the network settings that it was made from, on their device.

    Raises:
        ValueError: unknown names or other shapes.
    """
    own = {name: tuple(value.shape) for name, value in learner.shared().items()}
    for name, value in shared.items():
        if own.get(name) != tuple(value.shape):
            raise ValueError(f"shared {name[:100]} of shape {tuple(value.shape)} is unknown to the learner")
    network, device = learner.network_settings, next(learner.parameters()).device
    side = 8 * 2 ** len(network["encoder_channels"])
    encoded = learner.encode((torch.zeros(1, network["slices"], side, side, device=device),))
    channels = torch.zeros(1, network["segment_inputs"], side, side, device=device)
    wanted = None
    if isinstance(learner, FastWeights):  # which passes over names that it does not know
        wanted = {name: tuple(value.shape) for name, value in learner.initial().items()}
    for index, state in enumerate(states, 1):
        if not state:
            raise ValueError(f"segment {index} was not adapted for other volumes")
        if wanted is not None and wanted != {name: tuple(value.shape) for name, value in state.items()}:
            raise ValueError(f"the weights of segment {index} are not of the learner's names and shapes")
        try:
            shape = tuple(learner.predict(state, (*encoded, channels)).shape)
        except (IndexError, KeyError, RuntimeError, TypeError, ValueError) as error:
            raise ValueError(f"the weights of segment {index} are not of the learner's names and shapes") from error
        if shape != (1, 1, side, side):
            raise ValueError(f"the weights of segment {index} give {shape} for one slice")
