import numpy as np
import pytest
import torch
from scipy.ndimage import affine_transform, gaussian_filter, map_coordinates

from medmeta.errors import Cancelled
from medmeta.registration import register as module
from medmeta.registration.affine import Affine
from medmeta.registration.raster import Raster
from medmeta.registration.register import (
    Registration,
    RegistrationSettings,
    correlation,
    register,
    stages,
)

SIZE = (30, 44, 40)
SPACING = (2.0, 1.0, 1.0)


def body(seed=0):
    """(Z, H, W) smooth blobs within a body, grey values from 0 to 1."""
    rng = np.random.default_rng(seed)
    z, y, x = np.meshgrid(*(np.linspace(-1, 1, n) for n in SIZE), indexing="ij")
    inside = (z / 0.8) ** 2 + (y / 0.85) ** 2 + (x / 0.7) ** 2 < 1
    texture = gaussian_filter(rng.normal(size=SIZE), (2, 3, 3))
    return (inside * (0.6 + 0.2 * texture / texture.std())).clip(0, 1).astype(np.float32)


def bent(array, amount=2.5):
    """The same, its rows pushed about smoothly, and where each voxel then comes from."""
    points = np.stack(np.meshgrid(*(np.arange(n, dtype=float) for n in array.shape), indexing="ij"))
    points[1] += amount * np.sin(points[2] / 7) * np.cos(points[0] / 6)
    return map_coordinates(array, points, order=1).astype(np.float32)


def grey(array):
    return Raster.of(array, SPACING)


def places(raster):
    """(3, Z, H, W) of a raster's samples, mm along slices, rows and columns."""
    axes = zip(raster.lattice.origin, raster.lattice.spacing, raster.lattice.size, strict=True)
    return torch.stack(torch.meshgrid(*(o + mm * torch.arange(n).float() for o, mm, n in axes), indexing="ij"))


@pytest.mark.parametrize(
    ("matrix", "offset"),
    [
        (np.diag([1.0, 0.9, 1.1]), (1, 4, -4)),
        ([[1, 0, 0.05], [0, 0.94, -0.34], [0, 0.34, 0.94]], (0, 8, -6)),
        ([[1.2, 0.1, 0], [0, 0.85, 0.1], [0, 0, 0.9]], (-3, 2, 2)),
    ],
)
def test_an_affine_transform_is_found_again(matrix, offset):
    moving = grey(body())
    fixed = grey(affine_transform(body(), matrix, offset=offset, order=1))
    found = register(fixed, moving)
    back = found.warped(Raster(places(moving), moving.lattice), fixed.lattice)
    for point in [(15, 20, 20), (12, 26, 16)]:
        expected = (np.asarray(matrix) @ point + offset) * SPACING
        assert np.abs(back[:, *point].numpy() - expected).max() < 1  # mm


def test_a_mirrored_image_is_not_mirrored_back():
    body_, mirrored = grey(body()), grey(np.ascontiguousarray(body()[:, :, ::-1]))
    found = register(mirrored, body_)
    assert found is None or np.linalg.det(found.affine.matrix) > 0


def test_demons_follow_what_an_affine_transform_cannot():
    moving = body()
    fixed = grey(bent(moving))
    straight = register(fixed, grey(moving), RegistrationSettings(demons_steps=(0,)))
    found = register(fixed, grey(moving))
    assert 1 - found.correlation < (1 - straight.correlation) / 3


def test_grey_values_may_differ_by_gain_and_offset():
    moving = body()
    found = register(grey(bent(moving) * 0.4 + 0.3), grey(moving))
    assert found.correlation > 0.95


def test_the_same_volumes_give_the_same_registration():
    one, two = (register(grey(bent(body())), grey(body())) for _ in range(2))
    reference = grey(body())
    assert torch.equal(one.warped(reference, reference.lattice), two.warped(reference, reference.lattice))


def test_a_volume_of_another_size_altogether_is_not_registered():
    far = Raster.of(body()[:, ::3, ::3], (50.0, 40.0, 40.0))
    found = register(grey(body()), far)
    assert found is None or found.correlation < 0.5


@pytest.mark.parametrize("flat", [(True, False), (False, True), (True, True)])
def test_a_flat_image_is_not_registered(flat):
    assert register(*(grey(np.ones(SIZE) if one else body()) for one in flat)) is None


@pytest.mark.parametrize("count", [1, 3, 6])
def test_few_slices_are_registered_within_their_planes(count):
    moving = body()[12 : 12 + count]
    fixed = affine_transform(moving, np.eye(3), offset=[0, 3, -2], order=1)
    found = register(grey(fixed), grey(moving))
    assert found.correlation > 0.95


def test_several_channels_are_warped_as_one_is():
    fixed, moving = grey(bent(body())), grey(body())
    found = register(fixed, moving, RegistrationSettings(demons_steps=(5,)))
    other = Raster.of(np.stack([body(), 1 - body()]), SPACING)
    one, two = found.warped(other, fixed.lattice, -7.0)
    torch.testing.assert_close(one, found.warped(moving, fixed.lattice, -7.0))
    assert torch.equal(one == -7, two == -7)


def test_a_large_grid_is_warped_piece_by_piece_to_the_same(monkeypatch):
    fixed, moving = grey(bent(body())), grey(body())
    found = register(fixed, moving, RegistrationSettings(demons_steps=(5,)))
    whole = found.warped(moving, fixed.lattice)
    monkeypatch.setattr(module, "CHUNK", 50_000)
    torch.testing.assert_close(found.warped(moving, fixed.lattice), whole, atol=1e-5, rtol=0)


def test_registration_can_be_cancelled_at_every_stage():
    count = stages(RegistrationSettings())
    for number in range(1, count + 1):
        calls = []

        def cancel(calls=calls, number=number):
            calls.append(1)
            if len(calls) == number:
                raise Cancelled("cancelled")

        with pytest.raises(Cancelled):
            register(grey(bent(body())), grey(body()), on_stage=cancel)
        assert len(calls) == number


def test_there_is_often_a_chance_to_cancel():
    steps = []
    register(grey(bent(body())), grey(body()), on_step=lambda: steps.append(1))
    assert len(steps) >= sum(RegistrationSettings().demons_steps)


def test_correlation_counts_the_chosen_points_alone():
    one, other = body(0), body(0).copy()
    other[:, :, 20:] = body(1)[:, :, 20:]
    left = torch.zeros(SIZE, dtype=torch.bool)
    left[:, :, :19] = True
    same = Registration(Affine(np.eye(3), np.zeros(3)))
    assert correlation(grey(one), grey(other), same, left) == pytest.approx(1, abs=1e-5)
    assert correlation(grey(one), grey(other), same, ~left) < 0.95
    assert correlation(grey(one), grey(other), same, torch.zeros_like(left)) == 0


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_on_a_gpu_the_registration_is_the_same():
    fixed, moving = grey(bent(body())), grey(body())
    there = [Raster(raster.voxels.cuda(), raster.lattice) for raster in (fixed, moving)]
    one, two = register(fixed, moving), register(*there)
    assert two.correlation == pytest.approx(one.correlation, abs=1e-3)
    warped = two.warped(there[1], fixed.lattice)
    assert warped.is_cuda
    assert (warped.cpu() - one.warped(moving, fixed.lattice)).abs().mean() < 1e-3


def test_a_template_that_shows_less_follows_as_well_within_what_it_shows():
    fixed, whole = grey(bent(body()) + 0.5), grey(body() + 0.5)  # without a dark rim, unlike what lies beyond
    part = Raster.of(whole.voxels[:, :, :26], SPACING)
    wide, narrow = register(fixed, whole), register(fixed, part)
    shown = torch.zeros(SIZE, dtype=torch.bool)
    shown[:, :, :24] = True
    missed = [1 - correlation(fixed, image, found, shown) for image, found in ((whole, wide), (part, narrow))]
    assert missed[1] < 2 * missed[0] + 0.01
