"""What can be chosen about an adaptation."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from medmeta.adaptation.calibration import AFTER_WALK, FITTED, Calibration
from medmeta.adaptation.dice_model import ANNOTATED, DiceModel
from medmeta.episodes import RegionRule
from medmeta.postprocessing.walk import USUAL_WALK, RandomWalk


@dataclass(frozen=True)
class AdaptationSettings:
    """Settings of `adapt`.

    Attributes:
        steps: the numbers of inner steps the guard chooses from.
        usual_steps: the number taken where there is nothing to choose by (a single annotated slice).
        reaches: how far shape interpolation reaches round an annotated slice, for the guard to choose from (`blended`).
        usual_reach: the reach taken where there is nothing to choose by.
        margin: how much better, in Dice on the held-out slices, another choice must be than the usual one.
        least_compared: learners are compared where so many slices between others could be held out; with fewer, what is
            left to learn from is so little that the comparison misleads, and the first is taken.
        good_enough: Dice of the first learner on the held-out slices, from which on no other is tried: that takes long,
            and little can be gained.
        by_image: learner -> weight of what it answers without being told of the prior, in its answer, where `few`
            slices of the volume are drawn; the rest is what it answers with it. The prior is wrong where a
            structure bends or branches, and an answer that knows of it follows it. With fewer slices its read-out has
            learned from little and misses much, with more the prior is right.
        few: the least and the most slices for that.
        folds: slices held out, one at a time, at most.
        region: how the region of interest and the resolution follow the annotation.
        calibration: of the network's probabilities, before the random walk.
        after_walk: calibration of what the walk makes of them.
        dice_model: tells the Dice to expect.
        walk: carries drawing and answer along the grey values of annotated volumes; None for the network alone.
        clean_up: take stray parts away and fill holes in what was predicted, see `medmeta.postprocessing.clean_up`.
        batch: slices that go through the network at once; None for what suits the device, `usual_batch`.
        for_other_volumes: also adapt without the prior, for volumes in which nothing is drawn (`CohortAdapter`).
        other_steps: its steps of AdamW.
        other_rate: its learning rate at first; it falls along a cosine.
        other_batch: tiles a step that a segment learns from.
        other_tiles: tiles a step that several segments share out; each learns first from those laid round it.
        other_tile: side of a tile, network pixels.
        other_region: how the resolution follows the annotation there.
        other_slices: completed slices that it takes at most, beside the drawn ones.
        template: keep the annotated volumes, reduced, in the task, to lay them over other volumes (`Template`); False
            for a task without voxels.
    """

    steps: tuple[int, ...] = (0, 1, 3, 5)
    usual_steps: int = 3
    reaches: tuple[float, ...] = (4.0, 8.0, 16.0, math.inf)
    usual_reach: float = 8.0
    margin: float = 0.01
    least_compared: int = 4
    good_enough: float = 0.85
    by_image: Mapping[str, float] = field(default_factory=lambda: {"siamese": 0.3})
    few: tuple[int, int] = (3, 4)
    folds: int = 5
    region: RegionRule = field(default_factory=lambda: RegionRule(diameter=28.0))
    calibration: Calibration = FITTED
    after_walk: Calibration = AFTER_WALK
    dice_model: DiceModel = ANNOTATED
    walk: RandomWalk | None = USUAL_WALK
    clean_up: bool = True
    batch: int | None = None
    for_other_volumes: bool = True
    other_steps: int = 150
    other_rate: float = 2e-3
    other_batch: int = 4
    other_tiles: int = 6
    other_tile: int = 64
    other_region: RegionRule = field(default_factory=lambda: RegionRule(diameter=20.0, zoom=(0.2, 1.7)))
    other_slices: int = 64
    template: bool = True
