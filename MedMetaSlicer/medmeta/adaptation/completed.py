"""Annotated volumes, completed, and kept for whoever asks for the same again: for other volumes too, mostly.

A user looks at the completed volume first. Making the same ready for other volumes then takes fine-tuning alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from medmeta.adaptation.results import Prediction, SegmentQuality
from medmeta.adaptation.settings import AdaptationSettings
from medmeta.adaptation.support import AnnotatedStack
from medmeta.annotations import AnnotatedVolume
from medmeta.episodes import GreyWindow

LARGEST = 1 << 30
"""Bytes of volumes and predictions; more is not kept."""

AT_ONCE = 4_000_000
"""Bytes that are compared in one piece."""


@dataclass(frozen=True)
class Completed:
    """What `adapt` finds out before it turns to other volumes.

    Attributes:
        stacks: the annotated volumes as the network sees them.
        grey: their grey window.
        predictions, quality, left_out: see `Adaptation`.
    """

    stacks: tuple[AnnotatedStack, ...]
    grey: GreyWindow
    predictions: tuple[Prediction, ...]
    quality: tuple[SegmentQuality, ...]
    left_out: tuple[str, ...]


class KeptCompletion:
    """Keeps the last completion, until another one is asked for.

    Nobody may change arrays that it has seen: they are compared with the next ones, which is as quick as to hash them.

    Args:
        largest: bytes, see `LARGEST`.
    """

    def __init__(self, largest: int = LARGEST) -> None:
        self.largest = largest
        self._last: tuple[tuple, Sequence[AnnotatedVolume], Completed] | None = None

    def __call__(
        self,
        cases: Sequence[AnnotatedVolume],
        settings: AdaptationSettings,
        others: tuple[Any, ...],
        complete: Callable[[], Completed],
        on_step: Callable[[], None] = lambda: None,
    ) -> tuple[Completed, bool]:
        """A completion, and whether it was kept.

        Args:
            cases: what is completed.
            settings: those for other volumes, and how many slices go at once, make no difference.
            others: whatever else it depends on, to be compared by ==.
            complete: makes it anew.
            on_step: called now and then while volumes are compared; may raise to stop.
        """
        usual = AdaptationSettings()
        apart = {name: getattr(usual, name) for name in vars(usual) if name.startswith("other_")}
        key = replace(settings, for_other_volumes=True, template=True, batch=None, **apart), *others
        if self._last is not None:
            last, before, found = self._last
            pairs = zip(before, cases, strict=False)
            if last == key and len(before) == len(cases) and all(_same(*pair, on_step) for pair in pairs):
                return found, True
        self._last = None  # its memory first
        found = complete()
        sizes = [case.volume.array.nbytes + case.annotation.labels.nbytes for case in cases]
        sizes += [p.labels.array.nbytes + p.confidence.array.nbytes for p in found.predictions]
        if sum(sizes) <= self.largest:
            self._last = key, tuple(cases), found
        return found, False


def _same(one: AnnotatedVolume, other: AnnotatedVolume, on_step: Callable[[], None]) -> bool:
    """Whether two cases are the same in all that matters, voxel by voxel."""
    here, there = one.annotation, other.annotation
    if one.volume.geometry != other.volume.geometry or one.volume.name != other.volume.name:
        return False
    if (here.axis, here.slices, here.segments) != (there.axis, there.slices, there.segments):
        return False
    return _equal(here.labels, there.labels, on_step) and _equal(one.volume.array, other.volume.array, on_step)


def _equal(one: np.ndarray, other: np.ndarray, on_step: Callable[[], None]) -> bool:
    """Whether two arrays hold the same bytes, and lie in memory the same way."""
    if one is other:
        return True
    if (one.dtype, one.shape, one.strides) != (other.dtype, other.shape, other.strides):
        return False
    flat = [array.ravel(order="K") for array in (one, other)]
    step = max(1, AT_ONCE // one.itemsize)
    for start in range(0, one.size, step):
        on_step()
        # As bytes: NaN is no number, but the same as before.
        first, second = (array[start : start + step].view(np.uint8) for array in flat)
        if not np.array_equal(first, second):
            return False
    return True
