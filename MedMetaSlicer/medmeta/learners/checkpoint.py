"""Meta-trained weights on disk: safetensors, with what is needed to make the learner again as JSON in the header."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from medmeta.disk import replacing
from medmeta.errors import CheckpointError
from medmeta.learners.base import Learner
from medmeta.learners.factory import create_learner
from medmeta.learners.limits import check_learner, check_network
from medmeta.learners.tensor_file import read_tensor_file

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
    with replacing(path) as temporary:
        save_file(tensors, temporary, metadata={"medmeta": json.dumps(header)})


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
    header, tensors = read_tensor_file(path, "Checkpoint", "get it again")
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise CheckpointError(f"Checkpoint {path} is not a {FORMAT} file: use one that MedMetaSlicer wrote.")
    if not all(bool(torch.isfinite(value).all()) for value in tensors.values()):
        raise CheckpointError(f"Checkpoint {path} holds numbers that are not finite: get it again.")
    try:
        learner = _made(header, tensors)
    except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise CheckpointError(f"Checkpoint {path} does not fit its own settings ({reason}): get it again.") from error
    header["sha256"] = file_hash(path)
    return learner.eval(), header


def _made(header: dict[str, Any], tensors: dict[str, torch.Tensor]) -> Learner:
    """The learner that a header describes, with these weights.

    Raises:
        ValueError and others: the header makes no sense, or the weights are not those of its learner.
    """
    name, network, settings = (header.get(key) for key in ("learner", "network", "settings"))
    if not isinstance(name, str):
        raise ValueError("its learner has no name")
    check_network(network)
    check_learner(settings)
    with torch.device("meta"):  # shapes alone, no memory: what they are is compared before any is taken
        wanted = {key: value.shape for key, value in create_learner(name, network, settings).state_dict().items()}
    odd = sorted(key for key in wanted.keys() | tensors if wanted.get(key) != getattr(tensors.get(key), "shape", None))
    if odd:
        raise ValueError(f"{len(odd)} tensors are missing, unknown or of another shape, first {odd[0][:100]}")
    learner = create_learner(name, network, settings)
    learner.load_state_dict(tensors)
    return learner
