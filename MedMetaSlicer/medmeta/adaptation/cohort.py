"""Adaptation for volumes in which nothing is drawn: fine-tuning on the annotated volumes, drawn and completed slices.

There the prior is missing, so the network must tell the structure by its looks alone. A few drawn slices teach it too
little; the slices between them, as `adapt` completed them, are pseudo-labels that are nearly right and many.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from copy import deepcopy

import numpy as np
import torch

from medmeta.adaptation.budget import Budget
from medmeta.adaptation.results import Counter
from medmeta.adaptation.settings import AdaptationSettings
from medmeta.adaptation.support import AnnotatedStack
from medmeta.adaptation.task import AdaptedTask
from medmeta.adaptation.tiles import RandomTile
from medmeta.adaptation.trace import LossTrace
from medmeta.adaptation.whole import whole_stack
from medmeta.annotations import AnnotatedVolume
from medmeta.episodes import Examples, GreyWindow, SliceStack, Window, image_channels
from medmeta.episodes.channels import SEGMENT_CHANNELS
from medmeta.errors import AnnotationError
from medmeta.learners.base import AdaptedState, Learner
from medmeta.learners.losses import segmentation_loss
from medmeta.synthesis.random import Draw

LEAST_STEPS = 30
"""Steps of fine-tuning that are taken whatever the budget."""


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
        start: a task to go on from: its weights, pixel and tile; a task without weights is no start.

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
        self.volumes = [
            _CompletedVolume(*whole_stack(case.volume, stack.frame, self.pixel, grey), stack, labels, self.values)
            for case, stack, labels in zip(cases, stacks, completed, strict=True)
        ]
        sides = zip(*(volume.stack.image.shape[1:] for volume in self.volumes), strict=True)
        self.tile = tuple(min(settings.other_tile, *side) for side in sides)
        share = max(8, settings.other_slices // len(self.volumes))
        self.places = [(v, z) for v in self.volumes for z in v.chosen(share)]

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
        """
        if self.start:
            self.learner.load_state_dict(self.start.shared, strict=False)
            states = [{name: p.to(self.device) for name, p in state.items()} for state in self.start.states]
        else:  # from what the learner makes of the support set
            support = self._batch(self.settings.other_batch, plain=True)
            states = [
                self.learner.adapt([self._of(support, i)], on_step=counter.pause) for i in range(len(self.values))
            ]
        with torch.enable_grad():
            states = [{name: p.clone().requires_grad_() for name, p in state.items()} for state in states]
            shared = {name: p.requires_grad_() for name, p in self.learner.shared().items()}
            parameters = [*shared.values(), *(p for state in states for p in state.values())]
            rate, steps = self.settings.other_rate / (2 if self.start else 1), self.steps
            optimizer = torch.optim.AdamW(parameters, lr=rate, weight_decay=1e-2)
            trace = LossTrace()
            begun, left = clock.spent, max(clock.seconds - clock.spent, 1e-3)
            for step in range(steps):
                done = max(step / steps, (clock.spent - begun) / left)
                if done >= 1 and step >= LEAST_STEPS:
                    break
                done = min(done, 1 - 1 / steps)
                for group in optimizer.param_groups:
                    group["lr"] = rate * min(1.0, (step + 1) / 10) * (1 + math.cos(math.pi * done)) / 2
                optimizer.zero_grad(set_to_none=True)
                trace.add(self._backward(self._batch(self.settings.other_batch), states, counter.pause))
                optimizer.step()
                counter.tick(loss=trace.latest())
        counter.finish()
        return (
            {name: p.detach() for name, p in shared.items()},
            [{name: p.detach() for name, p in state.items()} for state in states],
        )

    def _backward(self, batch: Examples, states: Sequence[AdaptedState], on_step: Callable[[], None]) -> torch.Tensor:
        """Back-propagates segment by segment, so that memory does not grow with their number; returns the loss."""
        image, segment = batch.inputs
        (features,) = self.learner.encode((image,))
        leaves = tuple(f.detach().requires_grad_() for f in features)
        total = torch.zeros((), device=self.device)
        for index, state in enumerate(states):
            on_step()
            logits = self.learner.predict(state, (leaves, segment))
            loss = segmentation_loss(logits, batch.targets[:, index : index + 1]) / len(states)
            loss.backward()
            total += loss.detach()
        on_step()
        torch.autograd.backward(features, [leaf.grad for leaf in leaves])
        return total

    def _of(self, batch: Examples, segment: int) -> Examples:
        return Examples(batch.inputs, batch.targets[:, segment : segment + 1])

    def _batch(self, count: int, plain: bool = False) -> Examples:
        """Random tiles: inputs (image, segment channels without a prior), targets (B, S, rows, columns)."""
        random_tile = RandomTile(self.tile, 0, 0, 0, 0, 0, 0, 0) if plain else RandomTile(self.tile)
        images, segments, targets = [], [], []
        for _ in range(count):
            volume, position = self.draw.choice(self.places)
            masks = volume.masks(position)
            shape = tuple(masks.shape[1:])
            tile = random_tile(shape, self._centre(masks, shape), self.draw)
            images.append(tile.image(image_channels(volume.stack, [position], self.slices)[0]))
            channels = torch.zeros(len(SEGMENT_CHANNELS), *self.tile)
            channels[SEGMENT_CHANNELS.index("image")] = images[-1][self.slices // 2]
            z, y, x = volume.stack.coordinates
            channels[-3:] = tile.coordinates((float(z[position]), y, x))
            segments.append(channels)
            targets.append(tile.masks(masks))
        return Examples((torch.stack(images), torch.stack(segments)), torch.stack(targets)).to(self.device)

    def _centre(self, masks: torch.Tensor, shape: tuple[int, int]) -> tuple[int, int]:
        """Somewhere near a segment, mostly; elsewhere in the slice must be learned to be elsewhere."""
        present = masks.flatten(1).any(1).nonzero()[:, 0].tolist()
        if not present or self.draw.chance(0.25):
            return self.draw.integer(0, shape[0] - 1), self.draw.integer(0, shape[1] - 1)
        pixels = masks[self.draw.choice(present)].nonzero()
        row, column = pixels[self.draw.integer(0, len(pixels) - 1)].tolist()
        slack = [n // 4 for n in self.tile]
        return row + self.draw.integer(-slack[0], slack[0]), column + self.draw.integer(-slack[1], slack[1])


class _CompletedVolume:
    """An annotated volume, whole, with its completed label map."""

    def __init__(
        self, stack: SliceStack, window: Window, annotated: AnnotatedStack, labels: np.ndarray, values: Sequence[int]
    ) -> None:
        self.stack = stack
        self.window = window
        self.positions = annotated.positions
        self.labels = annotated.frame.to_slices(labels)
        self.values = values
        self.cache: dict[int, torch.Tensor] = {}

    def masks(self, position: int) -> torch.Tensor:
        """(S, rows, columns) boolean masks of a slice."""
        if position not in self.cache:
            labels = np.stack([self.labels[position] == value for value in self.values])
            self.cache[position] = self.window.crop_masks(torch.from_numpy(labels))
        return self.cache[position]

    def chosen(self, count: int) -> list[int]:
        """So many slices: the drawn ones, and most of the others where a segment is, spread evenly."""
        shown = np.flatnonzero(np.isin(self.labels, self.values).any(axis=(1, 2)))
        near = set(range(max(0, shown[0] - 3), min(len(self.labels), shown[-1] + 4))) if len(shown) else set()
        far = [z for z in range(len(self.labels)) if z not in near]
        chosen = {*self.positions, *_spread(sorted(near), 3 * count // 4), *_spread(far, count // 4)}
        return sorted(chosen)


def _spread(items: Sequence[int], count: int) -> list[int]:
    if len(items) <= count:
        return list(items)
    return [items[int((i + 0.5) * len(items) / count)] for i in range(count)]
