"""Meta-training: the outer loop over episodes, one task at a time."""

from __future__ import annotations

import torch

from medmeta.episodes import Episode, Examples
from medmeta.learners.base import Learner


def tasks_of(episodes: Episode) -> list[Episode]:
    """The single episodes of a collated batch."""

    def part(examples: Examples, task: int) -> Examples:
        return Examples(tuple(x[task] for x in examples.inputs), examples.targets[task])

    return [Episode(part(episodes.support, t), part(episodes.query, t)) for t in range(len(episodes.query.targets))]


def meta_loss(learner: Learner, episodes: Episode) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean outer loss over tasks and the query outputs: a `BatchLoss` that back-propagates task by task, for memory."""
    tasks = tasks_of(episodes)
    total, outputs = torch.zeros((), device=episodes.query.targets.device), []
    for task in tasks:
        loss, output = learner.meta_loss(task)
        (loss / len(tasks)).backward()
        total += loss.detach() / len(tasks)
        outputs.append(output)
    return total, torch.stack(outputs)
