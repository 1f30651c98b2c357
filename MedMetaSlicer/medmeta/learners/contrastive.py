"""The contrastive loss of a Siamese network, and the pairs of pixels that it is taken on.

Source: Hadsell et al., "Dimensionality reduction by learning an invariant mapping", CVPR 2006, equation 4.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F


def contrastive_loss(
    distances: torch.Tensor, same: torch.Tensor, margin: float = 1.0, squared: bool = False
) -> torch.Tensor:
    """sum y d + (1 - y) max(0, margin - d), or with both terms squared.

    Args:
        distances: (N,) d of each pair, at least 0.
        same: (N,) y, 1 where both are of the same class, else 0.
        margin: distance from which a pair of different ones costs nothing.
        squared: the squared form.
    """
    apart = (margin - distances).clamp_min(0)
    if squared:
        distances, apart = distances**2, apart**2
    return (same * distances + (1 - same) * apart).sum()


@dataclass(frozen=True)
class RandomPairs:
    """Draws pairs of a support pixel of a class and a query pixel, half of them of that class too.

    Attributes:
        count: pairs, shared out among the classes.
        hard: share of the query pixels outside that lie near the class's boundary, where telling is hard.
        ring: pixels that count as near.
    """

    count: int = 512
    hard: float = 0.5
    ring: int = 3

    def __call__(
        self, support: torch.Tensor, query: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor] | None:
        """Draws from torch's global generator.

        Args:
            support, query: (B, N, H, W) masks of N classes, 0 or 1.

        Returns:
            (P,) pixel numbers in the support as (B, H, W) flattened, (P,) in the query, and (P,) float, 1 for a pair of
            the same class; None where the support shows no class.
        """
        count = self.count // support.shape[1]
        classes = zip(support.split(1, dim=1), query.split(1, dim=1), strict=True)
        drawn = [pairs for one in classes if (pairs := self._of_class(*one, count)) is not None]
        return tuple(torch.cat(part) for part in zip(*drawn, strict=True)) if drawn else None

    def _of_class(
        self, support: torch.Tensor, query: torch.Tensor, count: int
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor] | None:
        inside, drawn = support.flatten() > 0.5, query.flatten() > 0.5
        near = F.max_pool2d(query.float(), 2 * self.ring + 1, stride=1, padding=self.ring).flatten() > 0.5
        half = count // 2
        hard = round(self.hard * half)
        if not bool(inside.any()):
            return None
        same = self._some(drawn, half)
        boundary = self._some(near & ~drawn, hard)
        elsewhere = self._some(~drawn, half - len(boundary))
        others = torch.cat([same, boundary, elsewhere])
        labels = torch.zeros(len(others), device=others.device)
        labels[: len(same)] = 1
        return self._some(inside, len(others)), others, labels

    @staticmethod
    def _some(mask: torch.Tensor, count: int) -> torch.Tensor:
        places = mask.nonzero()[:, 0]
        if not len(places):
            return places
        return places[torch.randint(len(places), (count,), device=places.device)]
