"""How fast a segmentation gets good, by the strategy that chooses the slice to draw next."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from medmeta.adaptation.results import Prediction
from medmeta.annotations import AnnotatedVolume, SparseAnnotation, default_segments
from medmeta.evaluation.metrics import dice
from medmeta.evaluation.protocol import annotated_slices, dice_off_slices, extent, keep_slices
from medmeta.evaluation.slice_strategies import next_slice
from medmeta.volumes import Volume

EQUAL = "equal-spacing"
"""The protocol's slices at each K, all drawn anew: no strategy, as it knows the structure's true extent."""

LAST = 8
"""Slices drawn at the end."""

GOOD = 0.85
"""The Dice that is to be reached."""

Complete = Callable[[AnnotatedVolume], Prediction]

Committee = Callable[[AnnotatedVolume], Sequence[np.ndarray]]
"""An annotated volume -> the (I, J, K) label maps of several learners."""


@dataclass(frozen=True)
class Course:
    """One structure, drawn slice by slice.

    Attributes:
        slices: the slices drawn with 1, 2, ... of them, in the order of drawing; increasing for equal spacing.
        dice: of the whole volume, drawn slices as drawn: the fair comparison, as strategies draw different ones.
        dice_off: over the slices that were not drawn.
    """

    slices: tuple[tuple[int, ...], ...]
    dice: tuple[float, ...]
    dice_off: tuple[float, ...]


class Simulator:
    """A user who draws the slices of a reference that a strategy asks for, an empty one included.

    Args:
        volume: the image.
        reference: (I, J, K) integers, 0 background.
        axis: slice axis.
        complete: adapts and returns the volume's prediction.
        committee: what several learners say, for the strategies that go by it.
    """

    def __init__(
        self, volume: Volume, reference: np.ndarray, axis: int, complete: Complete, committee: Committee | None = None
    ) -> None:
        self.volume = volume
        self.reference = reference
        self.axis = axis
        self.complete = complete
        self.committee = committee
        self.segments = default_segments(int(v) for v in np.unique(reference) if v)
        # Strategies often agree, at first above all; what was computed once is kept.
        self._known: dict[tuple[int, ...], tuple[float, float, tuple[Prediction, SparseAnnotation]]] = {}

    def draw(self, slices: Sequence[int]) -> tuple[float, float, tuple[Prediction, SparseAnnotation]]:
        """Dice of the whole volume, Dice off the drawn slices, and what `suggest` takes.

        Raises:
            AnnotationError: a segment is on none of the slices.
        """
        key = tuple(sorted(slices))
        if key not in self._known:
            case = self._drawn(key)
            annotation, prediction = case.annotation, self.complete(case)
            found, values = prediction.labels.array, [segment.value for segment in self.segments]
            whole = [dice(found == value, self.reference == value) for value in values]
            off = [dice_off_slices(found, self.reference, value, axis=self.axis, slices=key) for value in values]
            self._known[key] = float(np.mean(whole)), float(np.mean(off)), (prediction, annotation)
        return self._known[key]

    def _drawn(self, slices: Sequence[int]) -> AnnotatedVolume:
        """The volume with these slices of the reference drawn."""
        kept = keep_slices(self.reference, self.axis, slices)
        annotation = SparseAnnotation.from_labels(kept, axis=self.axis, slices=slices, segments=self.segments)
        return AnnotatedVolume(self.volume, annotation)

    def _next(self, strategy: str, drawn: Sequence[int], rng: np.random.Generator) -> int | None:
        """What a strategy wants drawn after these."""
        return next_slice(
            strategy, *self.draw(drawn)[2], rng, lambda: self.committee(self._drawn(tuple(sorted(drawn))))
        )

    def course(self, strategy: str, seed: int = 0, last: int = LAST) -> Course:
        """Draws 1, 2, ... slices, the first of them the middle one.

        Args:
            strategy: one of `slice_strategies.NAMES`, or `EQUAL`.
            seed: of the random strategy.
            last: slices drawn at the end; fewer where a strategy finds none left, the Dice staying as it is.
        """
        start, count = extent(self.reference, self.axis)
        rng = np.random.default_rng(seed)
        drawn = list(annotated_slices(start, count, 1))
        rows = []
        for k in range(1, last + 1):
            if strategy == EQUAL:
                drawn = list(annotated_slices(start, count, k))
            elif k > 1 and (chosen := self._next(strategy, drawn, rng)) is not None:
                drawn.append(chosen)
            rows.append((tuple(drawn), *self.draw(drawn)[:2]))
        return Course(*zip(*rows, strict=True))


def slices_to(dices: Sequence[float], good: float = GOOD) -> int:
    """How many slices it took to reach a Dice; one more than there were where it was not reached."""
    return next((k for k, value in enumerate(dices, start=1) if value >= good), len(dices) + 1)


def table(courses: Mapping[str, Sequence[Sequence[float]]], last: int = LAST) -> str:
    """A Markdown table.

    Args:
        courses: strategy -> the Dice at 1, 2, ... slices of each structure (and seed).
        last: slices drawn at the end.
    """
    heading = ["strategy", "n", f"slices to {GOOD:.2f}", "not reached", *(f"K={k}" for k in range(2, last + 1))]
    lines = ["| " + " | ".join(heading) + " |", "| " + " | ".join("---" for _ in heading) + " |"]
    for name, dices in courses.items():
        counts = [slices_to(course) for course in dices]
        missed = sum(count > last for count in counts)
        means = [f"{value:.3f}" for value in np.mean(dices, axis=0)[1:]]
        lines.append(f"| {name} | {len(dices)} | {np.mean(counts):.2f} | {missed} | " + " | ".join(means) + " |")
    return "\n".join(lines)
