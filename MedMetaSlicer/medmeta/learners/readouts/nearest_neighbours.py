"""k nearest labelled pixels."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from medmeta.learners.base import AdaptedState
from medmeta.learners.readouts.base import ReadOut, by_pixel


class NearestNeighbours(ReadOut):
    """The share of the structure among a pixel's k nearest labelled pixels, weighted by their distance, as log-odds.

    Both classes keep the same number of pixels, spread evenly, so that a small structure is not outvoted.

    Args:
        neighbours: k.
        kept: pixels of each class that are kept at most.
        scale: how fast a neighbour's weight falls with the squared distance of the normalised embeddings; learned.
    """

    name = "nearest neighbours"

    def __init__(self, neighbours: int = 16, kept: int = 1000, scale: float = 10.0) -> None:
        super().__init__()
        self.neighbours = neighbours
        self.kept = kept
        self.scale = nn.Parameter(torch.tensor(scale))

    def fit(self, embedding: torch.Tensor, logits: torch.Tensor, targets: torch.Tensor) -> AdaptedState:
        """See `ReadOut.fit`."""
        pixels, inside = by_pixel(F.normalize(embedding, dim=1)), targets.flatten() > 0.5
        state = {}
        for name, mask in (("inside", inside), ("outside", ~inside)):
            places = mask.nonzero()[:, 0]
            step = max(1, -(-len(places) // self.kept))
            state[name] = pixels[places[::step]]
        return state

    def forward(self, state: AdaptedState, embedding: torch.Tensor) -> torch.Tensor:
        """See `ReadOut.forward`."""
        known = torch.cat([state["inside"], state["outside"]])
        label = torch.zeros(len(known), device=known.device)
        label[: len(state["inside"])] = 1
        # Slice by slice: the table of distances is large.
        return torch.stack([self._votes(maps, known, label) for maps in F.normalize(embedding, dim=1)])

    def _votes(self, maps: torch.Tensor, known: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        squared = 2 - 2 * by_pixel(maps[None]) @ known.T
        near, which = squared.topk(min(self.neighbours, len(known)), dim=1, largest=False)
        share = (torch.softmax(-self.scale * near, dim=1) * label[which]).sum(1)
        return torch.logit(share, eps=1e-3).reshape(1, *maps.shape[1:])
