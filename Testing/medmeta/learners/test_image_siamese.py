import pytest
import torch

from medmeta.episodes import Episode, Examples
from medmeta.learners.checkpoint import load_checkpoint, save_checkpoint
from medmeta.learners.factory import IMAGE_LEVEL, create_learner

SMALL = {"encoder_channels": [8, 8], "branch_channels": [8, 8]}


def learner():
    torch.manual_seed(0)
    return create_learner(IMAGE_LEVEL, SMALL)


def episode(seed):
    """A volume of one of three textures; the query has two of that texture and two of others."""
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(3, generator=generator).tolist()

    def volume(kind):
        noise = torch.randn(2, 5, 16, 16, generator=generator)
        period = (2, 4, 8)[kind]
        stripes = torch.sin(torch.arange(16) * 2 * torch.pi / period + torch.rand(1, generator=generator))
        return stripes + 0.3 * noise

    query = torch.stack([volume(order[k]) for k in (0, 0, 1, 2)])
    same = torch.tensor([1.0, 1.0, 0.0, 0.0])
    return Episode(Examples((volume(order[0])[None],), torch.ones(1)), Examples((query,), same))


def test_a_signature_has_length_one_and_does_not_depend_on_the_other_volumes():
    volumes = episode(0).query.inputs[0]
    found = learner().eval().signatures(volumes)
    assert found.shape == (4, 32)
    assert torch.allclose(found.norm(dim=1), torch.ones(4), atol=1e-5)
    assert torch.allclose(learner().eval().signatures(volumes[:1]), found[:1], atol=1e-5)


def test_the_distance_is_to_the_nearest_annotated_volume():
    axes = torch.eye(32)
    found = learner().distances(axes[:2], axes[1:3])
    assert found[0] == pytest.approx(2**0.5, abs=1e-3)
    assert found[1] == pytest.approx(0.0, abs=1e-3)


def test_meta_training_pulls_volumes_of_a_task_together_and_others_apart():
    one = learner()
    optimizer = torch.optim.Adam(one.parameters(), lr=3e-3)
    for step in range(150):
        optimizer.zero_grad()
        loss, _ = one.meta_loss(episode(step))
        loss.backward()
        optimizer.step()
    right = []
    for seed in range(1000, 1020):
        test = episode(seed)
        logits = one.predict(one.adapt([test.support]), test.query.inputs)
        right += ((logits > 0) == (test.query.targets > 0.5)).tolist()
    assert sum(right) / len(right) > 0.9


def test_it_is_the_same_after_it_was_saved(tmp_path):
    one = learner().eval()
    save_checkpoint(one, tmp_path / "one.safetensors", {})
    other, header = load_checkpoint(tmp_path / "one.safetensors")
    assert header["learner"] == other.name == IMAGE_LEVEL
    volumes = episode(1).query.inputs[0]
    assert torch.equal(other.signatures(volumes), one.signatures(volumes))
