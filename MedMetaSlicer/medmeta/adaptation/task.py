"""An adapted task: what a learner learned about the user's structures, in one small file."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from medmeta.annotations import Segment
from medmeta.episodes import GreyWindow
from medmeta.errors import CheckpointError
from medmeta.learners.base import AdaptedState

FORMAT = "medmeta-task-2"
SHARED = "shared"
SIGNATURES = "signatures"


def _digest(tensors: Mapping[str, torch.Tensor]) -> str:
    """SHA-256 of names and values, hexadecimal."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(tensors[name].numpy().tobytes())
    return digest.hexdigest()


@dataclass(frozen=True)
class AdaptedTask:
    """Segments, the weights that changed for each, and how to lay other volumes before the network.

    Attributes:
        segments: names, colours and label values.
        states: what changed, one for each segment.
        shared: what changed for all segments together; empty if nothing did.
        checkpoint: name and SHA-256 of the meta-trained weights that the states belong to.
        direction: (3, 3) LPS direction in which slices, rows and columns run.
        pixel: mm of a network pixel.
        tile: rows and columns that the network saw at a time.
        grey: the grey window.
        signatures: (V, width), of the annotated volumes; see `medmeta.adaptation.similarity`.
        provenance: annotated slices, seed, version and the like; no names of files or patients.
    """

    segments: tuple[Segment, ...]
    states: tuple[AdaptedState, ...]
    shared: AdaptedState
    checkpoint: Mapping[str, str]
    direction: np.ndarray
    pixel: float
    tile: tuple[int, int]
    grey: GreyWindow
    signatures: torch.Tensor
    provenance: Mapping[str, Any]

    def save(self, path: str | Path) -> None:
        """Writes the task; an existing file is replaced only when all is written.

        Raises:
            CheckpointError: the file cannot be written.
        """
        path = Path(path)
        tensors = {
            f"{part}.{name}": value.detach().cpu().contiguous()
            for part, state in [(SHARED, self.shared), *enumerate(self.states)]
            for name, value in state.items()
        }
        tensors[SIGNATURES] = self.signatures.cpu().contiguous()
        header = {
            "format": FORMAT,
            "tensors": _digest(tensors),
            "segments": [asdict(segment) for segment in self.segments],
            "checkpoint": dict(self.checkpoint),
            "direction": np.asarray(self.direction).reshape(-1).tolist(),
            "pixel": self.pixel,
            "tile": list(self.tile),
            "grey": asdict(self.grey),
            "provenance": dict(self.provenance),
        }
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            save_file(tensors, temporary, metadata={"medmeta": json.dumps(header)})
            os.replace(temporary, path)
        except (OSError, SafetensorError) as error:
            raise CheckpointError(f"Task {path} cannot be written ({error}): choose another folder.") from error
        finally:
            temporary.unlink(missing_ok=True)

    @classmethod
    def load(cls, path: str | Path) -> AdaptedTask:
        """Reads a task.

        Raises:
            CheckpointError: missing, damaged, or not a task file.
        """
        path = Path(path)
        if not path.is_file():
            raise CheckpointError(f"Task {path} does not exist: give the path of a file that `medmeta adapt` wrote.")
        try:
            with safe_open(path, framework="pt") as file:
                header = json.loads((file.metadata() or {}).get("medmeta", "null"))
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
        except (SafetensorError, ValueError, OSError) as error:
            raise CheckpointError(f"Task {path} cannot be read ({error}): it is damaged; adapt again.") from error
        if not isinstance(header, dict) or header.get("format") != FORMAT:
            raise CheckpointError(f"{path} is not a {FORMAT} file: give one that `medmeta adapt` wrote.")
        if header.get("tensors") != _digest(tensors):
            raise CheckpointError(f"Task {path} has other weights than were written: it is damaged; adapt again.")
        try:
            segments = tuple(Segment(**{**s, "color": tuple(s["color"])}) for s in header["segments"])
            signatures = tensors.pop(SIGNATURES)
            shared: AdaptedState = {}
            states: list[AdaptedState] = [{} for _ in segments]
            for name, value in tensors.items():
                part, _, parameter = name.partition(".")
                (shared if part == SHARED else states[int(part)])[parameter] = value
            return cls(
                segments,
                tuple(states),
                shared,
                header["checkpoint"],
                np.asarray(header["direction"], dtype=float).reshape(3, 3),
                float(header["pixel"]),
                tuple(int(n) for n in header["tile"]),
                GreyWindow(**header["grey"]),
                signatures,
                header["provenance"],
            )
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise CheckpointError(f"Task {path} is incomplete ({error!r}): it is damaged; adapt again.") from error
