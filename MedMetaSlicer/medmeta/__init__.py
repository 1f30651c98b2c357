"""MedMeta: few-shot segmentation of medical volumes by meta-learning.

`import medmeta` is light; torch and the rest are loaded when `adapt` or `predict` is first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_ENGINE = (
    "AdaptedTask", "Adaptation", "AdaptationSettings", "Prediction", "SegmentQuality", "Suggestion", "adapt", "predict",
    "suggest",
)  # fmt: skip

__all__ = ["__version__", *_ENGINE]


def __getattr__(name: str) -> Any:
    if name in _ENGINE:
        return getattr(import_module("medmeta.adaptation"), name)
    raise AttributeError(f"module 'medmeta' has no attribute {name!r}")
