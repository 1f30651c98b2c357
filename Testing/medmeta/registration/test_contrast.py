import numpy as np
import torch

from medmeta.registration.contrast import DARK, evened
from medmeta.registration.raster import Raster

SPACING = (2.0, 1.0, 1.0)


def raster(seed=0):
    """Nothing in one half, in the other a body of which nearly all is of nearly one grey."""
    rng = np.random.default_rng(seed)
    voxels = np.zeros((12, 20, 20), np.float32)
    voxels[:, 10:] = (0.5 + 0.01 * rng.normal(size=(12, 10, 20))).clip(0, 1)
    voxels[0, 10:] = 1.0
    return Raster.of(voxels, SPACING)


def test_a_body_s_greys_are_spread_and_keep_their_order():
    _, found = evened(raster(1), raster())
    body = raster().voxels > DARK
    assert found.voxels[body].std() > 3 * raster().voxels[body][raster().voxels[body] < 1].std()
    assert 0 <= found.voxels.min() <= found.voxels.max() <= 1
    order = raster().voxels.flatten().argsort()
    assert (found.voxels.flatten()[order].diff() >= -1e-6).all()


def test_the_background_stays_dark_and_both_are_mapped_alike():
    image = raster()
    fixed, moving = evened(image, image)
    assert torch.equal(fixed.voxels, moving.voxels)
    assert fixed.lattice == image.lattice
    assert fixed.voxels[:, :10].max() == 0


def test_a_dark_volume_stays_as_it_is():
    dark = Raster.of(np.zeros((4, 5, 6), np.float32), SPACING)
    fixed, moving = evened(raster(), dark)
    assert torch.equal(fixed.voxels, raster().voxels)
    assert torch.equal(moving.voxels, dark.voxels)
