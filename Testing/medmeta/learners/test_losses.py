import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from medmeta.learners.losses import segmentation_loss


def test_a_right_answer_costs_almost_nothing_and_a_wrong_one_much():
    targets = torch.zeros(3, 1, 8, 8)
    targets[:, :, 2:5] = 1
    assert segmentation_loss(20 * (2 * targets - 1), targets) < 1e-3
    assert segmentation_loss(-20 * (2 * targets - 1), targets) > 10


def test_it_is_cross_entropy_plus_the_soft_dice_of_all_slices_together():
    generator = torch.Generator().manual_seed(0)
    logits, targets = torch.randn(4, 1, 6, 6, generator=generator), torch.zeros(4, 1, 6, 6)
    targets[1, :, 1:4] = 1
    probability = torch.sigmoid(logits)
    dice = 1 - (2 * (probability * targets).sum() + 1e-2) / (probability.sum() + targets.sum() + 1e-2)
    expected = binary_cross_entropy_with_logits(logits, targets) + dice
    assert float(segmentation_loss(logits, targets)) == pytest.approx(float(expected), rel=1e-5)


def test_tasks_are_averaged():
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(3, 4, 1, 6, 6, generator=generator)
    targets = (torch.rand(3, 4, 1, 6, 6, generator=generator) > 0.5).float()
    apart = sum(float(segmentation_loss(one, truth)) for one, truth in zip(logits, targets, strict=True)) / 3
    assert float(segmentation_loss(logits, targets)) == pytest.approx(apart, rel=1e-5)


def test_empty_slices_give_a_finite_gradient():
    logits = torch.zeros(2, 1, 4, 4, requires_grad=True)
    segmentation_loss(logits, torch.zeros(2, 1, 4, 4)).backward()
    assert torch.isfinite(logits.grad).all()
