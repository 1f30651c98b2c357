import numpy as np
import torch

from medmeta.priors import PartPrior, ShapePrior, shape_priors

POSITIONS = (2, 14)


def disc(radius, at=(0, 0), size=48):
    y, x = np.mgrid[:size, :size] - size / 2 + 0.5
    return (x - at[1]) ** 2 + (y - at[0]) ** 2 <= radius**2


def drawn(one, other, *, both=()):
    """(2, K, H, W): one on the first slice, the other on the second, and on further slices (one, other) each."""
    nothing = np.zeros_like(one)
    pairs = [(one, nothing), (nothing, other), *both]
    return np.stack([np.stack([pair[s] for pair in pairs]) for s in range(2)])


def grey(masks, *values, seed=0):
    """(K, H, W): noise, a grey value in each segment."""
    noise = 10 * np.random.default_rng(seed).standard_normal(masks.shape[1:])
    return noise + sum(value * mask for value, mask in zip(values, masks, strict=True))


def priors(masks, *values, positions=POSITIONS):
    return shape_priors(masks, grey(masks, *values), positions)


def test_between_two_parts_the_structure_neither_ends_nor_narrows():
    masks = drawn(disc(8), disc(8))
    one, other = priors(masks, 100, 100)
    for position in range(3, 14):
        found = (one.at(position) > 0) | (other.at(position) > 0)
        if position != 8:  # just half way both have the same
            assert int(found.sum()) == int(masks[0, 0].sum())
            assert bool((one.at(position) > 0).any()) == (position < 8)
    alone = ShapePrior.from_masks(masks[0], POSITIONS)
    assert int((alone.at(6) > 0).sum()) < 0.6 * int((one.at(6) > 0).sum())


def test_drawn_slices_stay_as_drawn():
    masks = drawn(disc(8), disc(9, (3, 0)))
    for prior, mask in zip(priors(masks, 100, 100), masks, strict=True):
        for position, shape in zip(POSITIONS, mask, strict=True):
            assert np.array_equal(prior.at(position).numpy() > 0, shape)


def test_an_oblique_structure_moves_on_beyond_its_ends_though_each_part_was_drawn_once():
    one, _ = priors(drawn(disc(8, (-3, 0)), disc(8, (3, 0))), 100, 100)
    rows = (one.at(0) > 0).nonzero()[:, 0].float()
    assert rows.mean() + 0.5 - 24 < -3.3


def shares(masks, *values, positions=POSITIONS):
    return [isinstance(prior, PartPrior) for prior in priors(masks, *values, positions=positions)]


def test_what_looks_otherwise_lies_elsewhere_or_has_another_size_is_no_part():
    near = drawn(disc(8), disc(8, (4, 0)))
    assert shares(near, 100, 100) == [True, True]
    assert shares(near, 100, 130) == [False, False]
    assert shares(drawn(disc(8, (-14, 0)), disc(8, (14, 0))), 100, 100) == [False, False]
    assert shares(drawn(disc(3), disc(8)), 100, 100) == [False, False]


def test_segments_that_are_drawn_apart_on_one_slice_are_no_parts_and_touching_ones_are():
    one, other = disc(8), disc(8, (4, 0))
    apart, side_by_side = (disc(4, (0, -9)), disc(4, (0, 9))), (one & ~other, other)
    assert shares(drawn(one, other, both=[apart]), 100, 100, positions=(2, 14, 20)) == [False, False]
    assert shares(drawn(one, other, both=[side_by_side]), 100, 100, positions=(2, 14, 20)) == [True, True]


def test_of_several_the_nearest_to_each_other_are_parts():
    one, near, far = disc(7), disc(7, (2, 0)), disc(7, (6, 4)) & ~disc(7, (2, 0))
    nothing = np.zeros_like(one)
    masks = np.stack([np.stack(pair) for pair in ((one, nothing), (nothing, near), (nothing, far))])
    assert shares(masks, 100, 100, 100) == [True, True, False]


def test_three_parts_in_a_row_are_one_structure():
    nothing = np.zeros((48, 48), bool)
    masks = np.stack([[disc(8) if i == s else nothing for i in range(3)] for s in range(3)])
    found = priors(masks, 100, 100, 100, positions=(2, 12, 22))
    assert all(isinstance(prior, PartPrior) and len(prior.others) == 2 for prior in found)
    assert int((found[1].at(15) > 0).sum()) == int(disc(8).sum())


def test_a_slice_that_is_left_out_counts_as_not_drawn():
    one, other = priors(drawn(disc(8), disc(8)), 100, 100)
    assert not bool((other.at(8, left_out=[14]) > 0).any())
    assert torch.equal(one.at(2, left_out=[14]), one.distances[0])


def test_a_single_slice_or_segment_has_plain_priors():
    masks = drawn(disc(8), disc(8, (4, 0)))
    assert shares(masks[:, :1], 100, 100, positions=(2,)) == [False, False]
    assert shares(masks[:1], 100) == [False]
