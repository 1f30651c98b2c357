"""A network trained on the annotated slices alone, for a given time: jointly pre-trained before, or from scratch.

The same network, inputs, augmentation and loss as the meta-learners have; what is missing is meta-learning, the
closed-form head and the guard.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from copy import deepcopy

import numpy as np
import torch
from torch import nn

from medmeta.adaptation.budget import Budget
from medmeta.adaptation.render import Canvas
from medmeta.adaptation.settings import AdaptationSettings
from medmeta.adaptation.support import annotated_stacks, support_examples, support_places
from medmeta.annotations import AnnotatedVolume
from medmeta.episodes import image_channels, segment_channels
from medmeta.episodes.flips import support_versions
from medmeta.learners.checkpoint import load_checkpoint
from medmeta.learners.losses import segmentation_loss
from medmeta.learners.weights import find_weights
from medmeta.networks import SegmentationNet, create_network

JOINT_RATE, SCRATCH_RATE = 3e-5, 3e-3
"""AdamW's learning rates at first; they fall along a cosine. Of 1e-5, 3e-5 and 1e-4 the best for the joint network."""


def jointly_trained() -> SegmentationNet:
    """The network of the bundled joint pre-training, without its closed-form head."""
    learner, header = load_checkpoint(find_weights("joint"))
    network = create_network(**header["network"])
    network.encoder.load_state_dict(learner.backbone.state_dict())
    network.branch.load_state_dict(learner.module.state_dict())
    return network


BATCH = 8
"""Slices that are predicted at once."""


def fine_tune(
    case: AnnotatedVolume, make: Callable[[], nn.Module], *, rate: float, seconds: float, seed: int = 0
) -> np.ndarray:
    """Trains on the annotated slices and fills in the others.

    Args:
        case: the annotated volume.
        make: makes the network, called as network(image channels, segment channels).
        rate: AdamW's.
        seconds: for training, shared out among the segments; predicting comes on top.
        seed: of the network's first weights, where they are random.

    Returns:
        (I, J, K) labels; annotated slices as drawn.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = make()
    settings = AdaptationSettings()
    stack = annotated_stacks([case], settings.region)[0][0]
    values = [segment.value for segment in case.annotation.segments]
    slices = network.settings["slices"]
    tuned = []
    for index in range(len(values)):
        support = support_examples([stack], index, support_places([stack]), slices, prior=True)
        tuned.append(_trained(deepcopy(network), support_versions(support), rate, seconds / len(values)))

    @torch.no_grad()
    def segment_logits(positions: Sequence[int]) -> torch.Tensor:
        image = image_channels(stack.stack, positions, slices)
        channels = [segment_channels(stack.stack, positions, prior) for prior in stack.priors]
        return torch.stack([net(image, seen)[:, 0] for net, seen in zip(tuned, channels, strict=True)])

    labels = Canvas(stack.window, stack.shape, values, BATCH).labels(segment_logits, lambda _: None).numpy()
    drawn = stack.frame.to_slices(case.annotation.labels)
    labels[list(stack.positions)] = drawn[list(stack.positions)]
    return stack.frame.from_slices(labels)


def _trained(network: nn.Module, support: list, rate: float, seconds: float) -> nn.Module:
    network.train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=rate)
    clock, step = Budget(), 0
    while (done := clock.spent / seconds) < 1:
        for group in optimizer.param_groups:
            group["lr"] = rate * (1 + math.cos(math.pi * done)) / 2
        examples = support[step % len(support)]
        optimizer.zero_grad(set_to_none=True)
        segmentation_loss(network(*examples.inputs), examples.targets).backward()
        optimizer.step()
        step += 1
    return network.eval()
