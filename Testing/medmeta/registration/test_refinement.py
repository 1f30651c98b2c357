import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter, map_coordinates

from medmeta.errors import Cancelled
from medmeta.registration.affine import Affine
from medmeta.registration.raster import Lattice, Raster
from medmeta.registration.refinement import RefinementSettings, Refiner
from medmeta.registration.register import Registration

SIZE, SPACING = (32, 80, 72), (2.0, 1.0, 1.0)
INSIDE = (slice(12, 20), slice(30, 50), slice(30, 46))


@pytest.fixture(scope="module")
def pair():
    """A texture, and the same pushed along its columns, by how many mm."""
    rng = np.random.default_rng(0)
    texture = gaussian_filter(rng.normal(size=SIZE), (1, 2, 2))
    texture = (texture - texture.min()) / np.ptp(texture)
    points = np.stack(np.meshgrid(*(np.arange(n, dtype=float) for n in SIZE), indexing="ij"))
    pushed = 1.5 * np.sin(points[1] / 9)
    points[2] += pushed
    return map_coordinates(texture, points, order=1, mode="nearest"), Raster.of(texture, SPACING), pushed


def there(lattice=None):
    """Where the segment is, and on which grid."""
    found = torch.zeros(SIZE, dtype=torch.bool)
    found[INSIDE] = True
    return found, lattice or Lattice(SIZE, SPACING)


STILL = Registration(Affine(np.eye(3), np.zeros(3)))


def wrong(registration, pushed):
    """Mean error of displacements in the segment, mm."""
    found = registration.displacements.laid_on(Lattice(SIZE, SPACING)).voxels[0].numpy()
    return np.abs(found - pushed)[INSIDE].mean()


def test_what_is_off_round_the_segment_is_put_right(pair):
    fixed, moving, pushed = pair
    found = Refiner(fixed, SPACING, (0.0, 1.0))(STILL, moving, *there())
    assert wrong(found, pushed) < 0.3 * np.abs(pushed[INSIDE]).mean()
    assert found.affine is STILL.affine


def test_it_goes_on_from_where_registration_was(pair):
    fixed, moving, pushed = pair
    field = torch.zeros(3, *SIZE)
    field[0] = torch.from_numpy(pushed)
    right = Registration(STILL.affine, Raster.of(field, SPACING))
    none = RefinementSettings(steps=(0,))
    assert wrong(Refiner(fixed, SPACING, (0.0, 1.0), settings=none)(right, moving, *there()), pushed) < 1e-3
    assert wrong(Refiner(fixed, SPACING, (0.0, 1.0))(right, moving, *there()), pushed) < 0.1


def test_only_a_box_round_the_segment_is_looked_at_as_finely_as_both_volumes_allow(pair):
    fixed, moving, _ = pair
    refiner = Refiner(fixed, SPACING, (0.0, 1.0))
    lattice = refiner(STILL, moving, *there()).displacements.lattice
    assert lattice.spacing == pytest.approx(SPACING)
    assert all(whole > part > inside for whole, part, inside in zip(SIZE, lattice.size, (8, 20, 16), strict=True))
    coarse = moving.laid_on(Lattice((16, 40, 36), (4.0, 2.0, 2.0), (1.0, 0.5, 0.5)))
    assert refiner(STILL, coarse, *there()).displacements.lattice.spacing == pytest.approx((2, 2, 2), rel=0.1)
    few = Refiner(fixed, SPACING, (0.0, 1.0), settings=RefinementSettings(side=16))
    assert max(few(STILL, moving, *there()).displacements.lattice.size) == 16


def test_the_box_lies_where_the_coarse_grid_says(pair):
    fixed, moving, pushed = pair
    coarse = Lattice((16, 20, 18), (4.0, 4.0, 4.0), (1.0, 1.5, 1.5))
    near = there()[0][::2, ::4, ::4]
    found = Refiner(fixed, SPACING, (0.0, 1.0))(STILL, moving, near, coarse)
    assert wrong(found, pushed) < 0.3 * np.abs(pushed[INSIDE]).mean()


def test_a_segment_that_is_nowhere_leaves_all_as_it_is(pair):
    fixed, moving, _ = pair
    nowhere = torch.zeros(SIZE, dtype=torch.bool)
    assert Refiner(fixed, SPACING, (0.0, 1.0))(STILL, moving, nowhere, Lattice(SIZE, SPACING)) is STILL


def test_beyond_the_other_field_of_view_nothing_pulls(pair):
    fixed, moving, pushed = pair
    part = Raster(moving.voxels[:, :46], Lattice((32, 46, 72), SPACING))  # ends within the segment
    found = Refiner(fixed, SPACING, (0.0, 1.0))(STILL, part, *there())
    field = found.displacements.laid_on(Lattice(SIZE, SPACING)).voxels[0].numpy()
    known = (INSIDE[0], slice(30, 40), INSIDE[2])
    assert np.abs(field - pushed)[known].mean() < 0.4 * np.abs(pushed[known]).mean()


def test_where_the_other_volume_shows_nothing_registration_stays_as_it_was(pair):
    fixed, moving, _ = pair
    field = torch.zeros(3, *SIZE)
    field[0] = 1.0
    before = Registration(STILL.affine, Raster.of(field, SPACING))
    elsewhere = Raster.of(moving.voxels[:6, :9, :9], SPACING)
    found = Refiner(fixed, SPACING, (0.0, 1.0))(before, elsewhere, *there())
    assert torch.equal(found.displacements.voxels, field)


def test_it_can_be_cancelled(pair):
    fixed, moving, _ = pair

    def stop():
        raise Cancelled("cancelled")

    with pytest.raises(Cancelled):
        Refiner(fixed, SPACING, (0.0, 1.0))(STILL, moving, *there(), on_step=stop)
