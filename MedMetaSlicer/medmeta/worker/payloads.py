"""From the engine's objects to messages and back; neither way loads torch."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from medmeta.adaptation.expectation import ExpectedDice
from medmeta.adaptation.results import Prediction, SegmentQuality, Similarity
from medmeta.annotations import AnnotatedVolume, Segment, SparseAnnotation
from medmeta.errors import MedMetaError
from medmeta.progress import Progress
from medmeta.volumes import Geometry, Volume
from medmeta.worker.arrays import ArrayFolder
from medmeta.worker.messages import Advanced, Drawn, Fit, Grid, Predicted, QualityFields, SegmentFields


def grid(volume: Volume, folder: ArrayFolder) -> Grid:
    """A volume, without its name: patients' names stay with the client."""
    geometry = volume.geometry
    array = folder.put(volume.array)
    # Numpy's numbers, which a geometry may be made of, are none of a message's.
    spacing, origin, direction = (tuple(map(float, g)) for g in (geometry.spacing, geometry.origin, geometry.direction))
    return Grid(array, spacing, origin, direction)


def volume_of(grid: Grid, folder: ArrayFolder) -> Volume:
    """The volume of a message.

    Raises:
        WorkerError: its array cannot be read.
        VolumeError, GeometryError: it is none.
    """
    array = folder.take(grid.array)
    return Volume(array, Geometry(array.shape, grid.spacing, grid.origin, grid.direction), "the volume")


def drawn(case: AnnotatedVolume, folder: ArrayFolder) -> Drawn:
    """An annotated volume."""
    annotation = case.annotation
    labels = folder.put(annotation.labels)
    return Drawn(grid(case.volume, folder), labels, annotation.axis, tuple(map(int, annotation.slices)))


def case_of(drawn: Drawn, segments: Sequence[Segment], folder: ArrayFolder) -> AnnotatedVolume:
    """The annotated volume of a message.

    Raises:
        WorkerError, VolumeError, AnnotationError: it is none.
    """
    labels = folder.take(drawn.labels)
    annotation = SparseAnnotation.from_labels(labels, axis=drawn.axis, slices=drawn.slices, segments=segments)
    return AnnotatedVolume(volume_of(drawn.volume, folder), annotation)


def segment_fields(segments: Sequence[Segment]) -> tuple[SegmentFields, ...]:
    """Segments."""
    return tuple(SegmentFields(int(s.value), s.name, tuple(map(float, s.color)), s.terminology) for s in segments)


def segments_of(fields: Sequence[SegmentFields]) -> tuple[Segment, ...]:
    """The segments of a message."""
    return tuple(Segment(f.value, f.name, f.color, f.terminology) for f in fields)


def predicted(prediction: Prediction, folder: ArrayFolder) -> Predicted:
    """A prediction."""
    expected, similarity = prediction.expected, prediction.similarity
    return Predicted(
        folder.put(prediction.labels.array),
        folder.put(prediction.confidence.array),
        expected.cases if expected else (),
        tuple(tuple(_known(dice) for dice in row) for row in expected.slices) if expected else (),
        similarity.distance if similarity else None,
        similarity.threshold if similarity else None,
    )


def prediction_of(fields: Predicted, volume: Volume, folder: ArrayFolder) -> Prediction:
    """The prediction of a message.

    Args:
        fields: the message's.
        volume: the one that it belongs to: a prediction has its geometry and its name.
        folder: where the arrays are.

    Raises:
        WorkerError: the arrays cannot be read.
        VolumeError: they do not fit the volume.
    """
    labels, confidence = (
        Volume(folder.take(array), volume.geometry, volume.name) for array in (fields.labels, fields.confidence)
    )
    slices = [[math.nan if dice is None else dice for dice in row] for row in fields.expected_slices]
    expected = ExpectedDice(fields.expected_cases, np.array(slices)) if fields.expected_slices else None
    known = fields.distance is not None and fields.threshold is not None
    return Prediction(labels, confidence, expected, Similarity(fields.distance, fields.threshold) if known else None)


def quality_fields(quality: Sequence[SegmentQuality]) -> tuple[QualityFields, ...]:
    """What to expect of each segment."""
    return tuple(
        QualityFields(
            segment_fields([q.segment])[0], q.held_out_dice, q.interpolation_dice, q.learner, dict(q.steps),
            q.reach if math.isfinite(q.reach) else None, dict(q.scores), q.expected_dice,
        )
        for q in quality
    )  # fmt: skip


def quality_of(fields: Sequence[QualityFields]) -> tuple[SegmentQuality, ...]:
    """The same of a message."""
    return tuple(
        SegmentQuality(
            segments_of([f.segment])[0], f.held_out_dice, f.interpolation_dice, f.learner, f.steps,
            math.inf if f.reach is None else f.reach, f.scores, f.expected_dice,
        )
        for f in fields
    )  # fmt: skip


def fit(found: Similarity | MedMetaError) -> Fit:
    """How close a volume is to a saved task, or why that cannot be told."""
    if isinstance(found, MedMetaError):
        return Fit(problem=str(found))
    return Fit(found.distance, found.threshold)


def advanced(request: int, event: Progress) -> Advanced:
    """Progress of a request; a loss that is no number is none."""
    loss = event.loss if event.loss is not None and math.isfinite(event.loss) else None
    return Advanced(id=request, phase=event.phase, done=event.done, total=event.total, message=event.message, loss=loss)


def _known(dice: float) -> float | None:
    return None if math.isnan(dice) else float(dice)
