"""Episodes of whole volumes for the image-level Siamese network: which ones belong to the task of the first?"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch.utils.data import IterableDataset, get_worker_info

from medmeta.episodes import Episode, Examples, GreyWindow, SliceStack, Window, image_channels, relative_range
from medmeta.synthesis import RandomCohort, Subject
from medmeta.synthesis.random import Draw

AXES = ((0, 1, 2), (1, 0, 2), (2, 0, 1))

KINDS = (
    "another subject",
    "another subject, cut otherwise",
    "another cohort",
    "another cohort, once more",
    "another subject, along another axis",
    "another subject, other contrast",
)
"""Query volumes of an episode, in order."""

SAME, DIFFERENT = 2, 4
"""How many of them, from the first on, belong to the task, and how many do not."""


class VolumePairs(IterableDataset):
    """An endless stream of batches, each worker with seeds of its own.

    The support is one subject of a cohort. Query volumes that belong to it are another subject, as it is and cut
    otherwise; those that do not are subjects of other cohorts, the other subject seen along another axis, and the other
    subject with other contrast, all in the grey window of the first.

    Args:
        first_seed: the first cohort's seed; worker w of n uses first_seed + w, + w + n, ...
        seeds: how many cohort seeds there are before they start again.
        tasks: episodes a batch.
        places: slices of each volume.
        slices: neighbouring slices in the image channels.
        sizes: sides to choose from, network pixels.
        random_cohort: what to draw from.
    """

    def __init__(
        self,
        first_seed: int,
        seeds: int,
        tasks: int = 4,
        places: int = 4,
        slices: int = 5,
        sizes: tuple[int, ...] = (48, 64, 80),
        random_cohort: RandomCohort | None = None,
    ) -> None:
        self.first_seed = first_seed
        self.seeds = seeds
        self.tasks = tasks
        self.places = places
        self.slices = slices
        self.sizes = sizes
        self.random_cohort = random_cohort or RandomCohort()

    def __iter__(self) -> Iterator[Episode]:
        worker = get_worker_info()
        index, step = (worker.id, worker.num_workers) if worker else (0, 1)
        cohorts = []
        while True:
            seed = self.first_seed + index % self.seeds
            index += step
            cohorts = [*cohorts, self.random_cohort(seed)][-8:]
            draw = Draw.seeded(seed + 2**41)
            size = draw.choice(self.sizes)
            # The newest cohort with some of those before it, so that every one is drawn once and compared often.
            episodes = [self.episode(cohorts, size, draw) for _ in range(self.tasks)] if len(cohorts) > 2 else []
            if episodes:
                yield _collated(episodes)

    def episode(self, cohorts: list, size: int, draw: Draw) -> Episode:
        """One episode.

        Args:
            cohorts: two or more.
            size: side of the slices.
            draw: the source of randomness.

        Returns:
            Support inputs (1, places, slices, size, size); query inputs (SAME + DIFFERENT, places, ...), targets
            (SAME + DIFFERENT,): 1 for a volume of the task.
        """
        number = draw.integer(0, len(cohorts) - 1)
        cohort = cohorts[number]
        order = torch.randperm(len(cohort.subjects), generator=draw.generator).tolist()
        first, second = (_relative(cohort.subjects[i]) for i in order[:2])
        axis = draw.choice(AXES) if first.thickness == 1 else AXES[0]
        grey = self._grey(first, draw)
        first, second_along = _along(first, axis), _along(second, axis)
        strangers = [cohorts[i] for i in range(len(cohorts)) if i != number]
        others = [_relative(draw.choice(draw.choice(strangers).subjects)) for _ in range(DIFFERENT - 2)]
        turned = _along(second, draw.choice([other for other in AXES if other != axis]))
        query = [
            self._volume(second_along, grey, size, 0.0, draw),
            self._volume(second_along, grey, size, 0.25, draw),
            *(self._volume(_along(other, axis), grey, size, 0.25, draw) for other in others),
            self._volume(turned, grey, size, 0.1, draw),
            self._volume(_other_contrast(second_along, draw), grey, size, 0.1, draw),
        ]
        support = Examples((self._volume(first, grey, size, 0.1, draw)[None],), torch.ones(1))
        targets = torch.tensor([1.0] * SAME + [0.0] * DIFFERENT)
        return Episode(support, Examples((torch.stack(query),), targets))

    def _grey(self, subject: Subject, draw: Draw) -> GreyWindow:
        """A window round one of its structures, as a user's drawing would give."""
        labels = [int(v) for v in subject.labels.unique() if v > 0] or [0]
        mask = subject.labels == draw.choice(labels)
        middle = int(mask.flatten(1).sum(1).argmax())
        return GreyWindow.fit(subject.image[middle : middle + 1], mask[middle : middle + 1])

    def _volume(self, subject: Subject, grey: GreyWindow, size: int, cut: float, draw: Draw) -> torch.Tensor:
        """(places, slices, size, size): slices spread over the volume, up to a share `cut` of each side cut off."""
        _, height, width = subject.image.shape
        sides = [min(n, max(16, round(n * (1 - draw.uniform(0, cut))))) for n in (height, width)]
        top, left = (draw.integer(0, n - side) for n, side in zip((height, width), sides, strict=True))
        stack = SliceStack.cut(grey(subject.image), Window(top, left, *sides, size, size), subject.thickness)
        count = len(subject.image)
        positions = [min(count - 1, int((i + draw.uniform(0, 1)) * count / self.places)) for i in range(self.places)]
        return image_channels(stack, positions, self.slices)


def _relative(subject: Subject) -> Subject:
    offset, scale = relative_range(subject.image.numpy())
    return Subject((subject.image - offset) / scale, subject.labels, subject.thickness)


def _along(subject: Subject, axes: tuple[int, int, int]) -> Subject:
    thickness = subject.thickness if axes[0] == 0 else 1
    return Subject(subject.image.permute(*axes), subject.labels.permute(*axes), thickness)


def _other_contrast(subject: Subject, draw: Draw) -> Subject:
    """The same anatomy as another sequence would show it: grey values inverted, bent, or both."""
    image = subject.image.clamp(0, 1)
    if draw.chance(0.6):
        image = 1 - image
    return Subject(image ** draw.choice((0.3, 0.4, 2.5, 3.5)), subject.labels, subject.thickness)


def _collated(episodes: list[Episode]) -> Episode:
    def joined(examples: list[Examples]) -> Examples:
        return Examples(
            (torch.stack([e.inputs[0] for e in examples]).half(),), torch.stack([e.targets for e in examples])
        )

    return Episode(joined([e.support for e in episodes]), joined([e.query for e in episodes]))
