import numpy as np
import torch

from medmeta.priors import ShapePrior, signed_distance


def disc(radius, size=64, at=(0, 0)):
    y, x = np.mgrid[:size, :size] - size / 2 + 0.5
    return (x - at[1]) ** 2 + (y - at[0]) ** 2 <= radius**2


def radius_of(distance):
    return float(np.sqrt((distance > 0).sum() / np.pi))


def test_signed_distance_is_positive_inside_and_half_a_pixel_beside_the_border():
    mask = np.zeros((9, 9), bool)
    mask[3:6, 3:6] = True
    distance = signed_distance(mask)
    assert ((distance > 0) == mask).all()
    assert distance[3, 4] == 0.5
    assert distance[2, 4] == -0.5
    assert distance[4, 4] == 1.5


def test_half_way_between_two_discs_lies_a_disc_of_the_mean_radius():
    prior = ShapePrior.from_masks(np.stack([disc(8), disc(20)]), (2, 12))
    assert abs(radius_of(prior.at(7).numpy()) - 14) < 0.3


def test_a_structure_that_moves_by_more_than_its_width_lies_half_way_in_between():
    prior = ShapePrior.from_masks(np.stack([disc(4, at=(-12, 0)), disc(6, at=(12, 8))]), (0, 10))
    inside = prior.at(5) > 0
    rows, columns = inside.nonzero(as_tuple=True)
    assert abs(radius_of(prior.at(5).numpy()) - 5) < 0.6
    assert abs(float(rows.float().mean()) - 31.5) < 0.6
    assert abs(float(columns.float().mean()) - 35.5) < 0.6


def test_what_two_slices_share_is_kept_where_parts_of_a_structure_move_apart():
    one = disc(5, at=(0, -12)) | disc(5, at=(0, 12))
    prior = ShapePrior.from_masks(np.stack([one, disc(5, at=(0, -12))]), (0, 10))
    assert ((prior.at(5) > 0).numpy() & disc(5, at=(0, -12))).sum() == disc(5, at=(0, -12)).sum()


def test_beyond_its_ends_a_structure_moves_on_half_as_fast():
    prior = ShapePrior.from_masks(np.stack([disc(8, at=(-12, 0)), disc(8)]), (0, 12))
    rows = (prior.at(15) > 0).nonzero()[:, 0].float()
    assert abs(float(rows.mean()) - (31.5 + 1.5)) < 0.6


def test_an_annotated_slice_gives_its_own_shape_back():
    prior = ShapePrior.from_masks(np.stack([disc(8), disc(20)]), (2, 12))
    assert ((prior.at(12).numpy() > 0) == disc(20)).all()


def test_a_slice_left_out_is_interpolated_from_the_others_alone():
    prior = ShapePrior.from_masks(np.stack([disc(10), disc(25), disc(10)]), (0, 5, 10))
    without_it = ShapePrior.from_masks(np.stack([disc(10)] * 2), (0, 10))
    assert torch.equal(prior.at(5, left_out=(5,)), without_it.at(5))
    assert abs(radius_of(prior.at(5, left_out=(5,)).numpy()) - 10) < 0.3


def test_a_slice_left_out_says_nothing_to_slices_that_were_drawn_empty():
    masks = [disc(5), disc(15), np.zeros_like(disc(5))]
    prior = ShapePrior.from_masks(np.stack(masks), (0, 3, 10))
    without_it = ShapePrior.from_masks(np.stack([masks[0], masks[2]]), (0, 10))
    for position in (3, 10):
        assert torch.equal(prior.at(position, left_out=(3,)), without_it.at(position))
    assert torch.equal(prior.drawn(2, left_out=(3,)), without_it.drawn(1))
    assert prior.drawn(2).max() < without_it.drawn(1).max() < 0


def test_beyond_the_last_of_several_annotated_slices_the_shape_closes_over_half_a_gap():
    prior = ShapePrior.from_masks(np.stack([disc(10), disc(10)]), (0, 20))
    radii = [radius_of(prior.at(position).numpy()) for position in (21, 24, 27, 29)]
    assert radii[0] > 9
    assert radii == sorted(radii, reverse=True)
    assert abs(radii[2] - 10 * np.sqrt(1 - 0.7**2)) < 0.7
    assert not (prior.at(31) > 0).any()


def test_two_slices_drawn_close_together_do_not_end_the_structure_at_once():
    prior = ShapePrior.from_masks(np.stack([disc(10)] * 2), (5, 6))
    assert radius_of(prior.at(8).numpy()) > 7
    assert not (prior.at(11) > 0).any()


def test_where_most_slices_are_drawn_the_structure_ends_with_the_last_of_them():
    prior = ShapePrior.from_masks(np.stack([disc(10)] * 8), (4, 5, 6, 8, 9, 10, 12, 13))
    assert (prior.at(11) > 0).any()
    assert not (prior.at(14) > 0).any()
    assert not (prior.at(3) > 0).any()


def test_a_slice_added_in_the_last_gap_brings_the_end_no_nearer_than_the_usual_gap_says():
    prior = ShapePrior.from_masks(np.stack([disc(10)] * 5), (0, 20, 40, 59, 60))
    assert (prior.at(66) > 0).any()


def test_a_single_annotated_slice_is_taken_for_the_middle_of_something_about_as_long_as_wide():
    near, thick = (ShapePrior.from_masks(disc(10)[None], (30,), pitch) for pitch in (1.0, 3.0))
    assert radius_of(near.at(40).numpy()) > 8
    assert not (near.at(57) > 0).any()
    assert not (thick.at(40) > 0).any()
    assert torch.equal(near.at(20), near.at(40))


def test_a_slice_declared_empty_ends_the_structure_half_way():
    prior = ShapePrior.from_masks(np.stack([disc(10), np.zeros((64, 64), bool)]), (0, 8))
    assert (prior.at(3) > 0).any()
    assert not (prior.at(5) > 0).any()


def test_nothing_is_interpolated_when_every_annotated_slice_is_left_out():
    assert ShapePrior.from_masks(disc(5)[None], (3,)).at(3, left_out=(3,)) is None
