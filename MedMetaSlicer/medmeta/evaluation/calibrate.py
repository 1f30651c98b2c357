"""Fits the calibration of probabilities on procedural meta-validation cohorts, and says what it gains on others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
import torch.nn.functional as F

from medmeta.adaptation import AdaptationSettings, adapt, predict
from medmeta.adaptation.calibration import FITTED, Calibration, places_of_volume
from medmeta.adaptation.support import annotated_stacks
from medmeta.annotations import AnnotatedVolume, SparseAnnotation
from medmeta.evaluation.benchmark.measures import MARGIN, box_of
from medmeta.evaluation.metrics import calibration_error
from medmeta.evaluation.procedural import procedural_cohort
from medmeta.evaluation.protocol import simulate
from medmeta.postprocessing.walk import RandomWalk

FIRST_COHORT = 400
"""Of `procedural_cohort`: their cohort seeds lie below the meta-test set's and were in no meta-training."""

MOST_PIXELS = 4000
"""Of one completed volume."""


@dataclass(frozen=True)
class Samples:
    """Pixels off annotated slices, near prediction or reference.

    Attributes:
        logits: (n,) not calibrated.
        truth: (n,) 0 or 1.
        distance, beyond: (n,) of their slices, see `Calibration`.
    """

    logits: torch.Tensor
    truth: torch.Tensor
    distance: torch.Tensor
    beyond: torch.Tensor

    @classmethod
    def joined(cls, parts: Iterable[Samples]) -> Samples:
        """All together."""
        columns = zip(*((p.logits, p.truth, p.distance, p.beyond) for p in parts), strict=True)
        return cls(*(torch.cat(column) for column in columns))

    def log_temperature(self, base, slope, beyond) -> torch.Tensor:
        """(n,) of a calibration with these parameters."""
        return base + slope * self.distance + beyond * self.beyond

    def error(self, log_temperature: torch.Tensor | float) -> float:
        """Expected calibration error of the decisions at a temperature."""
        calibrated = self.logits * torch.exp(-torch.as_tensor(log_temperature))
        sure = torch.sigmoid(calibrated.abs())
        return calibration_error(sure.numpy(), ((self.logits > 0) == (self.truth > 0.5)).numpy())


@dataclass(frozen=True)
class _Recorder(RandomWalk):
    """Keeps the logits of whole volumes, as they come or once it has walked, with the places of their slices."""

    walks: bool = True
    seen: list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]] = field(default_factory=list)

    def __call__(self, logits, image, pitch, positions=(), *more) -> torch.Tensor:
        if self.walks:
            logits = super().__call__(logits, image, pitch, positions, *more)
        self.seen.append((logits.float().cpu(), *places_of_volume(len(logits), positions, pitch)))
        return logits


def _structures(seed: int) -> Iterable[tuple[list, int]]:
    cohort = procedural_cohort(seed, 2, structures=2)
    return ((cohort, value) for value in (1, 2))


def _drawn(cohort: Sequence, value: int, k: int) -> AnnotatedVolume:
    image, labels = cohort[0]
    drawn = simulate((labels.array == value).astype(np.uint8), axis=2, k=k)
    return AnnotatedVolume(image, SparseAnnotation.from_labels(drawn.labels, axis=2, slices=drawn.slices))


def same_volume(seeds: Iterable[int], counts: Sequence[int] = (1, 2, 3, 5), walked: bool = False) -> Samples:
    """Completes annotated volumes of procedural cohorts, with the Siamese network.

    Args:
        seeds: of the cohorts.
        counts: numbers of drawn slices.
        walked: what the random walk makes of the calibrated logits; else the network's, which are not.
    """
    parts = []
    for seed in seeds:
        for cohort, value in _structures(seed):
            for k in counts:
                case, recorder = _drawn(cohort, value, k), _Recorder(walks=walked)
                before = FITTED if walked else Calibration()
                settings = AdaptationSettings(for_other_volumes=False, calibration=before, walk=recorder)
                adapt([case], learner="siamese", settings=settings)
                stack = annotated_stacks([case], settings.region)[0][0]
                truth = stack.window.crop_masks(
                    torch.from_numpy(np.ascontiguousarray(stack.frame.to_slices(cohort[0][1].array == value)))
                )
                ((logits, distance, beyond),) = recorder.seen
                judged = torch.zeros_like(truth)
                judged[box_of((truth | (logits > 0)).numpy(), MARGIN)] = True
                judged[list(stack.positions)] = False
                at = judged.nonzero()
                at = at[torch.linspace(0, len(at) - 1, min(MOST_PIXELS, len(at))).long()]
                where = tuple(at.T)
                parts.append(Samples(logits[where], truth[where].float(), distance[at[:, 0]], beyond[at[:, 0]]))
    return Samples.joined(parts)


def other_volumes(seeds: Iterable[int], k: int = 5, walked: bool = False) -> Samples:
    """Predicts the second volume of procedural cohorts, of which the first is annotated.

    Args:
        seeds: of the cohorts.
        k: drawn slices.
        walked: what templates and random walk make of the calibrated logits; else the network's, which are not.
    """
    how = {"after_walk": Calibration()} if walked else {"calibration": Calibration(), "walk": None}
    parts = []
    for seed in seeds:
        cohort, value = next(iter(_structures(seed)))
        task = adapt([_drawn(cohort, value, k)], settings=AdaptationSettings(template=walked)).task
        found = predict(task, cohort[1][0], clean_up=False, **how)
        truth = torch.from_numpy(cohort[1][1].array == value)
        inside = torch.from_numpy(found.labels.array > 0)
        sure = torch.from_numpy(found.confidence.array).clamp(max=1 - 1e-6)
        logits = torch.where(inside, torch.logit(sure), -torch.logit(sure))
        judged = torch.zeros_like(truth)
        judged[box_of((truth | inside).numpy(), MARGIN)] = True
        zeros = torch.zeros(int(judged.sum()))
        parts.append(Samples(logits[judged], truth[judged].float(), zeros, zeros))
    return Samples.joined(parts)


def fit(samples: Samples, parameters: int = 3) -> tuple[float, ...]:
    """Base, slope and beyond (the first `parameters` of them, the others 0) of least negative log likelihood."""
    values = torch.zeros(parameters, requires_grad=True)
    optimizer = torch.optim.LBFGS([values], max_iter=50, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        log = samples.log_temperature(*values, *[0.0] * (3 - parameters))
        value = F.binary_cross_entropy_with_logits(samples.logits * torch.exp(-log), samples.truth)
        value.backward()
        return value

    optimizer.step(loss)
    return tuple(round(float(v), 2) for v in values) + (0.0,) * (3 - parameters)


def calibrate(same: Samples, other: Samples | None = None) -> Calibration:
    """The calibration that suits both."""
    base, slope, beyond = fit(same)
    found = Calibration(base, slope, beyond)
    return found if other is None else replace(found, other=fit(other, 1)[0])
