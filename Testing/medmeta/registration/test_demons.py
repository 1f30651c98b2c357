import numpy as np
import torch
from scipy.ndimage import gaussian_filter, map_coordinates

from medmeta.registration.demons import demons
from medmeta.registration.raster import Lattice, Raster

SIZE, SPACING = (24, 40, 36), (2.0, 1.0, 1.5)


def pair():
    """A texture, and the same pushed along its columns; how far, mm."""
    rng = np.random.default_rng(0)
    texture = gaussian_filter(rng.normal(size=SIZE), (2, 3, 3))
    texture = texture / texture.std()
    points = np.stack(np.meshgrid(*(np.arange(n, dtype=float) for n in SIZE), indexing="ij"))
    pushed = 2 * np.sin(points[1] / 8) * np.cos(points[0] / 7)
    points[2] += pushed
    fixed = map_coordinates(texture, points, order=1, mode="nearest")
    return Raster.of(fixed, SPACING), Raster.of(texture, SPACING), pushed * SPACING[2]


def inner(array):
    return np.asarray(array)[5:-5, 6:-6, 6:-6]


def test_displacements_are_found_in_millimetres_along_x():
    fixed, moved, pushed = pair()
    field = demons(fixed, moved, (40, 20), 1.0).voxels
    assert np.abs(inner(field[0]) - inner(pushed)).mean() < 0.4 * np.abs(inner(pushed)).mean()
    assert max(np.abs(inner(field[axis])).mean() for axis in (1, 2)) < 0.4 * np.abs(inner(pushed)).mean()


def test_a_step_moves_no_farther_than_half_a_sample():
    fixed, moved, _ = pair()
    field = demons(fixed, moved, (1,), 0.2).voxels  # hardly smoothed
    assert field.square().sum(0).sqrt().max() <= 0.5 * np.sqrt(np.mean(np.square(SPACING))) + 1e-4


def test_alike_images_are_left_where_they_are():
    fixed, _, _ = pair()
    assert demons(fixed, fixed, (10, 5), 1.0).voxels.abs().max() < 0.05  # mm: what rounding does


def test_without_steps_nothing_moves():
    fixed, moved, _ = pair()
    assert torch.equal(demons(fixed, moved, (0,), 1.0).voxels, torch.zeros(3, *SIZE))


def test_levels_and_steps_are_told():
    fixed, moved, _ = pair()
    levels, steps = [], []
    demons(fixed, moved, (3, 2, 1), 1.0, on_level=lambda: levels.append(1), on_step=lambda: steps.append(1))
    assert (len(levels), len(steps)) == (3, 6)


def test_what_lies_beyond_the_field_of_view_pulls_at_nothing():
    fixed, moved, pushed = pair()
    known = torch.ones(SIZE, dtype=torch.bool)
    known[:, :, -12:] = False
    cut = Raster(torch.where(known, moved.voxels, -5.0), moved.lattice)  # as dark as the air round a body
    field = demons(fixed, cut, (40, 20), 1.0, known).voxels
    near, wanted = field[0, 5:-5, 6:-6, -20:-14], torch.tensor(pushed[5:-5, 6:-6, -20:-14])
    assert (near - wanted).abs().mean() < 0.5 * wanted.abs().mean()
    dragged = demons(fixed, cut, (40, 20), 1.0).voxels[0, 5:-5, 6:-6, -20:-14]
    assert (dragged - wanted).abs().mean() > (near - wanted).abs().mean()


def test_it_goes_on_from_displacements_on_any_grid():
    fixed, moved, pushed = pair()
    coarse = demons(fixed, moved, (40, 20), 1.0).laid_on(Lattice((12, 20, 18), (4.0, 2.0, 3.0), (1.0, 0.5, 0.75)))
    went_on = demons(fixed, moved, (2,), 1.0, start=coarse).voxels[0]
    anew = demons(fixed, moved, (2,), 1.0).voxels[0]
    wrong = [np.abs(inner(field) - inner(pushed)).mean() for field in (went_on, anew)]
    assert wrong[0] < 0.6 * wrong[1]
