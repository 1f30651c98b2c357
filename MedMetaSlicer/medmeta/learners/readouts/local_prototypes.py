"""Local prototypes: means over small windows, each with its place."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from medmeta.learners.base import AdaptedState
from medmeta.learners.readouts.base import ReadOut, by_pixel
from medmeta.learners.readouts.prototype import mean_embedding

FULL = 0.95
"""Share of a window that must be of one class for the window to be a prototype of it."""


class LocalPrototypes(ReadOut):
    """A pixel belongs to the class whose local prototype it resembles most, soft (Ouyang et al., ALPNet, ECCV 2020).

    Unlike theirs each prototype also has a place, and resemblance falls with the distance to it as far as the learned
    `locality` says: the same tissue elsewhere is another structure.

    Args:
        window: side of the windows, pixels; a smaller picture is one window.
        scale: of the cosines; learned.
    """

    name = "local prototypes"

    def __init__(self, window: int = 4, scale: float = 10.0) -> None:
        super().__init__()
        self.window = window
        self.scale = nn.Parameter(torch.tensor(scale))
        self.locality = nn.Parameter(torch.tensor(1.0))

    def fit(self, embedding: torch.Tensor, logits: torch.Tensor, targets: torch.Tensor) -> AdaptedState:
        """See `ReadOut.fit`."""
        window = min(self.window, *embedding.shape[2:])
        local = F.avg_pool2d(embedding, window)
        pooled, places = by_pixel(local), self._places(local)
        share = by_pixel(F.avg_pool2d(targets.to(embedding.dtype), window))[:, 0]
        state = {}
        for name, mask, full in (("inside", targets, share), ("outside", 1 - targets, 1 - share)):
            chosen = full >= FULL
            # One of the whole class too: a thin structure fills no window.
            rows, columns = mask[:, 0].nonzero()[:, 1:].unbind(1)
            middle = torch.stack([(2 * rows + 1) / mask.shape[2] - 1, (2 * columns + 1) / mask.shape[3] - 1], 1).mean(0)
            middle = torch.nan_to_num(middle.to(embedding.dtype))
            whole = mean_embedding(embedding, mask)
            state[name] = F.normalize(torch.cat([pooled[chosen], whole[None]]), dim=1)
            state[f"{name}_places"] = torch.cat([places[chosen], middle[None]])
        return state

    def forward(self, state: AdaptedState, embedding: torch.Tensor) -> torch.Tensor:
        """See `ReadOut.forward`."""
        pixels, places = by_pixel(F.normalize(embedding, dim=1)), self._places(embedding)
        found = [self._resemblance(pixels, places, state[n], state[f"{n}_places"]) for n in ("inside", "outside")]
        batch, _, rows, columns = embedding.shape
        return (found[0] - found[1]).reshape(batch, 1, rows, columns)

    def _resemblance(
        self, pixels: torch.Tensor, places: torch.Tensor, prototypes: torch.Tensor, homes: torch.Tensor
    ) -> torch.Tensor:
        alike = self.scale * pixels @ prototypes.T
        far = torch.cdist(places, homes, compute_mode="donot_use_mm_for_euclid_dist") ** 2
        alike = alike - self.locality.abs() * far
        return (torch.softmax(alike, dim=1) * alike).sum(1)

    @staticmethod
    def _places(maps: torch.Tensor) -> torch.Tensor:
        """(B * H * W, 2) rows and columns in [-1, 1]."""
        batch, _, rows, columns = maps.shape
        axes = [(2 * torch.arange(n, device=maps.device, dtype=maps.dtype) + 1) / n - 1 for n in (rows, columns)]
        return torch.stack(torch.meshgrid(*axes, indexing="ij"), -1).flatten(0, 1).repeat(batch, 1)
