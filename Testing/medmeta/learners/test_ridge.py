import numpy as np
import pytest
import torch

from medmeta.learners.ridge import RidgeHead


def test_the_solution_is_that_of_weighted_ridge_regression():
    generator = torch.Generator().manual_seed(0)
    embedding = torch.randn(1, 2, 3, 6, 6, generator=generator)
    targets = (torch.rand(1, 2, 1, 6, 6, generator=generator) < 0.25).float()
    ridge = RidgeHead(goal=1.0)
    found = ridge(embedding, torch.zeros_like(targets), targets)[0].detach().numpy()

    x = embedding[0].permute(0, 2, 3, 1).reshape(-1, 3).double().numpy()
    x = np.c_[x, np.ones(len(x))]
    y = targets.flatten().double().numpy()
    weight = np.where(y > 0, 0.5 / y.sum(), 0.5 / (1 - y).sum())
    strength = ridge.log_strength.exp().item()
    expected = np.linalg.solve(x.T @ (weight[:, None] * x) + strength * np.eye(4), x.T @ (weight * (2 * y - 1)))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_a_head_that_is_right_already_is_left_alone():
    targets = torch.zeros(1, 1, 1, 4, 4)
    targets[..., :2] = 1
    correction = RidgeHead(goal=2.0)(torch.randn(1, 1, 5, 4, 4), (2 * targets - 1) * 3, targets)
    assert torch.allclose(correction, torch.zeros_like(correction))


def test_a_structure_that_an_embedding_shows_linearly_is_found():
    targets = torch.zeros(1, 1, 1, 8, 8)
    targets[..., 2:4, 2:4] = 1
    embedding = torch.cat([targets * 2 - 1, torch.randn(1, 1, 2, 8, 8)], dim=2)
    correction = RidgeHead()(embedding, torch.zeros_like(targets), targets)
    logits = torch.einsum("tbdhw,td->tbhw", embedding, correction[:, :-1]) + correction[:, -1]
    assert torch.equal(logits[:, :, None] > 0, targets > 0.5)


@pytest.mark.parametrize("filled", [0.0, 1.0])
def test_a_support_set_of_one_class_gives_finite_numbers(filled):
    targets = torch.full((1, 1, 1, 4, 4), filled)
    correction = RidgeHead()(torch.randn(1, 1, 3, 4, 4), torch.zeros_like(targets), targets)
    assert torch.isfinite(correction).all()
