"""The Siamese network: a metric in which pixels of one class lie close, whatever the class.

A class is a structure against all else in segmentation. In classification it is one of N, each against the others, and
a picture has a single pixel: the picture itself.

Sources: Bromley et al., NIPS 1993 (twin networks); Hadsell et al., CVPR 2006 (contrastive loss); Bertinetto et al.,
ICLR 2019 (closed-form read-out inside meta-training).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from medmeta.episodes.episode import Episode, Examples
from medmeta.learners.base import AdaptedState, Learner
from medmeta.learners.contrastive import RandomPairs, contrastive_loss
from medmeta.learners.inner_loop import Loss
from medmeta.learners.readouts import READ_OUTS
from medmeta.learners.readouts.base import by_pixel

AT_ONCE = 8
"""Slices of a support set that go through the network together: more take memory, and time between pauses."""

Maps = tuple[torch.Tensor, torch.Tensor]
"""(B, D, H, W) embedding and (B, N or 1, H, W) logits."""


class SiameseLearner(Learner):
    """Twin encoders with shared weights on support and query; a read-out labels the query by its nearness.

    Adaptation is one closed-form fit: there are no inner steps, and the answer is there at once.

    Args:
        module: has embed(*inputs) -> (B, D, H, W) and read(embedding, last input) -> (B, N, H, W), or (B, 1, H, W) for
            all classes, what is known without the support set; `SegmentBranch` and `DigitEncoder` are such.
        loss: loss(logits, targets) of the read-out, in meta-training.
        backbone: see `Learner`.
        read_out: a key of `READ_OUTS`.
        margin, squared: see `contrastive_loss`.
        contrast: weight of the contrastive loss beside the read-out's.
        pairs: pairs of pixels an episode.

    Raises:
        ValueError: an unknown read-out.
    """

    name = "siamese"
    iterative = False

    def __init__(
        self,
        module: nn.Module,
        loss: Loss,
        *,
        backbone: nn.Module | None = None,
        read_out: str = "ridge",
        margin: float = 1.0,
        squared: bool = False,
        contrast: float = 1.0,
        pairs: int = 512,
    ) -> None:
        super().__init__(backbone)
        if read_out not in READ_OUTS:
            raise ValueError(f"read_out {read_out!r} is not one of {sorted(READ_OUTS)}")
        self.module = module
        self.loss = loss
        self.read_out = READ_OUTS[read_out]()
        self.margin = margin
        self.squared = squared
        self.contrast = contrast
        self.random_pairs = RandomPairs(pairs)

    def shared(self) -> AdaptedState:
        """See `Learner.shared`: both twins are one network for all tasks, so all of it."""
        return {name: p for name, p in self.named_parameters() if name.startswith(("backbone.", "module."))}

    def embed(self, inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, D, H, W) embedding and (B, N or 1, H, W) logits of what is known without the support set."""
        *features, last = self.encode(inputs)
        embedding = self.module.embed(*features, last)
        return embedding, self.module.read(embedding, last)

    def adapt(
        self,
        support: Sequence[Examples],
        *,
        steps: int | None = None,
        on_step: Callable[[int, AdaptedState], None] | None = None,
        on_loss: Callable[[torch.Tensor], None] | None = None,
        on_pause: Callable[[], None] = lambda: None,
    ) -> AdaptedState:
        """See `Learner.adapt`: fits the read-out to the first version of the support set; every step is the same."""
        with torch.no_grad():
            maps = []
            for part in support[0].split(AT_ONCE):
                on_pause()
                maps.append(self.embed(part.inputs))
            embedding, known = (torch.cat(same) for same in zip(*maps, strict=True))
            state = self.read_out.fit_each(embedding, known, support[0].targets)
            for step in range((steps or 0) + 1):
                if on_step is not None:
                    on_step(step, state)
        return state

    def predict(self, state: AdaptedState, inputs: tuple[torch.Tensor, ...]) -> torch.Tensor:
        """See `Learner.predict`."""
        embedding, known = self.embed(inputs)
        return known + self.read_out.read_each(state, embedding)

    def meta_loss(self, episode: Episode) -> tuple[torch.Tensor, torch.Tensor]:
        """See `Learner.meta_loss`: the read-out's loss on the query, and the contrastive loss, the mean over pairs."""
        loss, outputs = self.meta_loss_of_all([episode])
        return loss, outputs[0]

    def meta_loss_of_all(self, episodes: Sequence[Episode]) -> tuple[torch.Tensor, torch.Tensor]:
        """The mean of `meta_loss` over T episodes with as many slices each, and their outputs (T, Q, N, H, W).

        Nothing adapts inside the network, so all of them go through it at once; on a GPU in bfloat16.
        """
        slices = [part for e in episodes for part in (e.support, e.query)]
        counts = [len(part.targets) for part in slices]
        inputs = tuple(torch.cat(same) for same in zip(*(part.inputs for part in slices), strict=True))
        with torch.autocast(inputs[0].device.type, torch.bfloat16, enabled=inputs[0].is_cuda):
            maps = [part.float().split(counts) for part in self.embed(inputs)]
        pairs = list(zip(*maps, strict=True))
        losses, outputs = zip(*map(self._outer_loss, episodes, pairs[::2], pairs[1::2]), strict=True)
        return torch.stack(losses).mean(), torch.stack(outputs).detach()

    def _outer_loss(self, episode: Episode, support: Maps, query: Maps) -> tuple[torch.Tensor, torch.Tensor]:
        """Loss and query outputs of an episode, from embedding and logits of its slices; see `embed`."""
        state = self.read_out.fit_each(*support, episode.support.targets)
        outputs = query[1] + self.read_out.read_each(state, query[0])
        total = self.loss(outputs, episode.query.targets)
        pairs = self.random_pairs(episode.support.targets, episode.query.targets)
        if pairs is not None and self.contrast > 0:
            mine, theirs, same = pairs
            one, other = (by_pixel(F.normalize(maps[0], dim=1)) for maps in (support, query))
            # A square root has no slope at zero: kept away from it.
            distances = ((one[mine] - other[theirs]) ** 2).sum(1).add(1e-8).sqrt()
            total = total + self.contrast * contrastive_loss(distances, same, self.margin, self.squared) / len(same)
        return total, outputs

    def settings(self) -> dict[str, Any]:
        """See `Learner.settings`."""
        return {
            "read_out": self.read_out.name,
            "margin": self.margin,
            "squared": self.squared,
            "contrast": self.contrast,
            "pairs": self.random_pairs.count,
        }
