import math

import pytest
import torch
from torch import nn

from medmeta.episodes import Episode, Examples
from medmeta.learners.maml import MAML


def mean_squared_error(outputs, targets):
    return ((outputs - targets) ** 2).mean()


def sinusoid(generator, shots=10):
    amplitude = 0.1 + 4.9 * torch.rand((), generator=generator)
    phase = math.pi * torch.rand((), generator=generator)
    x = torch.rand(2 * shots, 1, generator=generator) * 10 - 5
    y = amplitude * torch.sin(x - phase)
    return Episode(Examples((x[:shots],), y[:shots]), Examples((x[shots:],), y[shots:]))


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(1, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 1))


def test_only_the_chosen_parameters_adapt():
    learner = MAML(network(), mean_squared_error, adapted=("4.*",), steps=2)
    state = learner.adapt([sinusoid(torch.Generator().manual_seed(0)).support])
    assert sorted(state) == ["4.bias", "4.weight"]


def test_an_unknown_outer_loop_is_refused():
    with pytest.raises(ValueError, match="outer"):
        MAML(network(), mean_squared_error, outer="third order")


def test_a_pattern_that_fits_no_parameter_is_refused():
    with pytest.raises(ValueError, match="matches"):
        MAML(network(), mean_squared_error, adapted=("head.*",))


def test_step_weights_must_fit_the_number_of_steps():
    with pytest.raises(ValueError, match="step_weights"):
        MAML(network(), mean_squared_error, steps=3, step_weights=(1.0, 1.0))


def test_adaptation_reports_the_state_before_the_first_step_and_after_each():
    learner = MAML(network(), mean_squared_error, steps=2)
    seen = []
    learner.adapt([sinusoid(torch.Generator().manual_seed(0)).support], steps=3, on_step=lambda s, _: seen.append(s))
    assert seen == [0, 1, 2, 3]


def test_the_callback_can_stop_an_adaptation():
    learner = MAML(network(), mean_squared_error)

    def stop(step, state):
        if step == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        learner.adapt([sinusoid(torch.Generator().manual_seed(0)).support], steps=100, on_step=stop)


def test_meta_training_makes_one_gradient_step_worth_more_on_sinusoids_never_seen():
    learner = MAML(network(), mean_squared_error, steps=1, step_size=0.01, second_order=True)
    tests = [sinusoid(torch.Generator().manual_seed(10_000 + i)) for i in range(50)]

    def error():
        return sum(float(learner.meta_loss(episode)[0].detach()) for episode in tests) / len(tests)

    before = error()
    optimizer = torch.optim.Adam(learner.parameters(), lr=3e-3)
    generator = torch.Generator().manual_seed(0)
    for _ in range(250):
        optimizer.zero_grad()
        for _ in range(4):
            (learner.meta_loss(sinusoid(generator))[0] / 4).backward()
        optimizer.step()
    assert error() < 0.75 * before


def test_every_step_tells_its_loss_before_it_is_taken():
    learner = MAML(network(), mean_squared_error, steps=5)
    told = []
    learner.adapt(
        [sinusoid(torch.Generator().manual_seed(0)).support],
        steps=3,
        on_step=lambda step, _: told.append(step),
        on_loss=lambda loss: told.append(float(loss)),
    )
    assert [entry for entry in told if isinstance(entry, int)] == [0, 1, 2, 3]
    assert [type(entry) for entry in told] == [int, float, int, float, int, float, int]
