import pytest
import torch

from medmeta.adaptation.tiles import RandomTile
from medmeta.synthesis.random import Draw

SHAPE = (48, 56)


@pytest.fixture
def slices():
    return torch.randn(5, *SHAPE, generator=torch.Generator().manual_seed(0))


def plain(size=(16, 24)):
    return RandomTile(size, 0, 0, 0, 0, 0, 0, 0)


def test_a_tile_that_nothing_changes_is_a_crop(slices):
    tile = plain()(SHAPE, (20, 30), Draw.seeded(1))
    assert (tile.top, tile.left) == (12, 18)
    torch.testing.assert_close(tile.image(slices), slices[:, 12:28, 18:42], atol=1e-4, rtol=1e-4)
    masks = slices > 0
    assert torch.equal(tile.masks(masks), masks[:, 12:28, 18:42].float())


@pytest.mark.parametrize(("centre", "corner"), [((0, 0), (0, 0)), ((47, 55), (32, 32)), ((-9, 70), (0, 32))])
def test_a_tile_stays_inside_the_slice(centre, corner):
    tile = plain()(SHAPE, centre, Draw.seeded(1))
    assert (tile.top, tile.left) == corner


def test_image_and_masks_are_changed_alike():
    masks = torch.zeros(1, *SHAPE, dtype=torch.bool)
    masks[0, 14:30, 20:36] = True
    tile = RandomTile((32, 32), contrast=0, noise=0)(SHAPE, (22, 28), Draw.seeded(4))
    found, image = tile.masks(masks), tile.image(masks.float())
    assert torch.equal(found, (image > 0.5).float())
    assert not torch.equal(found, masks[:, tile.top : tile.top + 32, tile.left : tile.left + 32].float())


def test_position_channels_tell_where_the_tile_lies():
    y, x = torch.linspace(-1, 1, SHAPE[0]), torch.linspace(-1, 1, SHAPE[1])
    channels = plain()(SHAPE, (20, 30), Draw.seeded(1)).coordinates((0.25, y, x))
    assert channels.shape == (3, 16, 24)
    assert (channels[0] == 0.25).all()
    torch.testing.assert_close(channels[1, :, 5], y[12:28])
    torch.testing.assert_close(channels[2, 3], x[18:42])


def test_the_same_seed_draws_the_same_tile_and_another_seed_another(slices):
    one, two, three = (RandomTile((32, 32))(SHAPE, (22, 28), Draw.seeded(s)).image(slices) for s in (7, 7, 8))
    assert torch.equal(one, two)
    assert not torch.equal(one, three)
