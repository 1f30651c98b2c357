"""Settings of the adaptation that a benchmark changes, to see what one of them does."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import is_dataclass
from typing import Any

from medmeta.errors import MedMetaError


def read_changes(texts: Sequence[str]) -> dict[str, Any]:
    """Reads NAME=JSON, such as `partner=null`, `by_image={}` or `reaches=[4, 8]`.

    Args:
        texts: one for each setting; names are those of `AdaptationSettings`.

    Returns:
        Name -> value; a list becomes a tuple.

    Raises:
        MedMetaError: not of that form, no such setting, or one that JSON cannot say.
    """
    from medmeta.adaptation import AdaptationSettings

    usual, found = dict(vars(AdaptationSettings())), {}
    del usual["for_other_volumes"]  # follows from what is measured
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or name not in usual:
            raise MedMetaError(f"--set {text}: give NAME=VALUE with one of {', '.join(sorted(usual))}")
        try:
            new = json.loads(value)
        except ValueError as error:
            raise MedMetaError(f"--set {text}: {value!r} is not JSON, such as 0.5, null or {{}}") from error
        if new is not None and is_dataclass(usual[name]):
            raise MedMetaError(f"--set {text}: {name} can be nothing but null here")
        found[name] = tuple(new) if isinstance(new, list) else new
    return found
