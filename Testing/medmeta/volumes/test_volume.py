import numpy as np
import pytest

from medmeta.errors import VolumeError
from medmeta.volumes import Geometry, Volume, check_supported, finite

AXES = (1, 0, 0, 0, 1, 0, 0, 0, 1)


def volume(size=(40, 40, 12), spacing=(1, 1, 3), array=None):
    array = np.arange(np.prod(size)).reshape(size) if array is None else array
    return Volume(array, Geometry(size, spacing, (0, 0, 0), AXES), "scan.nii.gz")


def test_an_array_must_fit_its_geometry():
    with pytest.raises(VolumeError, match="do not fit"):
        Volume(np.zeros((2, 3, 4)), Geometry((2, 3, 5), (1, 1, 1), (0, 0, 0), AXES))


def test_geometries_match_within_a_tolerance():
    one = Geometry((2, 3, 4), (1, 1, 1), (0, 0, 0), AXES)
    assert one.matches(Geometry((2, 3, 4), (1, 1, 1.0005), (0, 0, 0), AXES))
    assert not one.matches(Geometry((2, 3, 4), (1, 1, 1.01), (0, 0, 0), AXES))
    assert not one.matches(Geometry((2, 3, 5), (1, 1, 1), (0, 0, 0), AXES))


def test_not_a_number_and_infinity_become_the_smallest_finite_value():
    array = np.array([[[np.nan, 3.0], [-2.0, np.inf]]])
    np.testing.assert_array_equal(finite(array), [[[-2.0, 3.0], [-2.0, -2.0]]])


def test_numbers_beyond_single_precision_count_as_infinite():
    np.testing.assert_array_equal(finite(np.array([[[1e300, 3.0], [-2.0, -1e39]]])), [[[-2.0, 3.0], [-2.0, -2.0]]])


def test_integers_are_passed_through_untouched():
    array = np.arange(8).reshape(2, 2, 2)
    assert finite(array) is array


def test_a_volume_of_nothing_but_nan_is_refused():
    with pytest.raises(VolumeError, match="no finite number"):
        check_supported(volume(array=np.full((40, 40, 12), np.nan)), 2)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (dict(size=(40, 40, 3)), "3 slices"),
        (dict(size=(4, 40, 12)), "4 x 40 pixels"),
        (dict(spacing=(1, 1, 12)), r"12\.0 mm apart"),
        (dict(array=np.full((40, 40, 12), 7)), "the value 7 everywhere"),
    ],
)
def test_volumes_that_cannot_be_worked_on_are_refused_by_name(bad, message):
    with pytest.raises(VolumeError, match=rf"scan\.nii\.gz.*{message}"):
        check_supported(volume(**bad), 2)


def test_an_ordinary_volume_is_accepted():
    check_supported(volume(), 2)
