"""What adaptation and prediction return. Importing it does not load torch: other processes read results too."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from medmeta.adaptation.expectation import ExpectedDice
from medmeta.annotations import Segment
from medmeta.progress import Progress, ProgressCallback
from medmeta.volumes import Volume

if TYPE_CHECKING:
    from medmeta.adaptation.task import AdaptedTask


@dataclass(frozen=True)
class Similarity:
    """A volume against a task.

    Attributes:
        distance: of their signatures, 0 (alike) to 2.
        threshold: from where on volumes belonged to different cohorts more often than not, in meta-training.
    """

    distance: float
    threshold: float

    @property
    def in_range(self) -> bool:
        """True where the volume looks like the annotated ones."""
        return self.distance <= self.threshold


@dataclass(frozen=True)
class Prediction:
    """A predicted volume, both with the input's geometry.

    Attributes:
        labels: unsigned integer label map.
        confidence: float32, probability of each voxel's label; calibrated before the random walk and after it.
        expected: the Dice that its own probabilities let expect; None where it is not known.
        similarity: to the annotated volumes, of a volume in which nothing was drawn; None for an annotated one.
    """

    labels: Volume
    confidence: Volume
    expected: ExpectedDice | None = None
    similarity: Similarity | None = None

    @classmethod
    def of(
        cls,
        volume: Volume,
        labels: np.ndarray,
        confidence: np.ndarray,
        expected: ExpectedDice,
        similarity: Similarity | None = None,
    ) -> Prediction:
        """From (I, J, K) arrays."""
        kept = (replace(volume, array=array) for array in (labels, confidence))
        return cls(*kept, expected, similarity)


@dataclass(frozen=True)
class SegmentQuality:
    """What to expect of one segment in the annotated volumes.

    Attributes:
        segment: which one.
        held_out_dice: of the learner and interpolation, before random walk and clean-up; None where there was no
            slice to hold out.
        interpolation_dice: of shape interpolation on the same slices.
        learner: who segmented it: a learner, or "blend" for several together.
        steps: inner steps taken by each learner that took part.
        reach: how far shape interpolation reached round annotated slices, network pixels.
        scores: learner, or "blend" -> Dice on the same slices, for all that were tried: why that one was taken.
        expected_dice: of the slices that were not annotated, see `ExpectedDice`; None where nothing is expected.
    """

    segment: Segment
    held_out_dice: float | None
    interpolation_dice: float | None
    learner: str
    steps: Mapping[str, int]
    reach: float
    scores: Mapping[str, float]
    expected_dice: float | None = None

    def row(self) -> dict[str, Any]:
        """The same, JSON-able; a reach without end (interpolation alone) is None."""
        return {
            "segment": self.segment.name,
            "label": self.segment.value,
            "expected_dice": self.expected_dice,
            "held_out_dice": self.held_out_dice,
            "interpolation_dice": self.interpolation_dice,
            "learner": self.learner,
            "scores": dict(self.scores),
            "steps": dict(self.steps),
            "reach": self.reach if math.isfinite(self.reach) else None,
        }

    @property
    def reason(self) -> str:
        """Why that learner, in a sentence."""
        if not self.scores:
            return f"{self.learner}, as there was no slice to hold out"
        if len(self.scores) == 1:
            return f"{self.learner}, the only one tried"
        why = f"held-out Dice {self.scores[self.learner]:.3f}"
        if self.scores[self.learner] < max(self.scores.values()):
            why += ", as the held-out slices do not clearly speak for another one"
        others = ", ".join(f"{name} {dice:.3f}" for name, dice in self.scores.items() if name != self.learner)
        return f"{self.learner}, {why} ({others})"


@dataclass(frozen=True)
class Adaptation:
    """The result of `adapt`.

    Attributes:
        task: for other volumes; can be saved.
        predictions: one for each annotated volume, annotated slices as drawn.
        quality: one for each segment.
        seconds: how long it took.
        left_out: learners that the time budget did not allow to try.
    """

    task: AdaptedTask
    predictions: tuple[Prediction, ...]
    quality: tuple[SegmentQuality, ...]
    seconds: float
    left_out: tuple[str, ...] = ()


class Counter:
    """Turns ticks into progress events of one phase.

    Args:
        callback: told of every tick; None for nobody.
        phase: the phase's name.
        total: ticks to come.
    """

    def __init__(self, callback: ProgressCallback | None, phase: str, total: int) -> None:
        self.callback = callback
        self.phase = phase
        self.total = max(1, total)
        self.done = 0
        self.tick(0)

    def tick(self, count: int = 1, loss: float | None = None) -> None:
        """So many more are done, with that loss, if any; raises what the callback raises."""
        self.done = min(self.total, self.done + count)
        if self.callback is not None:
            self.callback(Progress(self.phase, self.done, self.total, loss=loss))

    def pause(self, *_: Any) -> None:
        """A chance to cancel between two ticks; takes any arguments, as callbacks have them."""
        self.tick(0)

    def finish(self) -> None:
        """The phase is over, whether or not all ticks came."""
        self.tick(self.total - self.done)
