"""Where the bundled weights are."""

from __future__ import annotations

import os
from pathlib import Path

from medmeta.errors import CheckpointError

DEFAULT = "maml.safetensors"


def find_weights(name: str | Path | None = None) -> Path:
    """The path of a checkpoint.

    Args:
        name: a path, the name of a bundled checkpoint, or None for the default.

    Raises:
        CheckpointError: there is no such file; says where it was looked for.
    """
    if name is not None and Path(name).is_file():
        return Path(name)
    asked = Path(name or DEFAULT)
    if asked.parent != Path() or (asked.suffix and asked.suffix != ".safetensors"):
        raise CheckpointError(f"Checkpoint {asked} does not exist: give the path of a .safetensors file.")
    file_name = asked.name if asked.suffix else f"{asked.name}.safetensors"
    package = Path(__file__).resolve().parents[1]
    folders = [
        Path(os.environ["MEDMETA_WEIGHTS"]) if os.environ.get("MEDMETA_WEIGHTS") else None,
        package.parents[1] / "Resources" / "Weights",  # a checkout
        package.parent / "Resources" / "Weights",  # installed in Slicer, beside the module
        package / "weights",  # installed by pip
    ]
    for folder in folders:
        if folder is not None and (folder / file_name).is_file():
            return folder / file_name
    places = ", ".join(str(folder) for folder in folders if folder is not None)
    raise CheckpointError(f"Checkpoint {asked} was not found in {places}: give a path, or install MedMetaSlicer again.")
