import numpy as np
import pytest
import torch

from medmeta.adaptation.look import look, near
from medmeta.adaptation.render import OUTSIDE
from medmeta.errors import Cancelled
from medmeta.priors import ShapePrior

SHAPE = (20, 16, 16)


class Network:
    """Sees a structure on some slices; remembers where it looked."""

    def __init__(self, there):
        self.there, self.asked, self.encoded = there, [], []

    def encode(self, positions):
        self.encoded += positions
        return {"network": (torch.tensor(positions),)}

    def answer(self, segment, positions, features):
        assert features["network"][0].tolist() == list(positions)
        self.asked += [(segment, position) for position in positions]
        found = torch.full((len(positions), *SHAPE[1:]), -8.0)
        for row, position in enumerate(positions):
            if position in self.there:
                found[row, 4:8, 4:8] = 5.0 + segment
        return found

    def look(self, likely, batch, tick=lambda _: None):
        return look(self.encode, self.answer, likely, SHAPE, batch, tick)


def disc(radius):
    rows, columns = np.mgrid[:48, :48]
    return (rows - 24) ** 2 + (columns - 24) ** 2 < radius**2


def test_a_prior_is_near_between_and_round_its_slices_and_not_far_beyond():
    masks = np.stack([disc(12), disc(12)])
    found = near(ShapePrior.from_masks(masks, (20, 24)), 60)
    assert all(found[18:27])
    assert not any(found[:6])
    assert not any(found[40:])


def test_a_structure_that_nothing_is_drawn_of_is_looked_for_everywhere():
    assert all(near(ShapePrior.from_masks(np.zeros((2, 8, 8), bool), (2, 4)), 9))


def test_only_likely_slices_are_looked_at_where_nothing_goes_beyond_them():
    network = Network(range(8, 10))
    likely = [[6 <= position < 12 for position in range(20)]]
    logits = network.look(likely, 4)
    assert sorted(network.asked) == [(0, position) for position in range(6, 12)]
    assert (logits[0, :6] == OUTSIDE).all()
    assert (logits[0, 12:] == OUTSIDE).all()
    assert (logits[0, 8:10, 4:8, 4:8] == 5).all()


@pytest.mark.parametrize("batch", [1, 4])
def test_a_structure_that_goes_on_is_followed_until_it_ends(batch):
    network = Network(range(2, 19))
    likely = [[6 <= position < 12 for position in range(20)]]
    logits = network.look(likely, batch)
    assert (logits[0].amax((1, 2)) > 0).nonzero()[:, 0].tolist() == list(range(2, 19))
    assert sorted(network.asked) == [(0, position) for position in range(1, 20)]  # each once


def test_segments_share_what_is_computed_of_the_image_and_each_is_looked_for_in_its_place():
    network = Network(())
    likely = [[position < 10 for position in range(20)], [position in (1, 4, 5, 15) for position in range(20)]]
    logits = network.look(likely, 6)
    assert network.encoded == [*range(10), 15]
    assert (logits[1] == -8).all((1, 2)).nonzero()[:, 0].tolist() == [1, 4, 5, 15]
    assert (logits[0] == -8).all((1, 2)).nonzero()[:, 0].tolist() == list(range(10))


def test_slices_are_counted_once_and_cancelling_acts_where_a_structure_is_followed():
    ticks = []
    Network(range(20)).look([[position < 10 for position in range(20)]] * 2, 8, ticks.append)
    assert sum(ticks) == 20

    def cancel(count):
        ticks.append(count)
        if sum(ticks) == 40:
            raise Cancelled("cancelled")

    network = Network(range(20))
    with pytest.raises(Cancelled):
        network.look([[position < 10 for position in range(20)]], 8, cancel)
    assert (0, 12) not in network.asked
