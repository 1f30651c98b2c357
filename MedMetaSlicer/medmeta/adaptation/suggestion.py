"""Which slice to draw next: the one whose annotation should help most, told from what `adapt` returned."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from medmeta.adaptation.results import Prediction
from medmeta.annotations import SparseAnnotation
from medmeta.errors import AnnotationError, MedMetaError


@dataclass(frozen=True)
class Suggestion:
    """A slice to draw.

    Attributes:
        slice: its number along the annotation's axis, from 0.
        score: see `worth`; in slices, the higher the better.
        distance: slices to the nearest annotated one.
        expected_wrong: voxels of the slice that are expected to be wrong now, by the prediction's confidence.
    """

    slice: int
    score: float
    distance: int
    expected_wrong: float

    @property
    def reason(self) -> str:
        """Why that slice, in a phrase."""
        away = f"{self.distance} slice{'s' if self.distance > 1 else ''} from the nearest drawn one"
        return f"{away}, about {self.expected_wrong:.0f} voxels doubtful"


@dataclass(frozen=True)
class SliceProfile:
    """What is known of each of the n slices of a predicted volume.

    Attributes:
        wrong: (n,) expected number of wrong voxels, the sum of 1 - confidence; 0 on annotated slices.
        area: (n,) expected number of voxels that belong to a segment.
        distance: (n,) slices to the nearest annotated one.
        seen: the first and the last slice on which something is drawn or predicted.
        reach: (n,) true where the structure can be: from the first to the last of those, and at each end as far again
            as they span, as it may go on there; not from a slice on that was drawn empty beyond its end.
    """

    wrong: np.ndarray
    area: np.ndarray
    distance: np.ndarray
    seen: tuple[int, int]
    reach: np.ndarray

    @classmethod
    def of(cls, prediction: Prediction, annotation: SparseAnnotation) -> SliceProfile:
        """The profile of an annotated volume's prediction.

        Raises:
            AnnotationError: their shapes differ.
        """
        labels = prediction.labels.array
        if labels.shape != annotation.labels.shape:
            raise AnnotationError(
                f"The prediction has {labels.shape} voxels, the annotation {annotation.labels.shape}: "
                "give the prediction of the volume that was annotated."
            )
        axis = annotation.axis
        others = tuple(a for a in range(3) if a != axis)
        numbers = np.arange(labels.shape[axis])
        distance = np.abs(numbers[:, None] - np.asarray(annotation.slices)).min(axis=1)
        wrong, area = np.zeros((2, len(numbers)))
        for number in numbers:  # one at a time: large volumes are not to be copied
            inside = labels.take(number, axis) != 0
            # In doubles: a sum of float32 over a large slice loses small doubts.
            doubt = 1 - prediction.confidence.array.take(number, axis).astype(np.float64)
            wrong[number] = doubt.sum() if distance[number] else 0.0
            area[number] = np.where(inside, 1 - doubt, doubt).sum()
        drawn = np.flatnonzero((annotation.labels != 0).any(axis=others))
        seen = np.union1d(drawn, np.flatnonzero((labels != 0).any(axis=others)))
        first, last = int(seen[0]), int(seen[-1])
        span = last - first + 1
        below = max((number for number in annotation.slices if number < drawn[0]), default=-1)
        above = min((number for number in annotation.slices if number > drawn[-1]), default=len(numbers))
        reach = (numbers > max(first - span - 1, below)) & (numbers < min(last + span + 1, above))
        return cls(wrong, area, distance, (first, last), reach)

    @property
    def near(self) -> np.ndarray:
        """(n,) true from one slice before the first that is seen to one after the last."""
        numbers = np.arange(len(self.distance))
        return (numbers >= self.seen[0] - 1) & (numbers <= self.seen[1] + 1)

    def left(self, number: int) -> np.ndarray:
        """(n,) the share of each slice's distance to the nearest annotated one that is left once a slice is drawn."""
        then = np.minimum(self.distance, np.abs(np.arange(len(self.distance)) - number))
        return np.divide(then, self.distance, out=np.zeros(len(then)), where=self.distance > 0)

    def fall(self, weight: np.ndarray) -> np.ndarray:
        """By how much a sum over slices of weights, (n,), would fall by drawing each slice, (n,).

        A weight is taken to lessen as its slice's distance to the nearest annotated one does: to none on the drawn
        slice itself, to half where the distance halves, not where it stays.
        """
        return np.array([(weight * (1 - self.left(number))).sum() for number in range(len(weight))])

    def after(self, number: int) -> SliceProfile:
        """The profile to expect once a slice is drawn."""
        left = self.left(number)
        return replace(self, wrong=self.wrong * left, distance=np.rint(self.distance * left).astype(int))


def worth(profile: SliceProfile) -> np.ndarray:
    """How much it is worth to draw each slice, (n,): by how much the sum of the distances to the nearest annotated one
    would fall, over all slices that the structure can reach.

    It bisects gaps, and goes two thirds of the way towards an end, which is not taken to be where the prediction ends:
    one that stops too early would never be asked about. The prediction's confidence takes no part: of what
    docs/next-slice.md compares, nothing that uses it needed clearly fewer slices.
    """
    return profile.fall(profile.distance * profile.reach)


def suggest(prediction: Prediction, annotation: SparseAnnotation, count: int = 1) -> tuple[Suggestion, ...]:
    """The slices to draw next, the most helpful first, by `worth`.

    Args:
        prediction: of the annotated volume, as `adapt` returned it.
        annotation: what it was adapted to.
        count: how many slices; each after the first counts on those before it being drawn.

    Returns:
        `count` suggestions; fewer, or none, where fewer slices are left that the structure can reach, see
        `SliceProfile`.

    Raises:
        AnnotationError: prediction and annotation differ in shape.
        MedMetaError: a count below 1.
    """
    if count < 1:
        raise MedMetaError(f"{count} slices cannot be suggested: ask for 1 or more.")
    profile = SliceProfile.of(prediction, annotation)
    found: list[Suggestion] = []
    while len(found) < count and (free := np.flatnonzero(profile.reach & (profile.distance > 0))).size:
        scores = worth(profile)
        best = int(free[scores[free].argmax()])
        found.append(Suggestion(best, float(scores[best]), int(profile.distance[best]), float(profile.wrong[best])))
        profile = profile.after(best)
    return tuple(found)
