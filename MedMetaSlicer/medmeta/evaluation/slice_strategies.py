"""Ways to choose the slice to draw next: what `medmeta.adaptation.suggestion` does, and what it is compared with."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from medmeta.adaptation.results import Prediction
from medmeta.adaptation.suggestion import SliceProfile, suggest
from medmeta.annotations import SparseAnnotation

SUGGESTED = "suggested"
"""What `suggest` says, which is spacing-near."""

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

NAMES = (SUGGESTED, RANDOM, *SINGLE, *(f"{weight}-{where}" for weight in SUMS for where in RANGES))


def next_slice(name: str, prediction: Prediction, annotation: SparseAnnotation, rng: np.random.Generator) -> int | None:
    """The slice that a strategy wants drawn; None where there is none left to choose.

    Args:
        name: one of `NAMES`.
        prediction: of the annotated volume.
        annotation: what it was adapted to.
        rng: of `RANDOM`.
    """
    if name == SUGGESTED:
        return next((suggestion.slice for suggestion in suggest(prediction, annotation)), None)
    profile = SliceProfile.of(prediction, annotation)
    if name == RANDOM or name in SINGLE:
        inside = profile.near
        scores = rng.random(len(inside)) if name == RANDOM else SINGLE[name](profile)
    else:
        weight, where = name.split("-")
        inside = RANGES[where](profile)
        scores = profile.fall(SUMS[weight](profile) * inside)
    free = np.flatnonzero(inside & (profile.distance > 0))
    return int(free[scores[free].argmax()]) if free.size else None
