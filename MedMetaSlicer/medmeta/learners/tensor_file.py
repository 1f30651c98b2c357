"""Reads safetensors files that come from anywhere: nothing in them is executed, and nothing larger than they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from medmeta.errors import CheckpointError

LARGEST_FILE = 2**31
"""Bytes; the bundled weights are a thousandth of it."""

MOST_JSON = 2**24
"""Letters of our header."""


def read_tensor_file(
    path: Path, what: str, advice: str, of_bytes: str | None = None
) -> tuple[Any, dict[str, torch.Tensor]]:
    """Reads tensors and our header, which is JSON and not checked here: it may be anything.

    The tensors are in single precision: sizes and places are checked by safetensors against the file's own size.

    Args:
        path: the file; it exists.
        what: what messages call it, such as "Task".
        advice: what to do about a damaged one.
        of_bytes: tensors whose names begin so are of unsigned bytes instead.

    Returns:
        The header, None where there is none; tensors by name.

    Raises:
        CheckpointError: too large, damaged, no safetensors file, or other tensors than single precision.
    """
    size = path.stat().st_size
    if size > LARGEST_FILE:
        raise CheckpointError(f"{what} {path} has {size / 2**30:.1f} GiB, which none has: {advice}.")
    try:
        with safe_open(path, framework="pt") as file:
            text = (file.metadata() or {}).get("medmeta", "null")
            if len(text) > MOST_JSON:
                raise ValueError(f"a header of {len(text)} letters")
            header = json.loads(text)
            names = list(file.keys())
            kinds = {name: file.get_slice(name).get_dtype() for name in names}
            wanted = {name: "U8" if of_bytes is not None and name.startswith(of_bytes) else "F32" for name in names}
            foreign = next((name for name in names if kinds[name] != wanted[name]), None)
            if foreign is not None and wanted[foreign] == "U8":
                raise ValueError(f"{foreign!r} is {kinds[foreign]}, not bytes")
            if foreign is not None:
                raise ValueError(f"{foreign!r} is {kinds[foreign]}, not single precision")
            tensors = {name: file.get_tensor(name) for name in names}
    except (SafetensorError, ValueError, OSError, RecursionError, MemoryError) as error:
        raise CheckpointError(f"{what} {path} cannot be read ({_short(error)}): it is damaged; {advice}.") from error
    return header, tensors


def _short(error: BaseException) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 200 else f"{text[:200]} ..."
