"""Meta-training: the outer loop over episodes."""

from __future__ import annotations

import torch

from medmeta.episodes import Episode, Examples
from medmeta.learners.base import Learner
from medmeta.learners.siamese import SiameseLearner


def tasks_of(episodes: Episode) -> list[Episode]:
    """The single episodes of a collated batch."""

    def part(examples: Examples, task: int) -> Examples:
        return Examples(tuple(x[task] for x in examples.inputs), examples.targets[task])

    return [Episode(part(episodes.support, t), part(episodes.query, t)) for t in range(len(episodes.query.targets))]


def meta_loss(learner: Learner, episodes: Episode) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean outer loss over tasks and the query outputs: a `BatchLoss`.

    Tasks are back-propagated one by one, for memory; all at once where they share one pass through the network.
    """
    tasks = tasks_of(episodes)
    if isinstance(learner, SiameseLearner):
        return learner.meta_loss_of_all(tasks)
    total, outputs = torch.zeros((), device=episodes.query.targets.device), []
    for task in tasks:
        loss, output = learner.meta_loss(task)
        (loss / len(tasks)).backward()
        total += loss.detach() / len(tasks)
        outputs.append(output)
    return total, torch.stack(outputs)
