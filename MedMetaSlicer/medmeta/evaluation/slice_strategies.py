"""Ways to choose the slice to draw next: what `medmeta.adaptation.suggestion` does, and what it is compared with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations

import numpy as np

from medmeta.adaptation.results import Prediction
from medmeta.adaptation.suggestion import SliceProfile, suggest
from medmeta.annotations import SparseAnnotation

SUGGESTED = "suggested"
"""What `suggest` says, which is spacing-reach."""

RANDOM = "random"
"""Any slice near."""


RANGES: dict[str, Callable[[SliceProfile], np.ndarray]] = {
    "near": lambda profile: profile.near,
    "reach": lambda profile: profile.reach,
    "everywhere": lambda profile: np.ones(len(profile.distance), bool),
}
"""The slices that are counted and chosen from."""

SUMS: dict[str, Callable[[SliceProfile], np.ndarray]] = {
    "spacing": lambda profile: profile.distance,
    "gain": lambda profile: profile.wrong,
    "geometric": lambda profile: np.sqrt(profile.wrong * profile.distance),
    # A drawing that drifts with the distance is wrong along its outline, which goes with the root of the area.
    "outline": lambda profile: profile.distance * np.sqrt(profile.area),
}
"""Weights; that slice is chosen by which their sum falls most (`SliceProfile.fall`). Names go on with a range."""

SINGLE: dict[str, Callable[[SliceProfile], np.ndarray]] = {
    "gap": lambda profile: profile.distance.astype(float),
    "uncertainty": lambda profile: profile.wrong,
    "uncertain-gap": lambda profile: profile.wrong * profile.distance,
}
"""What a slice says of itself alone, near: the distance, which bisects the largest gap or takes an end; the expected
number of wrong voxels; and their product."""

COMMITTEE: dict[str, Callable[[SliceProfile, np.ndarray], np.ndarray]] = {
    "disagreement": lambda profile, contested: contested,
    "disagreement-gap": lambda profile, contested: contested * profile.distance,
}
"""What several learners say of a slice, near: the voxels that are `contested`, and the same times distance. Source:
Seung et al., "Query by committee", COLT 1992."""

NAMES = (SUGGESTED, RANDOM, *SINGLE, *COMMITTEE, *(f"{weight}-{where}" for weight in SUMS for where in RANGES))


def contested(labels: Sequence[np.ndarray], axis: int) -> np.ndarray:
    """Voxels of each of n slices that two learners label differently, (n,), the mean over all pairs of learners: those
    that are wrong with the one if the other is right.

    Args:
        labels: (I, J, K) label maps of two learners or more.
        axis: slice axis.
    """
    others = tuple(a for a in range(3) if a != axis)
    return np.mean([(one != other).sum(axis=others) for one, other in combinations(labels, 2)], axis=0)


def next_slice(
    name: str,
    prediction: Prediction,
    annotation: SparseAnnotation,
    rng: np.random.Generator,
    committee: Callable[[], Sequence[np.ndarray]] = tuple,
) -> int | None:
    """The slice that a strategy wants drawn; None where there is none left to choose.

    Args:
        name: one of `NAMES`.
        prediction: of the annotated volume.
        annotation: what it was adapted to.
        rng: of `RANDOM`.
        committee: the label maps of several learners, for those of `COMMITTEE`.
    """
    if name == SUGGESTED:
        return next((suggestion.slice for suggestion in suggest(prediction, annotation)), None)
    profile = SliceProfile.of(prediction, annotation)
    inside = profile.near
    if name == RANDOM:
        scores = rng.random(len(inside))
    elif name in SINGLE:
        scores = SINGLE[name](profile)
    elif name in COMMITTEE:
        scores = COMMITTEE[name](profile, contested(committee(), annotation.axis))
    else:
        weight, where = name.split("-")
        inside = RANGES[where](profile)
        scores = profile.fall(SUMS[weight](profile) * inside)
    free = np.flatnonzero(inside & (profile.distance > 0))
    return int(free[scores[free].argmax()]) if free.size else None
