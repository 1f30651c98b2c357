"""The main job: `adapt` to a few drawn slices, `predict` other volumes, `suggest` the slice to draw next."""

from medmeta.adaptation.engine import adapt
from medmeta.adaptation.predict import predict
from medmeta.adaptation.results import Adaptation, Prediction, SegmentQuality
from medmeta.adaptation.settings import AdaptationSettings
from medmeta.adaptation.suggest import Suggestion, suggest
from medmeta.adaptation.task import AdaptedTask

__all__ = [
    "Adaptation", "AdaptationSettings", "AdaptedTask", "Prediction", "SegmentQuality", "Suggestion", "adapt", "predict",
    "suggest",
]  # fmt: skip
