"""Joint pre-training: no inner loop; only the head adapts, in closed form.

"Condition first, then fine-tune": the network learns to use the prior and to make an embedding in which a new
structure is linearly separable; MAML then starts from here.
"""

from __future__ import annotations

import torch

from medmeta.episodes import Episode
from medmeta.episodes.channels import THERE
from medmeta.learners.losses import segmentation_loss
from medmeta.learners.maml import MAML


def ridge_logits(learner: MAML, episodes: Episode) -> tuple[torch.Tensor, torch.Tensor]:
    """Query logits with and without the closed-form head.

    Args:
        learner: its branch, backbone and closed-form head are trained.
        episodes: collated: tensors (T, B, ...), T tasks.

    Returns:
        Two (T, Q, 1, H, W): with the head corrected on the support set, and with the meta-learned head alone.
    """
    tasks, shots = episodes.support.targets.shape[:2]
    image, segment = (
        torch.cat([s, q], dim=1).flatten(0, 1).contiguous(memory_format=torch.channels_last)
        for s, q in zip(episodes.support.inputs, episodes.query.inputs, strict=True)
    )
    with torch.autocast(image.device.type, torch.bfloat16, enabled=image.is_cuda):
        embedding = learner.module.embed(learner.backbone(image), segment)
        logits = learner.module.read(embedding, segment)
    embedding, logits = (x.float().unflatten(0, (tasks, -1)) for x in (embedding, logits))
    correction = learner.warm_start.ridge(embedding[:, :shots], logits[:, :shots], episodes.support.targets)
    query = embedding[:, shots:]
    corrected = torch.einsum("tqdhw,td->tqhw", query, correction[:, :-1]) + correction[:, -1, None, None, None]
    return logits[:, shots:] + corrected[:, :, None], logits[:, shots:]


def joint_loss(learner: MAML, episodes: Episode) -> tuple[torch.Tensor, torch.Tensor]:
    """Loss of a batch of collated episodes, and the query logits: a `BatchLoss` of the trainer.

    Where there is a prior the head without correction is trained too: it is what a guarded user may fall back to.
    """
    corrected, plain = ridge_logits(learner, episodes)
    loss = segmentation_loss(corrected, episodes.query.targets)
    if bool((episodes.query.inputs[1][:, :, THERE] > 0).any()):
        loss = loss + segmentation_loss(plain, episodes.query.targets)
    return loss, corrected
