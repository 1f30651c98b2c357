import math

import torch

from medmeta.problems import RandomSinusoid, Sinusoid, sinusoid_network
from medmeta.synthesis.random import Draw


def test_a_wave_has_its_amplitude_and_phase():
    x = torch.tensor([[0.5], [0.5 + math.pi / 2]])
    torch.testing.assert_close(Sinusoid(3.0, 0.5)(x).targets, torch.tensor([[0.0], [3.0]]))


def test_support_and_query_lie_on_one_wave_within_the_published_ranges():
    for seed in range(50):
        episode = RandomSinusoid(shots=5, queries=2000)(Draw.seeded(seed))
        assert episode.support.targets.shape == (5, 1)
        x, y = episode.query.inputs[0], episode.query.targets
        assert x.abs().max() <= 5
        amplitude = float(y.abs().max())
        assert 0.09 < amplitude <= 5
        # a sin(x - p) = (a cos p) sin x - (a sin p) cos x: two numbers that the query gives and the support must have.
        basis = torch.cat([x.sin(), -x.cos()], dim=1)
        cosine, sine = torch.linalg.lstsq(basis, y).solution[:, 0].tolist()
        assert 0 <= math.atan2(sine, cosine) <= math.pi
        (places,) = episode.support.inputs
        torch.testing.assert_close(
            episode.support.targets, cosine * places.sin() - sine * places.cos(), atol=1e-3, rtol=0
        )


def test_the_network_is_the_published_one():
    assert [tuple(p.shape) for p in sinusoid_network().parameters()] == [(40, 1), (40,), (40, 40), (40,), (1, 40), (1,)]
