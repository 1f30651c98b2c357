"""An adapted task: what a learner learned about the user's structures, in one small file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import save_file

from medmeta.adaptation import validation
from medmeta.adaptation.task_header import FORMAT, FORMER, number, segments_of
from medmeta.annotations import Segment
from medmeta.disk import replacing
from medmeta.episodes import GreyWindow
from medmeta.errors import CheckpointError
from medmeta.learners.base import AdaptedState, Learner
from medmeta.learners.tensor_file import read_tensor_file
from medmeta.transfer.template import Template, templates_of

SHARED = "shared"
SIGNATURES = "signatures"
TEMPLATES = "templates"


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
        signatures: (V, width), of the annotated volumes; see `medmeta.transfer.similarity`.
        provenance: annotated slices, seed, version and the like; no names of files or patients.
        templates: the annotated volumes and their label maps, reduced; none where the user wants no voxels kept.
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
    templates: tuple[Template, ...] = ()

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
        for place, template in enumerate(self.templates):
            for name, value in template.voxels().items():
                tensors[f"{TEMPLATES}.{place}.{name}"] = torch.from_numpy(value)
        header = {
            "format": FORMAT,
            "tensors": _digest(tensors),
            "segments": [asdict(segment) for segment in self.segments],
            "checkpoint": dict(self.checkpoint),
            "direction": np.asarray(self.direction).reshape(-1).tolist(),
            "pixel": self.pixel,
            "tile": list(self.tile),
            "grey": asdict(self.grey),
            "templates": [template.places() for template in self.templates],
            "provenance": dict(self.provenance),
        }
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(path) as temporary:
                save_file(tensors, temporary, metadata={"medmeta": json.dumps(header)})
        except (OSError, SafetensorError) as error:
            raise CheckpointError(f"Task {path} cannot be written ({error}): choose another folder.") from error

    def loaded_into(self, learner: Learner) -> list[AdaptedState]:
        """Loads what all segments share into a learner.

        Args:
            learner: of the weights that the task was adapted from.

        Returns:
            One state for each segment, on the learner's device.

        Raises:
            CheckpointError: names and shapes are not the learner's; the learner then stays as it was.
        """
        device = next(learner.parameters()).device
        states = [{name: value.to(device) for name, value in state.items()} for state in self.states]
        try:
            validation.check_states(self.shared, states, learner)
        except ValueError as error:
            raise CheckpointError(f"The task does not fit its weights ({error}): adapt again.") from error
        learner.load_state_dict(self.shared, strict=False)
        return states

    @classmethod
    def load(cls, path: str | Path) -> AdaptedTask:
        """Reads a task.

        Raises:
            CheckpointError: missing, damaged, not a task file, or one that says what cannot be.
        """
        path = Path(path)
        if not path.is_file():
            raise CheckpointError(f"Task {path} does not exist: give the path of a file that `medmeta adapt` wrote.")
        header, tensors = read_tensor_file(path, "Task", "adapt again", of_bytes=f"{TEMPLATES}.")
        if not isinstance(header, dict) or header.get("format") not in (FORMAT, *FORMER):
            raise CheckpointError(f"{path} is not a {FORMAT} file: give one that `medmeta adapt` wrote.")
        if header.get("tensors") != _digest(tensors):
            raise CheckpointError(f"Task {path} has other weights than were written: it is damaged; adapt again.")
        try:
            return cls._checked(header, tensors)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise CheckpointError(f"Task {path} is incomplete or makes no sense ({error}): adapt again.") from error

    @classmethod
    def _checked(cls, header: Mapping[str, Any], tensors: dict[str, torch.Tensor]) -> AdaptedTask:
        """The task of a header and tensors from anywhere.

        Raises:
            KeyError, ValueError and others: something is missing or cannot be.
        """
        segments = segments_of(header["segments"])
        signatures = tensors.pop(SIGNATURES)
        rows = header["templates"] if header["format"] != FORMER[-1] else []
        templates = templates_of(rows, tensors, f"{TEMPLATES}.", len(segments))
        validation.check_tensors(tensors, signatures)
        shared: AdaptedState = {}
        states: list[AdaptedState] = [{} for _ in segments]
        for name, value in tensors.items():
            part, _, parameter = name.partition(".")
            if part != SHARED and not (part.isascii() and part.isdigit() and len(part) < 9 and int(part) < len(states)):
                raise ValueError(f"{name[:100]!r} belongs to no segment")
            (shared if part == SHARED else states[int(part)])[parameter] = value
        if not isinstance(header["provenance"], dict):
            raise ValueError("provenance is no table")
        return cls(
            segments,
            tuple(states),
            shared,
            validation.checkpoint_of(header["checkpoint"]),
            validation.direction_of(header["direction"]),
            number("pixel", header["pixel"], *validation.PIXEL),
            validation.tile_of(header["tile"]),
            validation.grey_of(header["grey"]),
            signatures,
            header["provenance"],
            templates,
        )
