import numpy as np
import pytest
import torch

from medmeta.adaptation.length import ASKED, FEWEST, FILLED, LONGEST, SHORTEST, expected_sizes
from medmeta.priors import USUAL_SIZES, ShapePrior

DRAWN, RADIUS = 40, 8


def disc(radius=RADIUS):
    y, x = np.mgrid[:48, :48]
    return (x - 24) ** 2 + (y - 24) ** 2 <= radius**2


def prior():
    return ShapePrior.from_masks(disc()[None], (DRAWN,))


def network(told, untold):
    """A network that finds discs of these radii where it is told of a shape and where it is not."""

    def answer(positions, shape):
        radius = untold if shape is None else told
        return (
            torch.from_numpy(disc(radius) if radius else np.zeros((48, 48), bool))[None].expand(len(positions), -1, -1)
            * 2.0
            - 1
        )

    return answer


def test_what_is_found_with_and_without_a_shape_goes_on_longer_than_what_is_found_once():
    both, once, other = (expected_sizes(prior(), 80, network(*radii)) for radii in ((7, 7), (7, 4), (4, 7)))
    assert both > 1.3 * once
    assert once == pytest.approx(other)


def test_lengths_lie_between_the_shortest_and_the_longest():
    assert expected_sizes(prior(), 80, network(7, 0)) == SHORTEST
    assert expected_sizes(prior(), 80, network(12, 12)) == LONGEST


def test_the_network_is_told_of_the_drawn_shape_as_it_is_and_of_none():
    told = []

    def answer(positions, shape):
        told.append(shape)
        if shape is not None:
            assert all(torch.equal(shape.at(position) > 0, torch.from_numpy(disc())) for position in positions)
        return torch.zeros(len(positions), 48, 48)

    expected_sizes(prior(), 80, answer)
    assert len(told) == 2
    assert told[1] is None


def test_beside_the_volumes_end_only_the_other_side_is_asked_and_without_sides_it_is_as_usual():
    asked = []

    def answer(positions, _shape):
        asked.extend(positions)
        return torch.full((len(positions), 48, 48), -1.0)

    away = round(ASKED * disc().sum() ** 0.5)
    expected_sizes(prior(), DRAWN + away, answer)
    assert set(asked) == {DRAWN - away}
    asked.clear()
    alone = ShapePrior.from_masks(disc()[None], (0,))
    assert expected_sizes(alone, away, answer) == pytest.approx(min(USUAL_SIZES, FILLED * ASKED / 2), rel=0.05)
    assert not asked


def test_a_structure_hardly_fills_the_volume_from_end_to_end():
    size, sees_all = disc().sum() ** 0.5, network(12, 12)
    assert expected_sizes(prior(), 48, sees_all) == pytest.approx(FILLED * 24 / size)
    flat = ShapePrior.from_masks(disc()[None], (1,))
    assert expected_sizes(flat, 3, sees_all) == pytest.approx(FEWEST / size)
