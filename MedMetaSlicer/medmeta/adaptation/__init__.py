"""The main job: `adapt` to a few drawn slices, `predict` other volumes."""

from medmeta.adaptation.engine import Adaptation, Prediction, SegmentQuality, adapt, predict
from medmeta.adaptation.settings import AdaptationSettings
from medmeta.adaptation.task import AdaptedTask

__all__ = ["Adaptation", "AdaptationSettings", "AdaptedTask", "Prediction", "SegmentQuality", "adapt", "predict"]
