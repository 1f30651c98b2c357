import pytest
import torch
from torch import nn

from medmeta.episodes import Episode, Examples
from medmeta.learners.losses import segmentation_loss
from medmeta.learners.siamese import SiameseLearner


class Embedder(nn.Module):
    """Two convolutions; knows nothing without the support set."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 1))

    def embed(self, image):
        return self.layers(image)

    def read(self, embedding, image):
        return torch.zeros_like(image[:, :1])


def episode(seed):
    """Two patches of random colours on a ground of another: the first one is the structure."""
    generator = torch.Generator().manual_seed(seed)
    colours = torch.randn(3, 3, generator=generator)

    def examples(count):
        image, mask = torch.empty(count, 3, 20, 20), torch.zeros(count, 1, 20, 20)
        for k in range(count):
            row, column = torch.randint(1, 10, (2,), generator=generator).tolist()
            image[k] = colours[0][:, None, None]
            image[k, :, 12:18, 12:18] = colours[2][:, None, None]
            image[k, :, row : row + 5, column : column + 7] = colours[1][:, None, None]
            mask[k, :, row : row + 5, column : column + 7] = 1
        return Examples((image + 0.3 * torch.randn(image.shape, generator=generator),), mask)

    return Episode(examples(2), examples(2))


def learner(**settings):
    torch.manual_seed(0)
    return SiameseLearner(Embedder(), segmentation_loss, **settings)


def dice(learner, episodes):
    scores = []
    for one in episodes:
        found = learner.predict(learner.adapt([one.support]), one.query.inputs) > 0
        truth = one.query.targets > 0.5
        scores.append(float(2 * (found & truth).sum() / (found.sum() + truth.sum())))
    return sum(scores) / len(scores)


def test_both_twins_have_the_same_weights():
    subject = learner()
    inputs = episode(0).support.inputs
    torch.testing.assert_close(subject.embed(inputs)[0], subject.module.embed(*inputs))
    assert sum(p.numel() for p in subject.parameters()) == sum(p.numel() for p in Embedder().parameters()) + 3


@pytest.mark.parametrize("read_out", ["ridge", "prototype", "nearest neighbours", "local prototypes"])
def test_meta_training_makes_a_metric_that_holds_for_colours_never_seen(read_out):
    subject = learner(read_out=read_out)
    tests = [episode(10_000 + i) for i in range(20)]
    with torch.no_grad():
        before = sum(float(subject.meta_loss(one)[0]) for one in tests)
    optimizer = torch.optim.Adam(subject.parameters(), lr=1e-2)
    for step in range(80):
        optimizer.zero_grad()
        subject.meta_loss(episode(step))[0].backward()
        optimizer.step()
    with torch.no_grad():
        assert sum(float(subject.meta_loss(one)[0]) for one in tests) < 0.8 * before
        assert dice(subject, tests) > 0.7  # a single prototype: two grounds in one mean


def test_the_contrastive_loss_alone_draws_the_structure_together_and_the_rest_away():
    subject, one = learner(contrast=1.0), episode(3)

    def distances():
        embedding = nn.functional.normalize(subject.embed(one.query.inputs)[0], dim=1).movedim(1, -1)
        inside = one.query.targets[:, 0] > 0.5
        middle = embedding[inside].mean(0)
        return [float((embedding[region] - middle).norm(dim=-1).mean().detach()) for region in (inside, ~inside)]

    inside, outside = distances()
    subject.loss = lambda outputs, targets: torch.zeros(())
    optimizer = torch.optim.Adam(subject.parameters(), lr=1e-2)
    for _ in range(40):
        optimizer.zero_grad()
        subject.meta_loss(one)[0].backward()
        optimizer.step()
    closer, farther = distances()
    assert closer < inside
    assert farther - closer > 1.5 * (outside - inside)


def test_there_are_no_inner_steps_but_the_callback_hears_of_all():
    seen = []
    learner().adapt([episode(0).support], steps=3, on_step=lambda step, state: seen.append(step))
    assert seen == [0, 1, 2, 3]


def test_a_large_support_set_goes_through_the_network_in_parts_and_can_be_left_between_them(monkeypatch):
    subject, one = learner(), episode(0).support
    many = Examples((one.inputs[0].repeat(10, 1, 1, 1),), one.targets.repeat(10, 1, 1, 1))
    counts, embed = [], subject.module.embed
    monkeypatch.setattr(subject.module, "embed", lambda image: counts.append(len(image)) or embed(image))
    pauses = []
    found = subject.adapt([many], on_pause=lambda: pauses.append(len(counts)))
    assert counts == [8, 8, 4]
    assert pauses == [0, 1, 2]
    counts.clear()
    for name, value in subject.adapt([one]).items():
        torch.testing.assert_close(found[name], value, atol=1e-3, rtol=1e-3)


def test_an_unknown_read_out_is_refused():
    with pytest.raises(ValueError, match="oracle"):
        learner(read_out="oracle")


def test_episodes_at_once_cost_what_they_cost_one_by_one():
    subject = learner(contrast=0.0)  # pairs are drawn at random
    episodes = [episode(seed) for seed in range(3)]
    together, outputs = subject.meta_loss_of_all(episodes)
    losses, alone = zip(*(subject.meta_loss(one) for one in episodes), strict=True)
    torch.testing.assert_close(together, torch.stack(losses).mean())
    torch.testing.assert_close(outputs, torch.stack(alone))
    together.backward()
    at_once = [p.grad.clone() for p in subject.module.parameters()]
    subject.zero_grad()
    for loss in losses:
        (loss / 3).backward()
    for one, other in zip(at_once, subject.module.parameters(), strict=True):
        torch.testing.assert_close(one, other.grad)
