"""Settings of the adaptation that a benchmark changes, to see what one of them does."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import is_dataclass, replace
from typing import Any, get_args, get_type_hints

from medmeta.errors import MedMetaError

FROM_THE_JOB = "for_other_volumes"
"""What follows from what is measured."""


def read_changes(texts: Sequence[str]) -> dict[str, Any]:
    """Reads NAME=JSON, such as `by_image={}`, `reaches=[4, 8]` or `walk.share=0.5`.

    Args:
        texts: one for each setting; names are those of `AdaptationSettings`, and after a dot those of its parts.

    Returns:
        Name -> value; a list becomes a tuple, and what is changed in part is whole.

    Raises:
        MedMetaError: not of that form, no such setting, or not a value of its kind.
    """
    from medmeta.adaptation import AdaptationSettings

    settings = AdaptationSettings()
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or name not in _names(settings):
            raise MedMetaError(f"--set {text}: give NAME=VALUE with one of {', '.join(sorted(_names(settings)))}")
        try:
            new = json.loads(value)
        except ValueError as error:
            raise MedMetaError(f"--set {text}: {value!r} is not JSON, such as 0.5, null or {{}}") from error
        outer, _, inner = name.partition(".")
        owner, field = (getattr(settings, outer), inner) if inner else (settings, name)
        if not _suits(new, owner, field):
            raise MedMetaError(f"--set {text}: give a value of the same kind as {getattr(owner, field)!r}")
        changed = replace(owner, **{field: tuple(new) if isinstance(new, list) else new})
        settings = replace(settings, **{outer: changed}) if inner else changed
    usual = AdaptationSettings()
    return {name: value for name, value in vars(settings).items() if value != getattr(usual, name)}


def _names(settings: Any) -> list[str]:
    """What can be changed: fields, and those of fields that are dataclasses themselves."""
    parts = {name: vars(part) for name, part in vars(settings).items() if is_dataclass(part)}
    names = [name for name in vars(settings) if name != FROM_THE_JOB]
    return names + [f"{name}.{inner}" for name, own in parts.items() for inner in own]


def _suits(new: Any, owner: Any, field: str) -> bool:
    """Whether a field can have a value from JSON: one like it has, or none where its type says so."""
    usual, kinds = getattr(owner, field), get_args(get_type_hints(type(owner))[field])
    if new is None:
        return type(None) in kinds
    free = not isinstance(usual, tuple) or Ellipsis in kinds  # else of so many, and no other number
    return _like(new, usual) and (free or len(new) == len(usual))


def _like(new: Any, usual: Any) -> bool:
    """Whether a value is of the kind of another one; where that is None, a whole number."""
    if isinstance(usual, bool) or isinstance(new, bool):
        return isinstance(usual, bool) and isinstance(new, bool)
    if isinstance(usual, tuple):
        return isinstance(new, list) and bool(new) and all(_like(one, usual[0]) for one in new)
    if isinstance(usual, Mapping):
        return isinstance(new, dict) and all(_like(one, 0.0) for one in new.values())
    if is_dataclass(usual):
        return False
    return isinstance(new, float | int if isinstance(usual, float) else int)
