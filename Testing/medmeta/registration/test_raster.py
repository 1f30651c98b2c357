import numpy as np
import pytest
import torch

from medmeta.registration.raster import Lattice, Raster, along_axes, inside, smoothing


def cube():
    array = np.zeros((40, 60, 80), np.float32)
    array[16:24, 30:42, 50:70] = 1
    return Raster.of(array, (1.5, 1.0, 1.0), (3.0, -2.0, 5.0))


def centre(raster):
    """mm."""
    voxels, lattice = raster.voxels.numpy(), raster.lattice
    at = [
        (voxels.sum(tuple(a for a in range(3) if a != axis)) * np.arange(voxels.shape[axis])).sum() / voxels.sum()
        for axis in range(3)
    ]
    return np.array(at) * lattice.spacing + lattice.origin


def test_a_reduced_image_shows_the_same_place():
    small = cube().reduced(20)
    assert max(small.voxels.shape) == 20
    assert small.lattice.extent == pytest.approx(cube().lattice.extent)
    assert np.abs(centre(small) - centre(cube())).max() < 0.2
    assert small.voxels.sum() / small.voxels.numel() == pytest.approx(float(cube().voxels.mean()), rel=0.02)


def test_an_image_that_is_coarse_already_stays_as_it_is():
    raster = cube()
    assert raster.reduced(200).voxels is raster.voxels


def test_few_slices_are_not_made_fewer():
    thick = Raster.of(np.zeros((6, 90, 90)), (15.0, 1.0, 1.0))
    assert thick.reduced(30).lattice.size == (6, 30, 30)


def test_a_finer_grid_is_interpolated_linearly_and_goes_on_beyond_the_border():
    ramp = Raster.of(torch.arange(5.0).expand(2, 3, 5), (1.0, 1.0, 2.0))
    fine = ramp.laid_on(Lattice((1, 1, 6), (1.0, 1.0, 1.0), (0.5, 1.0, -1.0)))
    torch.testing.assert_close(fine.voxels[0, 0], torch.tensor([0, 0, 0.5, 1, 1.5, 2]))


def test_sampling_agrees_with_millimetres():
    ramp = Raster.of(torch.arange(10.0)[:, None, None].expand(10, 4, 4), (2.0, 1.0, 1.0), (7.0, 0.0, 0.0))
    grid = torch.zeros(3, 1, 1, 3)
    grid[2, 0, 0] = torch.tensor([0.0, 0.5, 1.5])
    values = ramp.sampled(grid)[0, 0, 0]
    torch.testing.assert_close(values, torch.tensor([4.5, 7.0, 9.0]))
    assert inside(grid).flatten().tolist() == [True, True, False]


def test_the_gradient_is_a_mm_in_the_order_x_y_z():
    z, y, x = torch.meshgrid(torch.arange(6.0), torch.arange(7.0), torch.arange(8.0), indexing="ij")
    raster = Raster.of(x + 4 * y + 9 * z, (3.0, 2.0, 0.5))
    assert raster.gradient()[:, 2, 3, 4].tolist() == pytest.approx([2, 2, 3])
    assert raster.gradient()[:, 0, 0, 0].tolist() == [0, 0, 0]


def test_smoothing_keeps_constants_and_spreads_a_point_as_a_gaussian_does():
    size = (9, 15, 41)
    torch.testing.assert_close(along_axes(torch.ones(size), smoothing(size, 2.0, "cpu")), torch.ones(size))
    point = torch.zeros(1, 1, 41)
    point[..., 20] = 1
    spread = along_axes(point, smoothing((1, 1, 41), 2.0, "cpu"))[0, 0]
    away = torch.arange(41) - 20
    assert float((spread * away**2).sum()) == pytest.approx(4, rel=0.02)


def test_no_weight_is_denormal():
    for matrix in smoothing((100, 200, 3), 0.8, "cpu"):
        assert matrix[matrix != 0].min() > 1e-6
