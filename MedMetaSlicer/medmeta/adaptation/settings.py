"""What can be chosen about an adaptation."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from medmeta.episodes import RegionRule


@dataclass(frozen=True)
class AdaptationSettings:
    """Settings of `adapt`.

    Attributes:
        steps: the numbers of inner steps the guard chooses from.
        usual_steps: the number taken where there is nothing to choose by (a single annotated slice).
        reaches: how far shape interpolation reaches round an annotated slice, for the guard to choose from (`blended`).
        usual_reach: the reach taken where there is nothing to choose by.
        margin: how much better, in Dice on the held-out slices, another choice must be than the usual one.
        folds: slices held out, one at a time, at most.
        region: how the region of interest and the resolution follow the annotation.
        batch: slices that go through the network at once.
        for_other_volumes: also adapt without the prior, for volumes in which nothing is drawn.
        other_steps: inner steps of that adaptation, which takes in the completed slices of the annotated volumes.
        other_margin: margin of the region of interest in that adaptation.
        other_slices: completed slices that it takes at most, beside the drawn ones.
    """

    steps: tuple[int, ...] = (0, 1, 3, 5, 10)
    usual_steps: int = 5
    reaches: tuple[float, ...] = (4.0, 16.0, math.inf)
    usual_reach: float = 4.0
    margin: float = 0.01
    folds: int = 5
    region: RegionRule = field(default_factory=lambda: RegionRule(diameter=28.0))
    batch: int = 8
    for_other_volumes: bool = True
    other_steps: int = 40
    other_margin: float = 1.0
    other_slices: int = 40
