import math

import pytest
import torch
from torch import nn
from torch.func import functional_call

from medmeta.episodes import Episode, Examples
from medmeta.learners.lstm import LSTMLearner, UpdateRule, preprocess


def mean_squared_error(outputs, targets):
    return ((outputs - targets) ** 2).mean()


def line(seed, shots=8):
    """Points on a line whose slope and height are the task."""
    generator = torch.Generator().manual_seed(seed)
    slope, height = torch.randn(2, generator=generator, dtype=torch.float64).tolist()
    x = torch.randn(2 * shots, 1, generator=generator, dtype=torch.float64)
    y = slope * x + height
    return Episode(Examples((x[:shots],), y[:shots]), Examples((x[shots:],), y[shots:]))


def learner(steps=3, **settings):
    torch.manual_seed(0)
    return LSTMLearner(nn.Linear(1, 1), mean_squared_error, steps=steps, hidden=5, **settings).double()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1.0, (0.0, 1.0)),
        (-math.exp(-5), (-0.5, -1.0)),
        (math.exp(3), (0.3, 1.0)),
        (math.exp(-12), (-1.0, math.exp(-2))),
        (0.0, (-1.0, 0.0)),
    ],
)
def test_magnitude_and_sign_of_a_number_are_told_apart(value, expected):
    assert preprocess(torch.tensor(value, dtype=torch.float64)).tolist() == pytest.approx(expected)


def test_a_step_is_forget_gate_times_value_minus_input_gate_times_gradient():
    torch.manual_seed(0)
    rule = UpdateRule(hidden=5).double()
    theta, gradient, loss = torch.tensor([0.5, -2.0]).double(), torch.tensor([0.1, -3.0]).double(), torch.tensor(0.7)
    _, _, _, f1, i1 = first = rule(theta, gradient, loss.double(), *rule.blank(theta))
    moved, h, _, f2, i2 = rule(first[0], gradient, loss.double(), *first[1:])
    torch.testing.assert_close(first[0], f1[:, 0] * theta - i1[:, 0] * gradient)
    torch.testing.assert_close(moved, f2[:, 0] * first[0] - i2[:, 0] * gradient)
    # The gate is fed its own last value, after the sigmoid.
    fed = torch.cat([h, first[0][:, None], i1], dim=1)
    torch.testing.assert_close(i2, torch.sigmoid(fed @ rule.input_gate.weight.T + rule.input_gate.bias))


def test_at_first_nearly_all_is_kept_and_steps_are_short():
    for seed in range(20):
        torch.manual_seed(seed)
        rule = UpdateRule()
        assert 4 <= rule.forget_gate.bias.item() <= 6
        assert -5 <= rule.input_gate.bias.item() <= -4


def test_coordinates_share_weights_and_have_memories_of_their_own():
    torch.manual_seed(0)
    rule = UpdateRule(hidden=5).double()
    theta, gradient = torch.randn(4).double(), torch.randn(4).double()
    loss = torch.tensor(0.3).double()
    together = rule(theta, gradient, loss, *rule.blank(theta))
    for k in range(4):
        alone = rule(theta[k : k + 1], gradient[k : k + 1], loss, *rule.blank(theta[:1]))
        for whole, part in zip(together, alone, strict=True):
            torch.testing.assert_close(whole[k : k + 1], part)


def meta_gradient(learner, episode):
    learner.zero_grad()
    learner.meta_loss(episode)[0].backward()
    return {name: p.grad.clone() for name, p in learner.named_parameters()}


def test_chunks_change_neither_result_nor_meta_gradient():
    whole, parts = learner(), learner(chunk=1)
    episode = line(1)
    theirs = meta_gradient(parts, episode)
    for name, gradient in meta_gradient(whole, episode).items():
        torch.testing.assert_close(gradient, theirs[name])
    for name, value in whole.adapt([episode.support], steps=5).items():
        torch.testing.assert_close(parts.adapt([episode.support], steps=5)[name], value)


def test_the_meta_gradient_is_that_of_the_unrolled_rule_with_gradients_as_constants():
    subject, episode = learner(), line(1)
    seen = []
    slope = subject._slope
    subject._slope = lambda *a: seen.append(slope(*a)) or seen[-1]
    gradient = meta_gradient(subject, episode)
    recorded = list(seen)

    def unrolled():
        """The same by hand: recorded losses and gradients, whatever the meta-parameters."""
        theta = torch.cat([p.flatten() for p in subject.module.parameters()])
        memory = subject.rule.blank(theta)
        for loss, slopes in recorded:
            theta, *memory = subject.rule(theta, slopes, loss, *memory)
        parameters = {"weight": theta[:1].view(1, 1), "bias": theta[1:]}
        outputs = functional_call(subject.module, parameters, episode.query.inputs)
        return float(mean_squared_error(outputs, episode.query.targets))

    epsilon = 1e-6
    for name, parameter in subject.named_parameters():
        for index in range(0, parameter.numel(), 7):
            values = []
            for sign in (1, -1):
                with torch.no_grad():
                    parameter.view(-1)[index] += sign * epsilon
                    values.append(unrolled())
                    parameter.view(-1)[index] -= sign * epsilon
            expected = (values[0] - values[1]) / (2 * epsilon)
            assert float(gradient[name].view(-1)[index]) == pytest.approx(expected, rel=1e-4, abs=1e-8)


def test_the_module_itself_stays_as_it_is():
    subject = learner()
    before = [p.clone() for p in subject.module.parameters()]
    subject.adapt([line(1).support], steps=6)
    assert all(torch.equal(p, q) for p, q in zip(subject.module.parameters(), before, strict=True))


def test_meta_training_teaches_it_to_fit_lines_it_never_saw():
    subject = learner(steps=5)
    tests = [line(10_000 + i) for i in range(20)]

    def error():
        return sum(float(subject.meta_loss(episode)[0].detach()) for episode in tests) / len(tests)

    before = error()
    optimizer = torch.optim.Adam(subject.parameters(), lr=2e-2)
    for step in range(75):
        optimizer.zero_grad()
        for task in range(4):
            (subject.meta_loss(line(4 * step + task))[0] / 4).backward()
        torch.nn.utils.clip_grad_norm_(subject.parameters(), 1.0)
        optimizer.step()
    assert error() < 0.5 * before
