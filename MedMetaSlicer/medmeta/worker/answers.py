"""What requests come back with, made of what the worker says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from medmeta.adaptation.results import Prediction, SegmentQuality, Similarity
from medmeta.adaptation.suggestion import Suggestion
from medmeta.annotations import Segment
from medmeta.volumes import Volume
from medmeta.worker import messages as m
from medmeta.worker import payloads
from medmeta.worker.arrays import ArrayFolder


@dataclass(frozen=True)
class Adapted:
    """What `adapt` and `load` come back with.

    Attributes:
        task: its name, for `predict`, `save`, and as the `start` of the next `adapt`.
        segments: what it segments.
        predictions: one for each annotated volume; none of a loaded task.
        quality: one for each segment; none of a loaded task.
        left_out: learners that the budget left no time for.
        device: what it was computed on.
        seconds: how long that took.
    """

    task: str
    segments: tuple[Segment, ...]
    predictions: tuple[Prediction, ...] = ()
    quality: tuple[SegmentQuality, ...] = ()
    left_out: tuple[str, ...] = ()
    device: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class Match:
    """A saved task against a volume.

    Attributes:
        similarity: how close they are; None where that cannot be told.
        problem: why it cannot be told: the file is missing or damaged, say.
    """

    similarity: Similarity | None
    problem: str = ""


def answer_of(event: m.Event, volumes: Sequence[Volume], folder: ArrayFolder) -> Any:
    """What a request comes back with.

    Args:
        event: the worker's answer.
        volumes: that were sent; predictions have their geometry and names.
        folder: where the arrays are.

    Raises:
        MedMetaError: the arrays cannot be read, or do not fit the volumes.
    """
    if isinstance(event, m.Adapted):
        predictions = zip(event.predictions, volumes[: len(event.predictions)], strict=True)
        return Adapted(
            event.task,
            payloads.segments_of(event.segments),
            tuple(payloads.prediction_of(fields, volume, folder) for fields, volume in predictions),
            payloads.quality_of(event.quality),
            event.left_out,
            event.device,
            event.seconds,
        )
    if isinstance(event, m.Answered):
        return payloads.prediction_of(event.prediction, volumes[0], folder)
    if isinstance(event, m.Suggested):
        return tuple(Suggestion(s.slice, s.score, s.distance, s.expected_wrong) for s in event.slices)
    if isinstance(event, m.Matched):
        return tuple(_match(fit) for fit in event.fits)
    return event if isinstance(event, m.Reported) else None


def arrays_of(event: m.Event) -> Iterator[m.Array]:
    """The arrays that come with an answer."""
    if isinstance(event, m.Adapted | m.Answered):
        for fields in event.predictions if isinstance(event, m.Adapted) else (event.prediction,):
            yield from (fields.labels, fields.confidence)


def _match(fit: m.Fit) -> Match:
    if fit.distance is None or fit.threshold is None:
        return Match(None, fit.problem)
    return Match(Similarity(fit.distance, fit.threshold))
