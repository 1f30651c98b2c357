"""Meta-trained weights on disk: safetensors, with what is needed to make the learner again as JSON in the header."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from medmeta.errors import CheckpointError
from medmeta.learners.base import Learner
from medmeta.learners.factory import create_learner

FORMAT = "medmeta-checkpoint-1"


def file_hash(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def save_checkpoint(learner: Learner, path: str | Path, provenance: dict[str, Any]) -> None:
    """Writes a learner; replaces the file only when all is written."""
    header = {
        "format": FORMAT,
        "learner": learner.name,
        "network": learner.network_settings,
        "settings": learner.settings(),
        "provenance": provenance,
    }
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = {name: value.detach().cpu().contiguous() for name, value in learner.state_dict().items()}
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        save_file(tensors, temporary, metadata={"medmeta": json.dumps(header)})
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def load_checkpoint(path: str | Path) -> tuple[Learner, dict[str, Any]]:
    """Reads a learner.

    Returns:
        The learner in evaluation mode on the CPU, and its header with the file's hash under "sha256".

    Raises:
        CheckpointError: missing, corrupt, of another format, or weights that do not fit their settings.
    """
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f"Checkpoint {path} does not exist: give the path of a .safetensors file.")
    try:
        with safe_open(path, framework="pt") as file:
            header = json.loads((file.metadata() or {}).get("medmeta", "null"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except (SafetensorError, ValueError, OSError) as error:
        raise CheckpointError(f"Checkpoint {path} cannot be read ({error}): it is damaged; get it again.") from error
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise CheckpointError(f"Checkpoint {path} is not a {FORMAT} file: use one that MedMetaSlicer wrote.")
    learner = create_learner(header["learner"], header["network"], header["settings"])
    try:
        learner.load_state_dict(tensors)
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        raise CheckpointError(f"Checkpoint {path} does not fit its own settings ({reason}): get it again.") from error
    if not all(bool(torch.isfinite(value).all()) for value in tensors.values()):
        raise CheckpointError(f"Checkpoint {path} holds numbers that are not finite: get it again.")
    header["sha256"] = file_hash(path)
    return learner.eval(), header
