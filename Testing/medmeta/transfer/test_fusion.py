import pytest
import torch

from medmeta.errors import Cancelled
from medmeta.transfer.fusion import joint_weights

SIZE = (8, 12, 24)


def noise(seed):
    return torch.randn(SIZE, generator=torch.Generator().manual_seed(seed))


def test_a_template_counts_less_where_its_grey_values_are_off():
    own = noise(0)
    one, other = own + 0.1 * noise(1), own + 0.1 * noise(2)
    other[:, :, 12:] = noise(3)[:, :, 12:]
    weights = joint_weights(own, torch.stack([one, other]))
    torch.testing.assert_close(weights.sum(0), torch.ones(SIZE))
    assert (weights[0, :, :, :6] - 0.5).abs().mean() < 0.2
    assert weights[0, :, :, 16:].mean() > 0.9


def test_one_that_is_laid_over_badly_has_hardly_a_say_among_three():
    own = noise(0)
    good = [own + 0.3 * noise(seed) for seed in (1, 2)]
    weights = joint_weights(own, torch.stack([good[0], noise(3), good[1]]))
    assert weights[1].abs().mean() < 0.1


def test_two_that_err_alike_count_as_hardly_more_than_one():
    own, error = noise(0), noise(1)
    twins, single = [own + error, own + error], own + noise(2)
    weights = joint_weights(own, torch.stack([*twins, single]))
    assert weights[2].mean() > 0.4
    torch.testing.assert_close(weights[0], weights[1])


def test_grey_values_may_differ_by_gain_and_offset():
    own = noise(0)
    weights = joint_weights(own, torch.stack([3 * own + 7, own]))
    torch.testing.assert_close(weights, torch.full_like(weights, 0.5), atol=1e-3, rtol=0)


def test_where_a_template_shows_nothing_others_count():
    own = noise(0)
    cut = own.clone()
    cut[:, :, 12:] = float("nan")
    weights = joint_weights(own, torch.stack([cut, own + 0.1 * noise(1)]))
    assert weights[1, :, :, 18:].min() > 0.9
    assert not weights.isnan().any()


def test_a_single_template_counts_alone():
    assert (joint_weights(noise(0), noise(1)[None]) == 1).all()


def test_weighing_can_be_cancelled():
    def cancel():
        raise Cancelled("cancelled")

    with pytest.raises(Cancelled):
        joint_weights(noise(0), torch.stack([noise(1), noise(2)]), cancel)
