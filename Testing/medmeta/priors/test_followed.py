import math

import numpy as np
import pytest
import torch

from medmeta.priors import FollowedPrior, ShapePrior, signed_distance


def disc(radius, column=32):
    y, x = np.mgrid[:64, :64]
    return (x - column) ** 2 + (y - 32) ** 2 <= radius**2


def prior():
    return ShapePrior.from_masks(disc(10)[None], (20,))


def middle(distance):
    return float((distance > 0).nonzero()[:, 1].float().mean())


def test_with_nothing_found_it_is_the_prior_itself():
    for position in (15, 20, 30):
        assert torch.equal(FollowedPrior.of(prior()).at(position), prior().at(position))


def test_the_shape_goes_on_where_it_was_found_last_on_that_side():
    followed = FollowedPrior.of(prior()).finding(24, torch.from_numpy(signed_distance(disc(9, 40))))
    assert abs(middle(followed.at(26)) - 40) < 0.5
    assert abs(middle(followed.at(22)) - 32) < 0.5
    assert torch.equal(followed.at(14), prior().at(14))


def test_it_closes_as_it_would_have_from_the_drawn_slice():
    followed = FollowedPrior.of(prior()).finding(30, prior().at(30))
    assert torch.allclose(followed.at(40), prior().at(40), atol=1e-4) or int((followed.at(40) > 0).sum()) == int(
        (prior().at(40) > 0).sum()
    )
    assert not (followed.at(60) > 0).any()


def test_the_length_to_expect_can_be_said_and_may_be_endless():
    short, usual, endless = (FollowedPrior.of(prior(), *sizes) for sizes in ((0.5,), (), (math.inf,)))
    assert short.length == pytest.approx(usual.length / 3)
    assert not (short.at(32) > 0).any()
    assert (usual.at(32) > 0).any()
    assert torch.equal(endless.at(60), prior().at(20))


def test_what_is_found_leaves_the_one_before_as_it_was():
    before = FollowedPrior.of(prior())
    before.finding(24, torch.zeros(64, 64))
    assert not before.found


def test_several_annotated_slices_are_not_followed():
    with pytest.raises(ValueError, match="2 slices"):
        FollowedPrior.of(ShapePrior.from_masks(np.stack([disc(5)] * 2), (3, 9)))
