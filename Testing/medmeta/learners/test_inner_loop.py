import pytest
import torch
from torch import nn
from torch.func import functional_call

from medmeta.episodes import Episode, Examples
from medmeta.learners.factory import create_learner
from medmeta.learners.inner_loop import inner_steps
from medmeta.learners.lstm import LSTMLearner
from medmeta.learners.maml import MAML


def small_network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(1, 4), nn.Tanh(), nn.Linear(4, 1)).double()


def sine_examples(seed, count=6):
    generator = torch.Generator().manual_seed(seed)
    x = torch.rand(count, 1, generator=generator, dtype=torch.float64) * 4 - 2
    return Examples((x,), torch.sin(x + seed))


def mean_squared_error(outputs, targets):
    return ((outputs - targets) ** 2).mean()


def maml(module, **settings):
    return MAML(module, mean_squared_error, step_size=0.2, steps=settings.pop("steps", 3), **settings).double()


def test_one_step_is_theta_minus_alpha_times_gradient():
    module, examples = small_network(), sine_examples(1)
    parameters = dict(module.named_parameters())
    steps = inner_steps(module, parameters, [examples], mean_squared_error, lambda _: dict.fromkeys(parameters, 0.1))
    adapted = next(steps)
    loss = mean_squared_error(module(*examples.inputs), examples.targets)
    gradients = torch.autograd.grad(loss, list(parameters.values()))
    for (name, value), gradient in zip(parameters.items(), gradients, strict=True):
        torch.testing.assert_close(adapted[name], value - 0.1 * gradient)


def test_the_modules_own_parameters_stay_as_they_are():
    module, examples = small_network(), sine_examples(1)
    before = {name: p.clone() for name, p in module.named_parameters()}
    maml(module).adapt([examples], steps=4)
    for name, p in module.named_parameters():
        assert torch.equal(p, before[name])


def numerical_gradient(learner, episode, name, index, epsilon=1e-6):
    parameter = dict(learner.module.named_parameters())[name]
    values = []
    for sign in (1, -1):
        with torch.no_grad():
            parameter.view(-1)[index] += sign * epsilon
        values.append(float(learner.meta_loss(episode)[0].detach()))
        with torch.no_grad():
            parameter.view(-1)[index] -= sign * epsilon
    return (values[0] - values[1]) / (2 * epsilon)


@pytest.fixture
def episode():
    return Episode(sine_examples(1), sine_examples(2))


def meta_gradient(learner, episode):
    learner.zero_grad()
    learner.meta_loss(episode)[0].backward()
    return {name: p.grad.clone() for name, p in learner.module.named_parameters()}


def test_the_second_order_meta_gradient_agrees_with_finite_differences(episode):
    learner = maml(small_network(), second_order=True, step_weights=(0.0, 0.3, 0.0, 1.0))
    gradient = meta_gradient(learner, episode)
    for name in gradient:
        for index in range(gradient[name].numel()):
            expected = numerical_gradient(learner, episode, name, index)
            assert float(gradient[name].view(-1)[index]) == pytest.approx(expected, rel=1e-5, abs=1e-8)


def test_the_first_order_meta_gradient_is_another_one(episode):
    second = meta_gradient(maml(small_network(), second_order=True), episode)
    first = meta_gradient(maml(small_network(), second_order=False), episode)
    one, two = (torch.cat([g.flatten() for g in gradients.values()]) for gradients in (first, second))
    assert float((one - two).norm() / two.norm()) > 1e-2


def test_the_first_order_meta_gradient_is_the_query_gradient_at_the_adapted_parameters(episode):
    module = small_network()
    learner = maml(module, second_order=False)
    first = meta_gradient(learner, episode)
    adapted = {name: p.detach().requires_grad_() for name, p in learner.adapt([episode.support]).items()}
    loss = mean_squared_error(functional_call(module, adapted, episode.query.inputs), episode.query.targets)
    for name, gradient in zip(adapted, torch.autograd.grad(loss, list(adapted.values())), strict=True):
        torch.testing.assert_close(first[name], gradient)


@pytest.mark.parametrize("second_order", [False, True])
def test_step_sizes_are_learned_in_both_orders(episode, second_order):
    learner = maml(small_network(), second_order=second_order)
    learner.meta_loss(episode)[0].backward()
    assert all(bool((p.grad != 0).any()) for p in learner.step_sizes.parameters())


def test_a_gradient_that_is_too_large_is_scaled_down():
    module, examples = small_network(), Examples((torch.full((2, 1), 1e3).double(),), torch.full((2, 1), 1e6).double())
    parameters = dict(module.named_parameters())
    sizes = dict.fromkeys(parameters, 1.0)
    adapted = next(
        inner_steps(module, parameters, [examples], mean_squared_error, lambda _: sizes, largest_gradient=0.5)
    )
    moved = torch.cat([(adapted[n] - p).detach().flatten() for n, p in parameters.items()]).norm()
    assert float(moved) == pytest.approx(0.5, rel=1e-6)


def test_reptile_moves_the_start_towards_where_steps_on_support_and_query_end(episode):
    learner = maml(small_network(), outer="reptile", granularity="constant", steps=4)
    gradient = meta_gradient(learner, episode)
    end = learner.adapt([episode.support, episode.query])
    for name, start in learner.module.named_parameters():
        torch.testing.assert_close(gradient[name], start - end[name])


@pytest.mark.parametrize("name", ["lstm", "maml"])
def test_small_windows_do_not_crash_where_only_some_parameters_adapt(name):
    adapted = {"adapted": ("*.adn.N.*", "head.*")}
    torch.manual_seed(0)
    subject = create_learner(name, {"encoder_channels": [8, 16], "branch_channels": [8, 16]}, adapted)
    subject.module.to(memory_format=torch.channels_last)
    inputs = (torch.randn(2, 5, 24, 24), torch.randn(2, 13, 24, 24))
    with torch.no_grad():
        state = subject.adapt([Examples(inputs, (torch.rand(2, 1, 24, 24) > 0.5).float())], steps=1)
        assert torch.isfinite(subject.predict(state, inputs)).all()


@pytest.mark.parametrize("kind", ["maml", "lstm"])
def test_between_the_two_passes_of_a_step_one_may_stop(kind):
    torch.manual_seed(0)
    seen = []

    class Passes(nn.Linear):
        def forward(self, x):
            seen.append("forward")
            y = super().forward(x)
            if y.requires_grad:
                y.register_hook(lambda _: seen.append("backward"))
            return y

    learner = {"maml": MAML, "lstm": LSTMLearner}[kind](Passes(1, 1), mean_squared_error, steps=2).double()

    def stop(_):
        raise InterruptedError

    with pytest.raises(InterruptedError):
        learner.adapt([sine_examples(1)], on_loss=stop)
    assert seen == ["forward"]
    learner.adapt([sine_examples(1)], on_loss=lambda _: seen.append("told"))
    assert seen[1:] == ["forward", "told", "backward"] * 2


def test_a_version_of_the_support_set_is_prepared_once_and_when_a_step_takes_it():
    torch.manual_seed(0)
    prepared = []

    class Backbone(nn.Module):
        def forward(self, x):
            prepared.append(x)
            return x

    learner = maml(small_network(), backbone=Backbone())
    versions = [sine_examples(seed) for seed in range(3)]
    counts = []
    learner.adapt(versions, steps=5, on_step=lambda *_: counts.append(len(prepared)))
    assert counts == [0, 1, 2, 3, 3, 3]
    assert all(mine is version.inputs[0] for mine, version in zip(prepared, versions, strict=True))
