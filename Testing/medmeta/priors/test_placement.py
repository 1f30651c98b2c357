import torch

from medmeta.priors.placement import Placement


def box(rows, columns, size=40):
    """Signed distance of a rectangle along its nearer side, roughly."""
    distance = torch.full((size, size), -1.0)
    distance[slice(*rows), slice(*columns)] = 1.0
    return distance


def test_nothing_inside_has_no_placement():
    assert Placement.of(torch.full((8, 8), -3.0)) is None


def test_a_shape_that_is_moved_to_its_own_place_stays_as_it_is():
    shape = box((4, 12), (20, 30))
    place = Placement.of(shape)
    assert torch.allclose(place.moved(shape, place), shape, atol=1e-4)


def test_a_shape_moves_and_grows_to_the_place_of_another():
    small, large = box((4, 12), (20, 30)), box((18, 34), (5, 25))
    moved = Placement.of(small).moved(small, Placement.of(large))
    assert float(((moved > 0) != (large > 0)).float().mean()) < 0.03
    assert float(moved.max()) > 1.5  # distances grow with the shape


def test_a_stretch_has_bounds_so_that_a_speck_does_not_become_an_organ():
    speck, organ = box((10, 12), (10, 12)), box((5, 35), (5, 35))
    moved = Placement.of(speck).moved(speck, Placement.of(organ))
    assert int((moved > 0).sum()) < 40


def test_half_way_lies_between_both_and_a_negative_share_before_the_first():
    one, other = Placement.of(box((0, 10), (0, 10))), Placement.of(box((20, 30), (0, 10)))
    assert torch.allclose(one.towards(other, 0.5).centre, torch.tensor([14.5, 4.5]))
    assert float(one.towards(other, -0.25).centre[0]) < float(one.centre[0])
