"""Adaptation for volumes in which nothing is drawn: fine-tuning on the annotated volumes, drawn and completed slices.

There the prior is missing, so the network must tell the structure by its looks alone. A few drawn slices teach it too
little; the slices between them, as `adapt` completed them, are pseudo-labels that are nearly right and many.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from copy import deepcopy

import numpy as np
import torch

from medmeta.adaptation.budget import Budget
from medmeta.adaptation.results import Counter
from medmeta.adaptation.settings import AdaptationSettings
from medmeta.adaptation.support import AnnotatedStack
from medmeta.adaptation.task import AdaptedTask
from medmeta.adaptation.trace import LossTrace
from medmeta.annotations import AnnotatedVolume
from medmeta.episodes import Examples, GreyWindow, SliceStack, Window, neighbours
from medmeta.episodes.channels import SEGMENT_CHANNELS
from medmeta.errors import AnnotationError
from medmeta.learners.base import AdaptedState, Learner
from medmeta.synthesis.random import Draw
from medmeta.transfer.fine_tuning import FineTuning, TileBatch
from medmeta.transfer.tiles import RandomTile, Tiles, on_device
from medmeta.transfer.whole import whole_stack

LEAST_STEPS = 30
"""Steps of fine-tuning that are taken whatever the budget."""

AHEAD = 2
"""Steps that a GPU is asked for before the first of them is done: budget and cancelling need to know how far it is."""


class CohortAdapter:
    """Fine-tunes a learner for other volumes.

    Args:
        learner: the meta-learner; stays as it is.
        cases: the annotated volumes.
        stacks: the same in the network's frame.
        completed: their completed label maps, (I, J, K) each.
        grey: the cohort's grey window.
        settings: how far to go.
        slices: neighbouring slices in the image channels.
        seed: makes the result repeatable.
        start: a task to go on from: its weights and pixel; a task without weights is no start.
        on_step: called now and then while it is made; may raise to stop.

    Attributes:
        steps: of fine-tuning; with a start a third of the usual number.
        pixel: mm of a network pixel.
        tile: rows and columns that the network sees at a time.
    """

    def __init__(
        self,
        learner: Learner,
        cases: Sequence[AnnotatedVolume],
        stacks: Sequence[AnnotatedStack],
        completed: Sequence[np.ndarray],
        grey: GreyWindow,
        settings: AdaptationSettings,
        slices: int,
        seed: int,
        start: AdaptedTask | None = None,
        on_step: Callable[[], None] = lambda: None,
    ) -> None:
        self.learner = deepcopy(learner)
        self.device = next(learner.parameters()).device
        self.values = [segment.value for segment in cases[0].annotation.segments]
        self.settings = settings
        self.slices = slices
        self.draw = Draw.seeded(seed)
        self.start = start if start is not None and any(start.states) else None
        if self.start and [segment.value for segment in self.start.segments] != self.values:
            raise AnnotationError(
                f"The task to go on from has the labels {[s.value for s in start.segments]}, drawn are {self.values}: "
                "adapt anew."
            )
        self.steps = max(1, settings.other_steps // 3) if self.start else settings.other_steps
        self.pixel = self.start.pixel if self.start else self._pixel(cases[0], stacks[0])
        count = max(8, settings.other_slices // len(cases))
        self.volumes = [
            _CompletedVolume(
                *whole_stack(case.volume, stack.frame, self.pixel, grey, self.device, on_step=on_step),
                stack,
                labels,
                self.values,
                count,
            )
            for case, stack, labels in zip(cases, stacks, completed, strict=True)
        ]
        self.tile = tuple(
            min(settings.other_tile, *side) for side in zip(*(v.shape for v in self.volumes), strict=True)
        )
        self.share = settings.other_batch
        self.count = max(self.share, settings.other_tiles) if len(self.values) > 1 else self.share
        self.random_tile = RandomTile(self.tile)
        self.noise = torch.Generator(self.device).manual_seed(seed)

    def _pixel(self, case: AnnotatedVolume, stack: AnnotatedStack) -> float:
        labels = stack.frame.to_slices(case.annotation.labels)[list(stack.positions)]
        drawn = torch.from_numpy(np.stack([labels == value for value in self.values]))
        rows, columns = stack.frame.spacing[1:]
        return math.sqrt(rows * columns) / self.settings.other_region.window(drawn, (rows, columns)).zoom

    @torch.no_grad()
    def adapt(self, counter: Counter, clock: Budget) -> tuple[AdaptedState, list[AdaptedState]]:
        """Adapts to all segments together, in the time that is left, but with `LEAST_STEPS` in any case.

        Returns:
            What all segments share, and one state for each segment.

        Raises:
            CheckpointError: the task to go on from does not fit the learner.
        """
        places = _Places(self.volumes, self.values, self.slices, self.device, counter.pause)
        if self.start:
            states = self.start.loaded_into(self.learner)
        else:  # from what the learner makes of the support set
            support = self._batch(places, RandomTile(self.tile, 0, 0, 0, 0, 0, 0, 0))
            inputs = self.learner.encode((support.image, support.segment))
            states = [
                self.learner.adapt([Examples(inputs, support.targets[:, i : i + 1])], on_step=counter.pause)
                for i in range(len(self.values))
            ]
        tuning = FineTuning(self.learner, states)
        rate, steps = self.settings.other_rate / (2 if self.start else 1), self.steps
        trace = LossTrace()
        begun, left = clock.spent, max(clock.seconds - clock.spent, 1e-3)
        for step in range(steps):
            done = max(step / steps, (clock.spent - begun) / left)
            if done >= 1 and step >= LEAST_STEPS:
                break
            done = min(done, 1 - 1 / steps)
            now = rate * min(1.0, (step + 1) / 10) * (1 + math.cos(math.pi * done)) / 2
            trace.add(tuning.step(self._batch(places, self.random_tile), now, counter.pause))
            while trace.waiting > AHEAD:
                time.sleep(1e-3)
                counter.pause()
            counter.tick(loss=trace.latest())
        counter.finish()
        return (
            {name: p.detach() for name, p in tuning.shared.items()},
            [{name: p.detach() for name, p in state.items()} for state in tuning.states],
        )

    def _batch(self, places: _Places, random_tile: RandomTile) -> TileBatch:
        """Random tiles, without a prior."""
        tiles, chosen, focuses = [], [], []
        for _ in range(self.count):
            place = self.draw.integer(0, len(places) - 1)
            centre, focus = self._centre(places, place)
            tiles.append(random_tile(places.shape(place), centre, self.draw))
            chosen.append(place)
            focuses.append(focus)
        laid = Tiles(tiles, self.tile, [places.shape(place) for place in chosen], self.device)
        chosen = on_device(torch.tensor(chosen), self.device)
        image = laid.images(places.pixels, places.around[chosen], self.noise)
        channels = image.new_zeros(len(tiles), len(SEGMENT_CHANNELS), *self.tile)
        channels[:, SEGMENT_CHANNELS.index("image")] = image[:, self.slices // 2]
        channels[:, -3:] = laid.coordinates(places.depths[chosen])
        targets = laid.masks(places.labels, places.starts[chosen], len(self.values))
        return TileBatch(image, channels, targets, on_device(self._shares(focuses), self.device))

    def _shares(self, focuses: Sequence[int | None]) -> torch.Tensor:
        """(S, b) tiles for each segment to learn from: those that were laid round it come first."""
        order = self.draw.order(len(focuses))
        mine = [sorted(order, key=lambda tile, i=i: focuses[tile] != i) for i in range(len(self.values))]
        return torch.tensor([sorted(tiles[: self.share]) for tiles in mine])

    def _centre(self, places: _Places, place: int) -> tuple[tuple[int, int], int | None]:
        """Somewhere near a segment, mostly; elsewhere in the slice must be learned to be elsewhere.

        Returns:
            Row and column; the segment's number.
        """
        shape, inside = places.shape(place), places.inside[place]
        if not inside or self.draw.chance(0.25):
            return (self.draw.integer(0, shape[0] - 1), self.draw.integer(0, shape[1] - 1)), None
        segment = self.draw.choice(sorted(inside))
        pixels = inside[segment]
        pixel = pixels[self.draw.integer(0, len(pixels) - 1)].tolist()
        row, column = (n + self.draw.integer(-(side // 4), side // 4) for n, side in zip(pixel, self.tile, strict=True))
        return (row, column), segment


class _Places:
    """Slices to take tiles from, on a device.

    Args:
        volumes: the annotated volumes.
        values: the segments' label values.
        slices: neighbouring slices in the image channels.
        device: where to keep them.
        pause: called between slices.

    Attributes:
        pixels: of all of the volumes' slices, one after the other.
        labels: likewise, of the chosen slices alone: the number of a segment, from 1 on, or 0.
        around: (places, slices) where in `pixels` the neighbouring slices of each place begin.
        starts: (places,) where in `labels` each place begins.
        depths: (places,) the slices' z, see `SliceStack`.
        inside: for each place the number of each segment that is there, from 0 on, and its pixels, (N, 2).
    """

    def __init__(
        self,
        volumes: Sequence[_CompletedVolume],
        values: Sequence[int],
        slices: int,
        device: torch.device,
        pause: Callable[[], None],
    ) -> None:
        self._shapes = [volume.shape for volume in volumes for _ in volume.chosen]
        pixels = [volume.stack.image.flatten().to(device) for volume in volumes]
        self.pixels = torch.cat(pixels) if len(pixels) > 1 else pixels[0]  # without a copy
        sizes = torch.tensor([rows * columns for rows, columns in self._shapes])
        self.starts = (sizes.cumsum(0) - sizes).to(device)
        self.depths = torch.cat([volume.stack.coordinates[0][volume.chosen] for volume in volumes]).to(device)
        around, begin, labels, self.inside = [], 0, [], []
        for volume in volumes:
            size = math.prod(volume.shape)
            stack = volume.stack
            around.append(begin + neighbours(volume.chosen, slices, stack.stride, len(stack.image)) * size)
            begin += stack.image.numel()
            for position in volume.chosen:
                pause()
                labels.append(volume.numbered(position, values, device).flatten())
                self.inside.append(volume.inside(position, values))
        self.around, self.labels = torch.cat(around).to(device), torch.cat(labels)

    def __len__(self) -> int:
        return len(self._shapes)

    def shape(self, place: int) -> tuple[int, int]:
        """Rows and columns of a place's slice."""
        return self._shapes[place]


class _CompletedVolume:
    """An annotated volume, whole, with its completed label map.

    Attributes:
        stack: its slices.
        chosen: those to learn from.
        shape: rows and columns.
    """

    def __init__(
        self,
        stack: SliceStack,
        window: Window,
        annotated: AnnotatedStack,
        labels: np.ndarray,
        values: Sequence[int],
        count: int,
    ) -> None:
        self.stack = stack
        self.shape = tuple(stack.image.shape[1:])
        self._window = window
        self._labels = annotated.frame.to_slices(labels)
        self.chosen = self._choose(annotated.positions, values, count)

    def numbered(self, position: int, values: Sequence[int], device: torch.device) -> torch.Tensor:
        """(rows, columns) of a slice: the number of a segment, from 1 on, or 0."""
        labels = self._labels[position]
        found = torch.zeros(self.shape, dtype=torch.int16, device=device)
        for number, value in enumerate(values, start=1):
            if (mask := labels == value).any():
                mask = torch.from_numpy(mask).to(device)
                found.masked_fill_(self._window.crop_masks(mask[None])[0], number)
        return found

    def inside(self, position: int, values: Sequence[int]) -> dict[int, np.ndarray]:
        """The number of each segment that is in a slice, from 0 on -> rows and columns of its pixels, (N, 2)."""
        labels = self._labels[position]
        zoom = np.array(self.shape) / labels.shape
        found = ((number, np.argwhere(labels == value)) for number, value in enumerate(values))
        return {number: ((pixels + 0.5) * zoom).astype(np.int32) for number, pixels in found if len(pixels)}

    def _choose(self, positions: Sequence[int], values: Sequence[int], count: int) -> list[int]:
        """So many slices: the drawn ones, and most of the others where a segment is, spread evenly."""
        shown = np.flatnonzero(np.isin(self._labels, values).any(axis=(1, 2)))
        near = set(range(max(0, shown[0] - 3), min(len(self._labels), shown[-1] + 4))) if len(shown) else set()
        far = [z for z in range(len(self._labels)) if z not in near]
        return sorted({*positions, *_spread(sorted(near), 3 * count // 4), *_spread(far, count // 4)})


def _spread(items: Sequence[int], count: int) -> list[int]:
    if len(items) <= count:
        return list(items)
    return [items[int((i + 0.5) * len(items) / count)] for i in range(count)]
