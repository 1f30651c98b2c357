"""What the settings in a checkpoint's header may be, so that making a learner from them cannot take all memory."""

from __future__ import annotations

import math
from typing import Any

MOST_CHANNELS = 4096
MOST_SCALES = 8
MOST_SLICES = 101
LARGEST_NUMBER = 2**20
MOST_STEPS = 1000
MOST_ITEMS = 1000
LONGEST_TEXT = 1000


def check_network(settings: Any) -> None:
    """Checks arguments of `create_network`.

    Raises:
        ValueError: one is not what it should be, or out of range.
    """
    if not isinstance(settings, dict):
        raise ValueError("its network is no table")
    for key, value in settings.items():
        if key in ("slices", "segment_inputs"):
            _whole(key, value, 1, MOST_SLICES)
        elif key in ("encoder_channels", "branch_channels"):
            if not isinstance(value, list) or not 2 <= len(value) <= MOST_SCALES:
                raise ValueError(f"{key} is no list of 2 to {MOST_SCALES} numbers")
            for number in value:
                _whole(key, number, 1, MOST_CHANNELS)
        elif key != "name" or not isinstance(value, str):
            raise ValueError(f"its network has an unknown setting {key[:50]!r}")
    encoder, branch = (settings.get(f"{part}_channels") for part in ("encoder", "branch"))
    if encoder is None or branch is None or len(encoder) != len(branch) or "slices" not in settings:
        raise ValueError("its network lacks slices, or channels on as many scales in encoder and branch")


def check_learner(settings: Any) -> None:
    """Checks a learner's own settings.

    Raises:
        ValueError: one is out of range or nested.
    """
    if not isinstance(settings, dict):
        raise ValueError("its settings are no table")
    for key, value in settings.items():
        items = value if isinstance(value, list) else [value]
        if len(items) > MOST_ITEMS:
            raise ValueError(f"{key[:50]!r} has {len(items)} items")
        for item in items:
            if isinstance(item, str) and len(item) <= LONGEST_TEXT:
                continue
            if not (item is None or isinstance(item, bool | int | float)):
                raise ValueError(f"{key[:50]!r} is no number or short text")
            if item is not None and not (math.isfinite(item) and abs(item) <= LARGEST_NUMBER):
                raise ValueError(f"{key[:50]!r} is {item}")
    if "steps" in settings:
        _whole("steps", settings["steps"], 0, MOST_STEPS)
    for key in ("hidden", "width", "chunk", "pairs"):
        if key in settings:
            _whole(key, settings[key], 1, LARGEST_NUMBER)


def _whole(key: str, value: Any, least: int, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ValueError(f"{key} is {str(value)[:50]}, not a whole number from {least} to {most}")
