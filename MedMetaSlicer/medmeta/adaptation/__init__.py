"""The main job: `adapt` to a few drawn slices, `predict` other volumes, `suggest` the slice to draw next.

Importing it is light: torch is loaded when `adapt`, `predict` or an `AdaptedTask` is first asked for, so that a process
that leaves the work to another one (`medmeta.worker`) can use its results.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_PLACES = {
    "Adaptation": "medmeta.adaptation.results",
    "AdaptationSettings": "medmeta.adaptation.settings",
    "AdaptedTask": "medmeta.adaptation.task",
    "Prediction": "medmeta.adaptation.results",
    "Predictor": "medmeta.transfer.prediction",
    "SegmentQuality": "medmeta.adaptation.results",
    "Suggestion": "medmeta.adaptation.suggestion",
    "adapt": "medmeta.adaptation.engine",
    "predict": "medmeta.transfer.prediction",
    "suggest": "medmeta.adaptation.suggestion",
}

__all__ = list(_PLACES)


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'medmeta.adaptation' has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), name)
