import math

import numpy as np
import torch

from medmeta.adaptation.follow import FARTHEST, follow
from medmeta.priors import ShapePrior

DRAWN = 20


def disc(column, radius=8):
    y, x = np.mgrid[:48, :96]
    return (x - column) ** 2 + (y - 24) ** 2 <= radius**2


def seen(position):
    """Where the image shows the structure: it moves by a pixel a slice."""
    return torch.from_numpy(np.where(disc(30 + position - DRAWN), 4.0, -4.0)).float()


def only_near(position, prior):
    """A network that sees the structure only close to where the prior says that it is, and anywhere without one."""
    if prior is None:
        return seen(position)
    expected = prior.at(position)
    near = expected > -5 if expected is not None else torch.zeros(48, 96, dtype=torch.bool)
    return torch.where(near, seen(position), torch.tensor(-4.0))


def test_a_structure_that_leaves_its_place_is_followed():
    prior = ShapePrior.from_masks(disc(30)[None], (DRAWN,))

    def answer(positions, so_far):
        return torch.stack([only_near(position, so_far) for position in positions])

    followed = follow(prior, 48, answer)
    far = 32
    overlap = [int(((answer([far], p)[0] > 0) & (seen(far) > 0)).sum()) for p in (prior, followed)]
    assert overlap[0] < 0.6 * int((seen(far) > 0).sum()) < overlap[1]


def test_following_ends_where_nothing_is_found_at_the_borders_and_at_its_farthest():
    prior = ShapePrior.from_masks(disc(30)[None], (DRAWN,))
    asked = []

    def gone_after(last):
        def answer(positions, so_far):
            if so_far is not None and math.isfinite(so_far.sizes):
                asked.extend(positions)
            return torch.stack([seen(DRAWN) if p <= last else torch.full((48, 96), -4.0) for p in positions])

        return answer

    followed = follow(prior, 300, gone_after(26))
    assert set(asked) == {29, 26, 23, 17, 14, 11, 8, 5, 2}
    asked.clear()
    followed = follow(prior, 300, gone_after(300))
    assert max(asked) <= DRAWN + FARTHEST * followed.length


def test_what_is_found_in_its_place_but_larger_is_not_believed_again():
    prior = ShapePrior.from_masks(disc(30)[None], (DRAWN,))

    def exaggerates(positions, so_far):
        so_far = so_far or prior
        return torch.stack([so_far.at(position) + 2 for position in positions])

    followed = follow(prior, 48, exaggerates)
    assert not followed.found
    assert not (followed.at(DRAWN + round(1.2 * followed.length)) > 0).any()


def test_a_structure_that_is_smaller_than_expected_in_its_place_is_followed_to_its_end():
    prior = ShapePrior.from_masks(disc(30)[None], (DRAWN,))

    def tapers(positions, _so_far):
        return torch.stack([torch.from_numpy(disc(30, max(0, 8 - abs(p - DRAWN)))).float() - 0.5 for p in positions])

    followed = follow(prior, 48, tapers)
    assert set(followed.found) == {17, 14, 23, 26}
    assert int((followed.at(28) > 0).sum()) < 0.2 * int((prior.at(28) > 0).sum())


def test_a_slice_declared_empty_is_not_followed():
    prior = ShapePrior.from_masks(np.zeros((1, 48, 96), bool), (DRAWN,))
    assert not follow(prior, 40, lambda *_: 1 / 0).found
