import pytest
import torch

from medmeta.learners.factory import create_learner
from medmeta.learners.losses import segmentation_loss
from medmeta.transfer.fine_tuning import FineTuning, TileBatch

SEGMENTS, TILES = 2, 3


@pytest.fixture
def learner():
    torch.manual_seed(0)
    return create_learner(network={"encoder_channels": [8, 16, 16, 16], "branch_channels": [8, 16, 16, 16]})


def made_batch(seed, device="cpu", shares=((0, 2), (1, 2))):
    generator = torch.Generator().manual_seed(seed)
    image, segment, targets = (torch.randn(TILES, n, 16, 16, generator=generator) for n in (5, 13, SEGMENTS))
    return TileBatch(*(x.to(device) for x in (image, segment, (targets > 0).float(), torch.tensor(shares))))


def started(learner):
    """States with a head that is not zero, so that every parameter has a gradient."""
    generator = torch.Generator().manual_seed(1)
    return [
        {name: p.detach() + 0.05 * torch.randn(p.shape, generator=generator) for name, p in learner.initial().items()}
        for _ in range(SEGMENTS)
    ]


def test_it_does_what_adamw_does_with_the_mean_loss_of_all_segments(learner):
    start = started(learner)
    states = [{name: p.clone().requires_grad_() for name, p in state.items()} for state in start]
    shared = {name: p.detach().clone() for name, p in learner.shared().items()}
    tuning = FineTuning(learner, start)
    losses = [float(tuning.step(made_batch(seed), 1e-3, lambda: None)) for seed in range(3)]
    found = [{name: p.detach().clone() for name, p in part.items()} for part in (tuning.shared, *tuning.states)]

    learner.load_state_dict(shared, strict=False)
    parameters = [*learner.shared().values(), *(p for state in states for p in state.values())]
    optimizer = torch.optim.AdamW(parameters, lr=1e-3, weight_decay=1e-2)
    for seed, loss in enumerate(losses):
        batch = made_batch(seed)
        expected = sum(
            segmentation_loss(
                learner.predict(state, (batch.image[share], batch.segment[share])), batch.targets[share, i : i + 1]
            )
            for i, (state, share) in enumerate(zip(states, batch.shares, strict=True))
        ) / len(states)
        assert loss == pytest.approx(expected.item(), rel=1e-4)
        optimizer.zero_grad()
        expected.backward()
        optimizer.step()
    for part, wanted in zip(found, (learner.shared(), *states), strict=True):
        for name, value in part.items():
            torch.testing.assert_close(value, wanted[name], atol=2e-4, rtol=1e-3)


def test_the_states_it_starts_from_stay_as_they_are(learner):
    start = started(learner)
    before = [{name: p.clone() for name, p in state.items()} for state in start]
    tuning = FineTuning(learner, start)
    tuning.step(made_batch(0), 1e-2, lambda: None)
    assert all(torch.equal(a[name], b[name]) for a, b in zip(start, before, strict=True) for name in a)
    assert not torch.equal(tuning.states[0]["head.weight"], before[0]["head.weight"])


def test_a_segment_learns_from_its_own_tiles_alone(learner):
    first, other = made_batch(0), made_batch(0)
    other.targets[1, 0] = 1 - other.targets[1, 0]  # a tile that the first segment does not see
    shared = {name: p.detach().clone() for name, p in learner.shared().items()}
    found = []
    for batch in (first, other):
        learner.load_state_dict(shared, strict=False)
        tuning = FineTuning(learner, started(learner))
        tuning.step(batch, 1e-3, lambda: None)
        found.append(tuning.states[0])
    assert all(torch.equal(found[0][name], found[1][name]) for name in found[0])


def test_between_two_segments_there_is_a_chance_to_cancel(learner):
    chances = []
    FineTuning(learner, started(learner)).step(made_batch(0), 1e-3, lambda: chances.append(None))
    assert len(chances) == SEGMENTS + 1
