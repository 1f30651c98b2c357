import pytest
import torch

from medmeta.learners.readouts import READ_OUTS


def picture(seed, noise=0.3):
    """An embedding in which inside and outside of a square differ in the first of four directions; and the square."""
    generator = torch.Generator().manual_seed(seed)
    mask = torch.zeros(2, 1, 24, 24)
    mask[:, :, 6:18, 8:20] = 1
    embedding = noise * torch.randn(2, 4, 24, 24, generator=generator)
    embedding[:, :1] += 2 * mask - 1
    return embedding, mask


@pytest.mark.parametrize("name", READ_OUTS)
def test_every_read_out_labels_a_query_by_its_likeness_to_the_support(name):
    read_out = READ_OUTS[name]()
    embedding, mask = picture(0)
    state = read_out.fit(embedding, torch.zeros_like(mask), mask)
    query, truth = picture(1)
    found = read_out(state, query) > 0
    assert found.shape == truth.shape
    assert (found == (truth > 0.5)).float().mean() > 0.95


@pytest.mark.parametrize("name", READ_OUTS)
def test_every_read_out_stands_a_support_without_the_structure(name):
    read_out = READ_OUTS[name]()
    embedding, mask = picture(0)
    state = read_out.fit(embedding, torch.zeros_like(mask), torch.zeros_like(mask))
    logits = read_out(state, embedding)
    assert torch.isfinite(logits).all()
    assert (logits <= 0).float().mean() > 0.5


@pytest.mark.parametrize("name", READ_OUTS)
def test_a_gradient_reaches_the_embedding_through_every_read_out(name):
    read_out = READ_OUTS[name]()
    embedding, mask = picture(0)
    embedding.requires_grad_()
    state = read_out.fit(embedding, torch.zeros_like(mask), mask)
    read_out(state, picture(1)[0]).mean().backward()
    assert embedding.grad.abs().sum() > 0


def test_local_prototypes_tell_two_places_of_the_same_look_apart():
    mask = torch.zeros(1, 1, 32, 32)
    mask[..., 4:12, 4:12] = 1
    twin = mask.flip((-2, -1))
    embedding = 0.05 * torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    embedding[:, :1] += 2 * (mask + twin) - 1
    read_out = READ_OUTS["local prototypes"]()
    in_structure, in_twin = {}, {}
    for locality in (0.0, 20.0):
        read_out.locality.data.fill_(locality)
        logits = read_out(read_out.fit(embedding, torch.zeros_like(mask), mask), embedding)
        in_structure[locality], in_twin[locality] = (logits[m > 0.5].mean().item() for m in (mask, twin))
    assert in_structure[0.0] == pytest.approx(in_twin[0.0], abs=1.0)
    assert in_structure[20.0] > in_twin[20.0] + 5
