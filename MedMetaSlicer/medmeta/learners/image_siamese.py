"""The Siamese network on whole volumes: do two of them belong to one task?

Twin encoders with shared weights turn each volume into a signature; volumes of one cohort lie close, others do not. So
a volume that a prediction cannot be trusted on is noticed, and the saved task that suits a volume is found.

Sources: Bromley et al., NIPS 1993 (twin networks); Hadsell et al., CVPR 2006 (contrastive loss); Koch et al., 2015
(Siamese networks for whether two images are of the same class).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from medmeta.episodes.episode import Episode, Examples
from medmeta.learners.base import AdaptedState, Learner
from medmeta.learners.contrastive import contrastive_loss


class ImageSiamese(Learner):
    """Signatures of volumes and the distance from which two count as different.

    Args:
        backbone: (B, slices, H, W) -> features on each scale, as `ImageEncoder`.
        channels: of those features.
        width: numbers in a signature.
        margin, squared: see `contrastive_loss`.
    """

    name = "image-siamese"
    iterative = False

    def __init__(
        self,
        backbone: nn.Module,
        channels: Sequence[int],
        *,
        width: int = 32,
        margin: float = 1.0,
        squared: bool = True,
    ) -> None:
        super().__init__(backbone)
        self.width = width
        self.margin = margin
        self.squared = squared
        self.module = nn.Sequential(nn.LayerNorm(2 * sum(channels)), nn.Linear(2 * sum(channels), width))
        self.threshold = nn.Parameter(torch.tensor(margin / 2))
        self.log_slope = nn.Parameter(torch.tensor(2.0))

    def signatures(self, volumes: torch.Tensor) -> torch.Tensor:
        """(V, N, slices, H, W), N places of each of V volumes -> (V, width), of length 1."""
        features = self.backbone(volumes.flatten(0, 1))
        pooled = torch.cat([part for f in features for part in (f.mean((2, 3)), f.std((2, 3)))], dim=1)
        return F.normalize(self.module(pooled).unflatten(0, volumes.shape[:2]).mean(1), dim=1)

    def distances(self, one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        """(V,) distance of each of V signatures (V, width) to the nearest of (U, width): 0 to 2."""
        # A square root has no slope at zero: kept away from it.
        apart = ((one[:, None] - other[None]) ** 2).sum(-1).add(1e-8).sqrt()
        return apart.amin(1)

    def adapt(
        self,
        support: Sequence[Examples],
        *,
        steps: int | None = None,
        on_step: Callable[[int, AdaptedState], None] | None = None,
        on_loss: Callable[[torch.Tensor], None] | None = None,
        on_pause: Callable[[], None] = lambda: None,
    ) -> AdaptedState:
        """See `Learner.adapt`: keeps the signatures of the task's volumes."""
        with torch.no_grad():
            state = {"signatures": self.signatures(support[0].inputs[0])}
        if on_step is not None:
            on_step(0, state)
        return state

    def predict(self, state: AdaptedState, inputs: tuple[torch.Tensor, ...]) -> torch.Tensor:
        """(V,) logits that volumes belong to the task; see `Learner.predict`."""
        return self._logits(self.distances(self.signatures(inputs[0]), state["signatures"]))

    def _logits(self, distances: torch.Tensor) -> torch.Tensor:
        return self.log_slope.exp() * (self.threshold - distances)

    def meta_loss(self, episode: Episode) -> tuple[torch.Tensor, torch.Tensor]:
        """See `Learner.meta_loss`: the contrastive loss, the mean over pairs; threshold and slope by cross-entropy."""
        support = self.signatures(episode.support.inputs[0])
        distances = self.distances(self.signatures(episode.query.inputs[0]), support)
        same = episode.query.targets
        total = contrastive_loss(distances, same, self.margin, self.squared) / len(same)
        logits = self._logits(distances.detach())
        return total + F.binary_cross_entropy_with_logits(logits, same), logits.detach()

    def settings(self) -> dict[str, Any]:
        """See `Learner.settings`."""
        return {"width": self.width, "margin": self.margin, "squared": self.squared}
