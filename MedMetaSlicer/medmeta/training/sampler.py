"""Episodes from synthetic cohorts, the way the engine makes them from a user's volumes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.utils.data import IterableDataset, get_worker_info

from medmeta.episodes import (
    Episode,
    Examples,
    GreyWindow,
    SliceStack,
    Window,
    image_channels,
    relative_range,
    segment_channels,
)
from medmeta.priors import ShapePrior
from medmeta.synthesis import Cohort, RandomCohort, Subject
from medmeta.synthesis.random import Draw


@dataclass(frozen=True)
class EpisodeShape:
    """What all episodes of a batch have in common.

    Attributes:
        support: annotated slices, K.
        query: query slices.
        size: side of the square window, network pixels.
        same_volume: True where the query comes from the annotated volume and so has a prior.
    """

    support: int
    query: int
    size: int
    same_volume: bool


class RandomEpisodeShape:
    """Draws an `EpisodeShape`.

    Args:
        without_prior: how often the query comes from another subject, so that there is no prior.
        query: query slices an episode.
        sizes: window sizes, network pixels.
    """

    def __init__(self, without_prior: float = 0.4, query: int = 5, sizes: Sequence[int] = (48, 48, 56)) -> None:
        self.without_prior = without_prior
        self.query = query
        self.sizes = tuple(sizes)

    def __call__(self, draw: Draw) -> EpisodeShape:
        """Draws the shape of a batch. One to three slices are the most frequent: there is most to gain."""
        support = draw.choice((1, 2, 3, 4, 5, 6, 8), (2, 2.5, 3, 1.2, 1.8, 0.5, 0.8))
        return EpisodeShape(support, self.query, draw.choice(self.sizes), not draw.chance(self.without_prior))


class RandomEpisode:
    """Draws one segmentation episode from a cohort: which structure, which slices, which window.

    Args:
        beyond: how often a query slice lies beyond the outermost annotated ones, where most errors are.
    """

    def __init__(self, beyond: float = 0.3) -> None:
        self.beyond = beyond

    def __call__(self, cohort: Cohort, shape: EpisodeShape, slices: int, draw: Draw) -> Episode | None:
        """Draws an episode, or None where the cohort has no structure that is large enough.

        Args:
            cohort: two subjects or more.
            shape: support and query sizes.
            slices: neighbouring slices in the image channels.
            draw: the source of randomness.
        """
        order = torch.randperm(len(cohort.subjects), generator=draw.generator).tolist()
        axes = draw.choice(((0, 1, 2), (1, 0, 2), (2, 0, 1))) if cohort.subjects[0].thickness == 1 else (0, 1, 2)
        flips = [axis for axis in range(3) if draw.chance(0.5)]
        first, second = (_turned(cohort.subjects[i], axes, flips) for i in order[:2])
        labels = self._structure(cohort, first.labels, shape.support, draw)
        if labels is None:
            return None
        mask = torch.isin(first.labels, labels)
        positions = self._positions(mask, shape.support, draw)
        drawn = mask[positions]
        grey = GreyWindow.fit(first.image[positions], drawn)
        window = self._window(drawn, shape, draw)
        stack = self._stack(first, window, grey)
        prior = ShapePrior.from_masks(window.crop_masks(drawn).numpy(), positions, stack.pitch)
        support = self._examples(
            stack, window, mask, positions, prior if shape.same_volume else None, [(p,) for p in positions], slices
        )
        if shape.same_volume:
            asked = self._queries(mask, positions, shape.query, 0.8, draw)
            return Episode(support, self._examples(stack, window, mask, asked, prior, None, slices))
        mask = torch.isin(second.labels, labels)
        if not bool(mask.any()):
            return None
        asked = self._queries(mask, [], shape.query, 0.65, draw)
        window = self._elsewhere(window, second.image.shape[1:], draw)
        stack = self._stack(second, window, grey)
        return Episode(support, self._examples(stack, window, mask, asked, None, None, slices))

    def _structure(self, cohort: Cohort, labels: torch.Tensor, support: int, draw: Draw) -> torch.Tensor | None:
        pool = cohort.tissues if draw.chance(0.1) and cohort.tissues else cohort.organs
        for _ in range(6):
            chosen = [draw.choice(pool)]
            if draw.chance(0.15):
                chosen.append(draw.choice(pool))
            candidate = torch.tensor(chosen, dtype=labels.dtype)
            mask = torch.isin(labels, candidate)
            extent = mask.flatten(1).any(1)
            if int(mask.sum()) >= 60 and int(extent.sum()) >= max(5, support + 2) and float(mask.float().mean()) < 0.5:
                return candidate
        return None

    def _positions(self, mask: torch.Tensor, count: int, draw: Draw) -> list[int]:
        """Annotated slices: spread evenly over the structure, mostly, or anywhere in it."""
        drawn = mask.flatten(1).any(1).nonzero()[:, 0]
        first, extent = int(drawn[0]), int(drawn[-1]) - int(drawn[0]) + 1
        if draw.chance(0.2):
            chosen = first + torch.randperm(extent, generator=draw.generator)[:count]
        else:
            step = extent / count
            shift = draw.uniform(-0.25, 0.25) if draw.chance(0.5) else 0.0
            chosen = first + ((torch.arange(count) + 0.5 + shift) * step).floor().long()
        positions = sorted({int(p) for p in chosen})
        if not bool(mask[positions].any()):
            positions[0] = int(drawn[len(drawn) // 2])
        while len(positions) < count:  # a structure with gaps, or a duplicate
            extra = int(draw.integer(first, first + extent - 1))
            positions = sorted({*positions, extra})
        return positions

    def _window(self, drawn: torch.Tensor, shape: EpisodeShape, draw: Draw) -> Window:
        union = drawn.any(0)
        rows, columns = union.any(1).nonzero()[:, 0], union.any(0).nonzero()[:, 0]
        diameter = float(drawn.flatten(1).sum(1).amax()) ** 0.5
        longest = float(max(rows[-1] - rows[0], columns[-1] - columns[0])) + 1
        zoom = min(draw.log_uniform(9, 34) / diameter, 0.9 * shape.size / longest)
        height, width = union.shape
        zoom = min(max(zoom, 0.35, shape.size / min(height, width)), 2.5)
        side = max(8, round(shape.size / zoom))
        slack = max(0.0, (side - longest) / 2) * 0.9
        top = float(rows[0] + rows[-1] + 1) / 2 - side / 2 + draw.uniform(-slack, slack)
        left = float(columns[0] + columns[-1] + 1) / 2 - side / 2 + draw.uniform(-slack, slack)
        top = min(max(top, min(0, height - side)), max(0, height - side))
        left = min(max(left, min(0, width - side)), max(0, width - side))
        return Window(round(top), round(left), side, side, shape.size, shape.size)

    def _elsewhere(self, window: Window, limits: Sequence[int], draw: Draw) -> Window:
        """A window of the same size in another volume, somewhere near the same place."""
        top = window.top + round(draw.uniform(-0.2, 0.2) * window.height)
        left = window.left + round(draw.uniform(-0.2, 0.2) * window.width)
        top = min(max(top, min(0, limits[0] - window.height)), max(0, limits[0] - window.height))
        left = min(max(left, min(0, limits[1] - window.width)), max(0, limits[1] - window.width))
        return Window(top, left, window.height, window.width, window.rows, window.columns)

    def _queries(self, mask: torch.Tensor, taken: Sequence[int], count: int, inside: float, draw: Draw) -> list[int]:
        """Query slices: near the structure mostly, and often beyond the outermost annotated slices, where it ends."""
        drawn = mask.flatten(1).any(1).nonzero()[:, 0]
        free = [z for z in range(len(mask)) if z not in set(taken)]
        near = [z for z in free if int(drawn[0]) - 3 <= z <= int(drawn[-1]) + 3] or free
        ends = [z for z in near if z < taken[0] or z > taken[-1]] if taken else []

        def one() -> int:
            if ends and draw.chance(self.beyond):
                return draw.choice(ends)
            return draw.choice(near if draw.chance(inside) else free)

        return [one() for _ in range(count)]

    def _stack(self, subject: Subject, window: Window, grey: GreyWindow) -> SliceStack:
        return SliceStack.cut(grey(subject.image), window, subject.thickness)

    def _examples(
        self,
        stack: SliceStack,
        window: Window,
        mask: torch.Tensor,
        positions: Sequence[int],
        prior: ShapePrior | None,
        left_out: Sequence[Sequence[int]] | None,
        slices: int,
    ) -> Examples:
        image = image_channels(stack, positions, slices)
        segment = segment_channels(stack, positions, prior, left_out)
        return Examples((image, segment), window.crop_masks(mask[list(positions)])[:, None])


def _turned(subject: Subject, axes: Sequence[int], flips: Sequence[int]) -> Subject:
    offset, scale = relative_range(subject.image.numpy())
    image, labels = ((subject.image - offset) / scale).permute(*axes), subject.labels.permute(*axes)
    if flips:
        image, labels = image.flip(flips), labels.flip(flips)
    return Subject(image.contiguous(), labels.contiguous(), subject.thickness)


def collate(episodes: Sequence[Episode]) -> Episode:
    """Episodes of one shape with a leading axis of tasks: every tensor is (tasks, B, ...), half precision."""

    def joined(examples: Sequence[Examples]) -> Examples:
        inputs = tuple(torch.stack(parts).half() for parts in zip(*(e.inputs for e in examples), strict=True))
        return Examples(inputs, torch.stack([e.targets for e in examples]).half())

    return Episode(joined([e.support for e in episodes]), joined([e.query for e in episodes]))


class SyntheticBatches(IterableDataset):
    """An endless stream of episode batches, each worker with seeds of its own.

    Args:
        first_seed: the first cohort's seed; worker w of n uses first_seed + w, + w + n, ...
        seeds: how many cohort seeds there are before they start again.
        tasks: episodes a batch.
        slices: neighbouring slices in the image channels.
        episodes_per_cohort: episodes that are drawn from a cohort before it is thrown away.
        random_shape, random_cohort: what to draw from.
    """

    def __init__(
        self,
        first_seed: int,
        seeds: int,
        tasks: int,
        slices: int = 5,
        episodes_per_cohort: int = 8,
        random_shape: RandomEpisodeShape | None = None,
        random_cohort: RandomCohort | None = None,
    ) -> None:
        self.first_seed = first_seed
        self.seeds = seeds
        self.tasks = tasks
        self.slices = slices
        self.episodes_per_cohort = episodes_per_cohort
        self.random_shape = random_shape or RandomEpisodeShape()
        self.random_cohort = random_cohort or RandomCohort()

    def __iter__(self) -> Iterator[Episode]:
        worker = get_worker_info()
        index, step = (worker.id, worker.num_workers) if worker else (0, 1)
        random_episode = RandomEpisode()
        # Several cohorts at a time, so that a batch mixes them.
        cohorts: list[tuple[Cohort, Draw, int]] = []
        shapes = Draw.seeded(self.first_seed + index + 7_919)
        while True:
            shape = self.random_shape(shapes)
            episodes: list[Episode] = []
            while len(episodes) < self.tasks:
                while len(cohorts) < max(2, self.tasks // 2):
                    seed = self.first_seed + index % self.seeds
                    cohorts.append((self.random_cohort(seed), Draw.seeded(seed + 2**40), 0))
                    index += step
                cohort, draw, used = cohorts.pop(0)
                episode = random_episode(cohort, shape, self.slices, draw)
                if episode is not None:
                    episodes.append(episode)
                if used + 1 < self.episodes_per_cohort:
                    cohorts.append((cohort, draw, used + 1))
            yield collate(episodes)


def seed_everything(seed: int) -> None:
    """Seeds torch and numpy."""
    torch.manual_seed(seed)
    np.random.seed(seed % 2**32)
