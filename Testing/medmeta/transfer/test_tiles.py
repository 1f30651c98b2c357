import pytest
import torch
import torch.nn.functional as F

from medmeta.synthesis.random import Draw
from medmeta.transfer.tiles import RandomTile, Tiles

SHAPE = (48, 56)


@pytest.fixture
def slices():
    return torch.randn(5, *SHAPE, generator=torch.Generator().manual_seed(0))


def plain(size=(16, 24)):
    return RandomTile(size, 0, 0, 0, 0, 0, 0, 0)


def laid(random_tile, *centres, seed=1, shapes=None):
    shapes, draw = shapes or [SHAPE] * len(centres), Draw.seeded(seed)
    tiles = [random_tile(shape, centre, draw) for shape, centre in zip(shapes, centres, strict=True)]
    return tiles, Tiles(tiles, random_tile.size, shapes)


def images(tiles, slices, seed=0):
    """Of all of the slices, for every tile."""
    starts = torch.arange(len(slices)) * slices[0].numel()
    return tiles.images(slices.flatten(), starts.expand(len(tiles._drift), -1), torch.Generator().manual_seed(seed))


def test_tiles_that_nothing_changes_are_crops(slices):
    drawn, tiles = laid(plain(), (20, 30), (0, 0))
    assert [tile.corner for tile in drawn] == [(12, 18), (0, 0)]
    found = images(tiles, slices)
    torch.testing.assert_close(found[0], slices[:, 12:28, 18:42], atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(found[1], slices[:, :16, :24], atol=1e-4, rtol=1e-4)
    labels = (slices > 0).to(torch.int16) + (slices > 1)
    masks = tiles.masks(labels.flatten(), torch.tensor([0, 3]) * slices[0].numel(), 2)
    for value in (1, 2):
        assert torch.equal(masks[0, value - 1], (labels[0, 12:28, 18:42] == value).float())
        assert torch.equal(masks[1, value - 1], (labels[3, :16, :24] == value).float())


def test_tiles_of_slices_of_several_sizes_are_cut_together(slices):
    small = torch.randn(1, 20, 30, generator=torch.Generator().manual_seed(1))
    _, tiles = laid(plain(), (20, 30), (10, 15), shapes=[SHAPE, (20, 30)])
    pixels = torch.cat([slices.flatten(), small.flatten()])
    found = tiles.images(pixels, torch.tensor([[0], [slices.numel()]]), torch.Generator())
    torch.testing.assert_close(found[0, 0], slices[0, 12:28, 18:42], atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(found[1, 0], small[0, 2:18, 3:27], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(("centre", "corner"), [((0, 0), (0, 0)), ((47, 55), (32, 32)), ((-9, 70), (0, 32))])
def test_a_tile_stays_inside_the_slice(centre, corner):
    assert plain()(SHAPE, centre, Draw.seeded(1)).corner == corner


def test_a_tile_looks_where_its_matrix_says_and_the_edge_goes_on_beyond_the_slice(slices):
    (tile,), tiles = laid(RandomTile(SHAPE, bend=0, contrast=0, noise=0), (24, 28), seed=3)
    points = F.affine_grid(tile.matrix[None], [1, 1, *SHAPE], align_corners=False)
    assert points.abs().amax() > 1.05
    expected = F.grid_sample(slices[None], points, padding_mode="border", align_corners=False)
    torch.testing.assert_close(images(tiles, slices), expected, atol=1e-4, rtol=1e-4)


def test_image_and_masks_are_changed_alike():
    mask = torch.zeros(1, *SHAPE)
    mask[0, 14:30, 20:36] = 1
    (tile,), tiles = laid(RandomTile((32, 32), contrast=0, noise=0), (22, 28), seed=4)
    found = tiles.masks(mask.to(torch.int16).flatten(), torch.zeros(1, dtype=torch.long), 1)
    assert torch.equal(found, (images(tiles, mask) > 0.5).float())
    top, left = tile.corner
    assert not torch.equal(found[0], mask[:, top : top + 32, left : left + 32])


def test_position_channels_tell_where_the_tile_lies():
    y, x = (2 * (torch.arange(n) + 0.5) / n - 1 for n in SHAPE)
    _, tiles = laid(plain(), (20, 30))
    (channels,) = tiles.coordinates(torch.tensor([0.25]))
    assert channels.shape == (3, 16, 24)
    assert (channels[0] == 0.25).all()
    torch.testing.assert_close(channels[1, :, 5], y[12:28])
    torch.testing.assert_close(channels[2, 3], x[18:42])


def test_the_same_seed_draws_the_same_tile_and_another_seed_another(slices):
    one, two, three = (images(laid(RandomTile((32, 32)), (22, 28), seed=s)[1], slices) for s in (7, 7, 8))
    assert torch.equal(one, two)
    assert not torch.equal(one, three)
    assert not torch.equal(one, images(laid(RandomTile((32, 32)), (22, 28), seed=7)[1], slices, seed=1))  # the noise
