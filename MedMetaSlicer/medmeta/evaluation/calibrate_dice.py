"""Fits what to make of the signs that go with the Dice, and says how well it tells the Dice of cohorts it was not
fitted on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from medmeta.adaptation.dice_model import DiceModel, Signs, sigmoid
from medmeta.annotations import AnnotatedVolume, SparseAnnotation
from medmeta.evaluation.protocol import dice_off_slices, extent, simulate
from medmeta.volumes import Volume

KEPT = 2e-4
"""Weight of the squared distance of the weights from those of probabilities alone, beside the mean squared error."""

Told = Callable[[Sequence["Example"]], np.ndarray]
"""(n) examples -> (n,) Dice to expect."""


@dataclass(frozen=True)
class Example:
    """One completed structure.

    Attributes:
        cohort: its name.
        k: how many slices were drawn.
        signs: scalars.
        dice: of the slices that were not drawn.
    """

    cohort: str
    k: int
    signs: Signs
    dice: float


@dataclass(frozen=True)
class _Recorder(DiceModel):
    """Keeps the signs of segments, which are asked for first."""

    seen: list[Signs] = field(default_factory=list)

    def __call__(self, signs: Signs) -> np.ndarray:
        self.seen.append(signs)
        return super().__call__(signs)


def example(cohort: str, volume: Volume, mask: np.ndarray, axis: int, k: int) -> Example | None:
    """Completes a structure with the Siamese network; None where it is too short for K, or nothing is found of it.

    Args:
        cohort: its name.
        volume: the image.
        mask: (I, J, K) boolean, the structure.
        axis: slice axis.
        k: slices drawn.
    """
    from medmeta.adaptation import AdaptationSettings, adapt

    if extent(mask, axis)[1] <= k:
        return None
    drawn = simulate(mask.astype(np.uint8), axis=axis, k=k)
    case = AnnotatedVolume(volume, SparseAnnotation.from_labels(drawn.labels, axis=axis, slices=drawn.slices))
    recorder = _Recorder()
    settings = AdaptationSettings(for_other_volumes=False, dice_model=recorder)
    found = adapt([case], learner="siamese", settings=settings).predictions[0].labels.array
    signs = recorder.seen[0]
    if np.isnan(signs.soft[0]):
        return None
    only = Signs(*(float(part[0]) for part in (signs.soft, signs.agreement, signs.single)))
    return Example(cohort, k, only, dice_off_slices(found, mask, 1, axis=axis, slices=drawn.slices))


def fit(examples: Sequence[Example]) -> DiceModel:
    """The model of least squared error in Dice; a cohort weighs as the root of its examples."""
    from scipy.optimize import minimize

    cohorts, true = np.array([e.cohort for e in examples]), np.array([e.dice for e in examples])
    share = np.array([(cohorts == cohort).sum() ** -0.5 for cohort in cohorts])
    share /= share.sum()
    columns, start = _columns(examples), DiceModel().weights()

    def loss(weights: np.ndarray) -> float:
        missed = sigmoid(columns @ weights) - true
        return float((share * missed**2).sum() + KEPT * ((weights - start) ** 2).sum())

    bounds = [(None, None)] + [(0, None)] * (len(start) - 1)
    found = minimize(loss, start, bounds=bounds, method="L-BFGS-B").x
    return DiceModel(*(round(float(weight), 2) for weight in found))


def told_by(model: DiceModel) -> Told:
    """What a model expects."""
    return lambda examples: sigmoid(_columns(examples) @ model.weights())


def told_without(examples: Sequence[Example]) -> np.ndarray:
    """(n,) Dice to expect of each example by a model that was fitted on all other cohorts."""
    found = np.empty(len(examples))
    for cohort in {e.cohort for e in examples}:
        own = np.array([e.cohort == cohort for e in examples])
        model = fit([e for e in examples if e.cohort != cohort])
        found[own] = told_by(model)([e for e in examples if e.cohort == cohort])
    return found


def table(examples: Sequence[Example], told: Sequence[tuple[str, Told]], least: int = 5) -> str:
    """A Markdown table: true and expected Dice of each cohort and K, mean error and rank correlation.

    Args:
        examples: to be told.
        told: name -> what tells.
        least: examples that a rank correlation needs.
    """
    from scipy.stats import spearmanr

    true = np.array([e.dice for e in examples])
    values = {name: tells(examples) for name, tells in told}
    heading = [
        "cohort",
        "K",
        "n",
        "Dice",
        *(f"{name}: {what}" for name in values for what in ("mean", "error", "rank")),
    ]
    lines = ["| " + " | ".join(heading) + " |", "| " + " | ".join("---" for _ in heading) + " |"]
    groups = sorted({(e.cohort, e.k) for e in examples})
    for group in [*groups, ("all", "all")]:
        own = np.array([group[0] == "all" or (e.cohort, e.k) == group for e in examples])
        cells = [*map(str, group), str(own.sum()), f"{true[own].mean():.3f}"]
        for expected in values.values():
            rank = f"{spearmanr(expected[own], true[own]).statistic:.2f}" if own.sum() >= least else ""
            cells += [f"{expected[own].mean():.3f}", f"{np.abs(expected - true)[own].mean():.3f}", rank]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _columns(examples: Sequence[Example]) -> np.ndarray:
    signs = [e.signs for e in examples]
    parts = ([getattr(s, name) for s in signs] for name in ("soft", "agreement", "single"))
    return Signs(*map(np.array, parts)).columns()
