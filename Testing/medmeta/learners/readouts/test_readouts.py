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


@pytest.mark.parametrize("name", READ_OUTS)
def test_every_read_out_serves_several_classes_of_pictures_of_one_pixel(name):
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(12).repeat(3)
    pictures = (4 * torch.eye(12)[labels] + 0.5 * torch.randn(36, 12, generator=generator))[:, :, None, None]
    targets = torch.eye(12)[labels][:, :, None, None]
    read_out = READ_OUTS[name]()
    state = read_out.fit_each(pictures[12:], torch.zeros(24, 1, 1, 1), targets[12:])
    logits = read_out.read_each(dict(sorted(state.items())), pictures[:12])  # a file sorts names: 10 before 2
    assert logits.shape == (12, 12, 1, 1)
    assert logits.argmax(1).flatten().tolist() == labels[:12].tolist()


@pytest.mark.parametrize("name", READ_OUTS)
def test_a_single_class_has_the_state_and_the_answer_that_saved_tasks_hold(name):
    read_out = READ_OUTS[name]()
    embedding, mask = picture(0)
    one, each = (fit(embedding, torch.zeros_like(mask), mask) for fit in (read_out.fit, read_out.fit_each))
    assert one.keys() == each.keys()
    torch.testing.assert_close(read_out.read_each(each, embedding), read_out(one, embedding))


def test_the_prototype_of_a_whole_class_lies_in_its_middle():
    embedding, mask = picture(0)
    state = READ_OUTS["local prototypes"]().fit(embedding, torch.zeros_like(mask), mask)
    # Rows 6 to 17 and columns 8 to 19 of 24: their middle is at 12 and 14 pixel sides, in [-1, 1].
    torch.testing.assert_close(state["inside_places"][-1], torch.tensor([0.0, 2 * 14 / 24 - 1]))


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
