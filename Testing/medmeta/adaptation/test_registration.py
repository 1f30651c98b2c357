import numpy as np
import pytest
from scipy.ndimage import affine_transform, gaussian_filter, map_coordinates

from medmeta.adaptation.registration import (
    RegistrationSettings,
    correlation,
    image_of,
    register,
    shrunk,
    stages,
)
from medmeta.errors import Cancelled

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
    return image_of(array, SPACING)


def test_a_shifted_and_stretched_volume_is_found_again():
    moving = body()
    matrix = np.diag([1.0, 0.9, 1.1])
    fixed = affine_transform(moving, matrix, offset=[1, 4, -4], order=1)
    found = register(grey(fixed), grey(moving))
    for point in [(15, 20, 20), (12, 26, 16)]:
        millimetres = [float(n * mm) for n, mm in zip(point, SPACING, strict=True)]
        back = found.transform.TransformPoint(millimetres[::-1])[::-1]
        expected = (matrix @ point + [1, 4, -4]) * SPACING
        assert np.abs(np.array(back) - expected).max() < 1.5  # mm


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
    np.testing.assert_array_equal(one.warped(reference, reference), two.warped(reference, reference))


def test_a_volume_of_another_size_altogether_is_not_registered():
    far = image_of(body()[:, ::3, ::3], (50.0, 40.0, 40.0))
    found = register(grey(body()), far)
    assert found is None or found.correlation < 0.5


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


def test_a_shrunk_image_shows_the_same_place():
    array = np.zeros((40, 60, 80), np.float32)
    array[16:24, 30:42, 50:70] = 1
    small = shrunk(image_of(array, (1.5, 1.0, 1.0), (3.0, -2.0, 5.0)), 20)
    assert max(small.GetSize()) == 20

    def centre(image, voxels):
        at = [float((voxels.sum(tuple(a for a in range(3) if a != axis)) * np.arange(voxels.shape[axis])).sum()
                    / voxels.sum()) for axis in range(3)]  # fmt: skip
        return np.array(image.TransformContinuousIndexToPhysicalPoint(at[::-1]))

    import SimpleITK

    whole = image_of(array, (1.5, 1.0, 1.0), (3.0, -2.0, 5.0))
    assert np.abs(centre(small, SimpleITK.GetArrayFromImage(small)) - centre(whole, array)).max() < 0.7


def test_an_image_that_is_coarse_already_stays_as_it_is():
    image = grey(body())
    small = shrunk(image, 96)
    assert small.GetSize() == image.GetSize()
    assert small.GetSpacing() == image.GetSpacing()


def test_correlation_counts_the_chosen_points_alone():
    import SimpleITK

    one, other = body(0), body(0).copy()
    other[:, :, 20:] = body(1)[:, :, 20:]
    left = np.zeros(SIZE, bool)
    left[:, :, :19] = True
    same = SimpleITK.Transform()
    assert correlation(grey(one), grey(other), same, left) == pytest.approx(1, abs=1e-5)
    assert correlation(grey(one), grey(other), same, ~left) < 0.95
    assert correlation(grey(one), grey(other), same, np.zeros(SIZE, bool)) == 0
