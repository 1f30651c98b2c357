"""Few-shot classification of handwritten digits, on the images that scikit-learn ships (1797 of 8 x 8 pixels).

Some digits are for meta-training, the others are held out. Ten classes being few, a digit turned by 90, 180 or 270
degrees is a class of its own in meta-training, as in the Omniglot protocol (Santoro et al., ICML 2016); the held-out
digits are seen upright, and in meta-training not at all. The order of an episode's classes is random, so that what
label a digit has is known from the support set alone.

The turns make classes that no one can tell apart: a 0, 1 or 8 upside down looks much as it did, a 6 like a 9. Pairs of
them are noise in meta-training; 6 and 9 must be on the same side, or one is seen upside down before it is held out.

Source: Alpaydin and Kaynak, "Optical recognition of handwritten digits", UCI, 1998 (its test set: 13 writers).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product

import torch
from torch import nn

from medmeta.episodes import Episode, Examples
from medmeta.errors import MedMetaError
from medmeta.synthesis.random import Draw

SIZE, WIDTH = 8, 32


@cache
def digit_images() -> tuple[torch.Tensor, ...]:
    """(n, 1, 8, 8) float32 images of each digit from 0 to 9, 0 to 1; n is 174 to 183.

    Raises:
        MedMetaError: scikit-learn is not installed.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise MedMetaError("The digits come with scikit-learn, which is missing: pip install scikit-learn.") from error
    images, labels = load_digits(return_X_y=True)
    pictures = torch.from_numpy(images).float().reshape(-1, 1, SIZE, SIZE) / 16
    return tuple(pictures[torch.from_numpy(labels == digit)] for digit in range(10))


@dataclass(frozen=True)
class Digits:
    """One task: tell N classes apart.

    Attributes:
        classes: (digit, quarter turns anticlockwise) of each class, in the order of its labels.
    """

    classes: tuple[tuple[int, int], ...]

    def __call__(self, numbers: Sequence[Sequence[int]]) -> Examples:
        """Examples: for each class the images of these numbers, (B, 1, 8, 8), with (B, N, 1, 1) targets, one-hot."""
        pictures = [
            digit_images()[digit][list(which)].rot90(turns, (2, 3))
            for (digit, turns), which in zip(self.classes, numbers, strict=True)
        ]
        labels = torch.tensor([label for label, which in enumerate(numbers) for _ in which])
        targets = nn.functional.one_hot(labels, len(self.classes)).float()
        return Examples((torch.cat(pictures),), targets[:, :, None, None])


class RandomDigits:
    """Draws episodes.

    Args:
        digits: digits that classes are made of.
        shots: support images a class.
        queries: query images a class, all others than the support's.
        ways: classes of an episode.
        turns: quarter turns, each of which makes a class of its own.

    Raises:
        ValueError: fewer classes than `ways`.
    """

    def __init__(
        self, digits: Iterable[int], shots: int, queries: int = 15, ways: int = 5, turns: Iterable[int] = (0,)
    ) -> None:
        self.classes = tuple(product(digits, turns))
        self.shots = shots
        self.queries = queries
        self.ways = ways
        if len(self.classes) < ways:
            raise ValueError(f"{ways} ways need as many classes; there are {len(self.classes)}")

    def __call__(self, draw: Draw) -> Episode:
        """Draws classes in random order and the support and query images of each."""
        chosen = draw.order(len(self.classes))[: self.ways]
        task = Digits(tuple(self.classes[k] for k in chosen))
        orders = [draw.order(len(digit_images()[digit])) for digit, _ in task.classes]
        support = [order[: self.shots] for order in orders]
        query = [order[self.shots : self.shots + self.queries] for order in orders]
        return Episode(task(support), task(query))


class DigitEncoder(nn.Sequential):
    """Two convolutions and one pooling, laid out as channels of one pixel: (B, 1, 8, 8) -> (B, 512, 1, 1).

    Where a stroke lies tells more than that there is one, so nothing is pooled further. No statistics of a batch: each
    query is judged on its own.
    """

    channels = WIDTH * (SIZE // 2) ** 2

    def __init__(self) -> None:
        super().__init__(
            nn.Conv2d(1, WIDTH, 3, padding=1),
            nn.GroupNorm(8, WIDTH),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(WIDTH, WIDTH, 3, padding=1),
            nn.GroupNorm(8, WIDTH),
            nn.ReLU(),
            nn.Flatten(),
            nn.Unflatten(1, (self.channels, 1, 1)),
        )

    def embed(self, image: torch.Tensor) -> torch.Tensor:
        """The encoder itself; for `SiameseLearner`."""
        return self(image)

    def read(self, embedding: torch.Tensor, image: torch.Tensor) -> torch.Tensor:
        """Zeros (B, 1, 1, 1): without the support set nothing is known of a class."""
        return torch.zeros_like(embedding[:, :1])


def digit_classifier(ways: int = 5) -> nn.Sequential:
    """The encoder with a linear head: (B, 1, 8, 8) -> (B, ways, 1, 1) logits; for learners that move parameters."""
    return nn.Sequential(DigitEncoder(), nn.Conv2d(DigitEncoder.channels, ways, 1))
