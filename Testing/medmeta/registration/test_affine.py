import numpy as np
import pytest
import torch

from medmeta.registration.affine import ANY, SHIFTS, Affine, Fit, starts
from medmeta.registration.raster import Raster

SPACING = (2.0, 1.0, 1.5)


def blob(centre, origin=(0.0, 0.0, 0.0)):
    """A bright ball, `centre` mm from the first sample."""
    places = np.meshgrid(*(np.arange(n) * mm for n, mm in zip((20, 40, 30), SPACING, strict=True)), indexing="ij")
    square = sum((p - c) ** 2 for p, c in zip(places, centre, strict=True))
    return Raster.of(np.exp(-square / 80), SPACING, origin)


def test_normalised_and_millimetres_agree():
    fixed, moving = blob((20, 20, 20)).lattice, blob((20, 20, 20), (5.0, -3.0, 2.0)).lattice
    affine = Affine(np.array([[1.1, 0.1, 0], [0, 0.9, 0.2], [-0.1, 0, 1]]), np.array([4.0, 3.0, -2.0]))
    grid = affine.grid(fixed, moving, torch.device("cpu"))
    index = (7, 11, 23)
    point = affine(np.array(index) * SPACING)
    expected = (point - moving.centre) / moving.extent * 2
    np.testing.assert_allclose(grid[:, *index].numpy()[::-1], expected, atol=1e-5)


def test_volumes_begin_middle_on_middle_and_gravity_on_gravity():
    fixed, moving = blob((20, 20, 20)), blob((14, 26, 17), (100.0, 0.0, 0.0))
    middle, gravity = starts(fixed, moving)
    np.testing.assert_allclose(middle.offset, [100, 0, 0])
    np.testing.assert_allclose(gravity.offset, [94, 6, -3], atol=0.3)


def test_what_is_dark_begins_in_its_middle():
    dark = Raster.of(np.zeros((4, 5, 6)), SPACING)
    np.testing.assert_array_equal(starts(dark, dark)[1].offset, 0)


def test_a_shift_is_found_and_raises_the_correlation():
    fit = Fit(blob((20, 20, 20)), blob((17, 24, 22)))
    still = Affine(np.eye(3), np.zeros(3))
    affine, value = fit.best(still, 20, SHIFTS)
    np.testing.assert_allclose(affine.offset, [-3, 4, 2], atol=0.1)
    assert value > 0.999
    assert fit.best(still, 0, ANY)[1] < value


def test_derivatives_say_how_the_correlation_changes():
    """Against a difference quotient, in every direction."""
    from medmeta.registration.affine import _expansion

    fit = Fit(blob((20, 20, 20)), blob((18, 21.5, 21)))
    affine = Affine(np.eye(3) + 0.02 * np.arange(9).reshape(3, 3) / 9, np.array([0.5, -0.4, 0.3]))
    count = fit.fixed.size[0] * fit.fixed.size[1] * fit.fixed.size[2]
    _, _, slope = _expansion(fit.sums(affine), count)
    for direction in range(12):
        step = np.zeros(12)
        step[direction] = 0.01
        ahead, behind = (_expansion(fit.sums(fit.moved(affine, s)), count)[0] for s in (step, -step))
        assert (ahead - behind) / 0.02 == pytest.approx(slope[direction], abs=0.05 * np.abs(slope).max())


def test_points_that_count_more_decide_where_two_parts_moved_apart():
    two = Raster.of((blob((20, 8, 20)).voxels + 1.5 * blob((20, 32, 20)).voxels).numpy(), SPACING)
    apart = Raster.of((blob((20, 10, 20)).voxels + 1.5 * blob((20, 30, 20)).voxels).numpy(), SPACING)
    weights = Raster.of(np.ones((20, 40, 30), np.float32), SPACING)
    weights.voxels[:, 20:] = 0.02
    still = Affine(np.eye(3), np.zeros(3))
    alike, first = (Fit(two, apart, w).best(still, 20, SHIFTS)[0].offset[1] for w in (None, weights))
    assert abs(first - 2) < 0.7
    assert alike < 0


def test_a_weight_in_common_that_is_small_tells_nothing():
    weights = Raster.of(np.full((20, 40, 30), 1e-3, np.float32), SPACING)
    weights.voxels[:, :4] = 1.0
    away = Affine(np.eye(3), np.array([0.0, 20.0, 0.0]))  # what counts is not seen there
    assert Fit(blob((20, 20, 20)), blob((20, 20, 20)), weights).best(away, 0, ANY)[1] < 0


def test_stretching_costs_and_turning_does_not():
    turn = np.array([[1, 0, 0], [0, 0.8, -0.6], [0, 0.6, 0.8]])
    costs = [Affine(matrix, np.zeros(3)).cost for matrix in (np.eye(3), turn, np.diag([1, 1, 1.5]))]
    assert costs == pytest.approx([0, 0, 0.025], abs=1e-9)


@pytest.mark.parametrize(
    ("matrix", "expected"),
    [
        (np.eye(3), True),
        (np.diag([1, 1, -1]), False),
        (np.diag([1, 1, 1.9]), True),
        (np.diag([1, 1, 2.1]), False),
        (np.diag([1, 1, 0.45]), False),
        ([[1, 0, 0], [0, 0, -1], [0, 1, 0]], False),  # turned by 90 degrees
        ([[1, 0, 0], [0, 0.8, -0.6], [0, 0.6, 0.8]], True),  # by 37
        (np.full((3, 3), np.nan), False),
    ],
)
def test_what_is_plausible(matrix, expected):
    assert Affine(np.asarray(matrix, float), np.zeros(3)).plausible(2.0, 50.0) is expected


def test_images_far_apart_have_no_correlation():
    fit = Fit(blob((20, 20, 20)), blob((20, 20, 20)))
    assert fit.best(Affine(np.eye(3), np.array([500.0, 0, 0])), 10, ANY)[1] == -1
