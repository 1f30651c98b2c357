import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from medmeta.errors import VolumeError
from medmeta.volumes import intact, read_volume

pydicom = pytest.importorskip("pydicom", reason="needs the optional dependency 'dicom'")


@pytest.fixture
def array():
    return np.random.default_rng(0).integers(-500, 500, (8, 10, 6)).astype(np.int16)


def test_an_oblique_series_with_shuffled_file_names_lies_where_its_slices_do(tmp_path, write_series, oblique, array):
    write_series(tmp_path / "series", array)
    read = read_volume(tmp_path / "series")
    np.testing.assert_array_equal(read.array, array)
    assert read.geometry.spacing == pytest.approx((0.7, 0.9, 2.5), abs=1e-6)
    assert read.geometry.origin == pytest.approx((12.5, -80.0, 31.0), abs=1e-6)
    np.testing.assert_allclose(np.reshape(read.geometry.direction, (3, 3)), oblique, atol=1e-6)


def test_slices_are_sorted_by_their_places_whatever_their_numbers_say(tmp_path, write_series, array):
    def reverse(k, dataset):
        dataset.InstanceNumber = 100 - k

    write_series(tmp_path / "series", array, change=reverse)
    np.testing.assert_array_equal(read_volume(tmp_path / "series").array, array)


def test_slices_against_their_normal_are_read_along_it(tmp_path, write_series, oblique, array):
    left_handed = oblique * (1, 1, -1)
    write_series(tmp_path / "series", array, axes=left_handed)
    read = read_volume(tmp_path / "series")
    np.testing.assert_array_equal(read.array, array[:, :, ::-1])
    first = np.array((12.5, -80.0, 31.0)) + 5 * 2.5 * left_handed[:, 2]
    assert read.geometry.origin == pytest.approx(first, abs=1e-6)
    np.testing.assert_allclose(np.reshape(read.geometry.direction, (3, 3)), oblique, atol=1e-6)


def test_a_series_with_a_slope_for_each_slice_keeps_its_fractions(tmp_path, write_series, array):
    def scale(k, dataset):
        dataset.RescaleSlope, dataset.RescaleIntercept = (1, 0) if k == 0 else (0.25, 10)

    write_series(tmp_path / "series", array, change=scale)
    expected = array * 0.25 + 10
    expected[:, :, 0] = array[:, :, 0]
    np.testing.assert_array_equal(read_volume(tmp_path / "series").array, expected)


@pytest.mark.parametrize("lost", [1, 3])
def test_a_missing_slice_is_refused_and_its_neighbours_named(tmp_path, write_series, array, lost):
    write_series(tmp_path / "series", array)
    for file in (tmp_path / "series").iterdir():
        if pydicom.dcmread(file).InstanceNumber == lost + 1:
            file.unlink()
    with pytest.raises(VolumeError, match=rf"slices {lost - 1} and {lost} \(IM.*5\.00 mm.*a slice is missing"):
        read_volume(tmp_path / "series")


def test_a_missing_slice_among_very_thin_ones_is_refused(tmp_path, write_series, array):
    write_series(tmp_path / "series", array[:, :, :5], spacing=(0.01, 0.01, 0.02))
    for file in (tmp_path / "series").iterdir():
        if pydicom.dcmread(file).InstanceNumber == 3:
            file.unlink()
    with pytest.raises(VolumeError, match="a slice is missing"):
        read_volume(tmp_path / "series")


def doubled(folder, write_series, array, slices, same_instance):
    """Writes a series, and again those of its slices that are named."""
    write_series(folder, array)
    for number, file in enumerate(sorted(folder.iterdir())):
        dataset = pydicom.dcmread(file)
        if dataset.InstanceNumber - 1 in slices:
            if not same_instance:
                dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid()
            dataset.save_as(folder / f"again{number}.dcm")


@pytest.mark.parametrize("slices", [(2,), (0, 1, 2, 3, 4, 5), (5,)])
@pytest.mark.parametrize(("same_instance", "advice"), [(True, "copies away"), (False, "time points")])
def test_doubled_slices_are_refused_with_the_reason(tmp_path, write_series, array, slices, same_instance, advice):
    doubled(tmp_path / "series", write_series, array, slices, same_instance)
    with pytest.raises(VolumeError, match=rf"doubled \(.*\.dcm and .*\.dcm lie at the same place\): .*{advice}"):
        read_volume(tmp_path / "series")


def other_size(dataset):
    dataset.Rows = dataset.Rows - 1
    dataset.PixelData = dataset.PixelData[: dataset.Rows * dataset.Columns * 2]


def other_spacing(dataset):
    dataset.PixelSpacing = [0.8, 0.8]


def other_orientation(dataset):
    dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]


def no_position(dataset):
    del dataset.ImagePositionPatient


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (other_size, "8 x 9"),
        (other_spacing, r"0\.8 x 0\.8 mm"),
        (other_orientation, "another orientation"),
        (no_position, "only one of them says where it lies"),
    ],
)
def test_slices_that_differ_are_refused_with_the_difference(tmp_path, write_series, array, fault, message):
    def change(k, dataset):
        if k == 4:
            fault(dataset)

    write_series(tmp_path / "series", array, change=change)
    with pytest.raises(VolumeError, match=message):
        read_volume(tmp_path / "series")


def test_a_tilted_gantry_is_refused(tmp_path, write_series, array):
    def tilt(k, dataset):
        dataset.ImagePositionPatient[1] += 0.8 * k

    write_series(tmp_path / "series", array, axes=np.eye(3), change=tilt)
    with pytest.raises(VolumeError, match=r"right angles \(tilted gantry, 4\.0 mm"):
        read_volume(tmp_path / "series")


@pytest.mark.parametrize("cut", [1, 159, 180, 700, 10_000])
@pytest.mark.parametrize("slice_number", [0, 3, 5])
def test_a_slice_that_was_cut_off_is_refused_and_named(tmp_path, write_series, array, cut, slice_number):
    write_series(tmp_path / "series", array)
    file = next(f for f in (tmp_path / "series").iterdir() if pydicom.dcmread(f).InstanceNumber == slice_number + 1)
    file.write_bytes(file.read_bytes()[:-cut])  # GDCM makes up the rest, or leaves the slice out
    with pytest.raises(VolumeError, match=f"{file.name} is damaged or cut off"):
        read_volume(tmp_path / "series")


def test_missing_bytes_of_pixels_are_counted(tmp_path, write_series, array):
    write_series(tmp_path / "series", array[:, :, :1])
    (file,) = (tmp_path / "series").iterdir()
    intact.check_dicom(file, 80, 16)
    file.write_bytes(file.read_bytes()[:-3])
    with pytest.raises(EOFError, match=r"\.dcm has 157 bytes of 160"):
        intact.check_dicom(file, 80, 16)


def test_files_without_preambles_are_read_and_an_empty_one_refused(tmp_path, write_series, array):
    def plain(file):
        dataset = pydicom.dcmread(file)
        del dataset.file_meta
        pydicom.dcmwrite(file, pydicom.Dataset(dataset), implicit_vr=True, little_endian=True)

    write_series(tmp_path / "series", array)
    for file in (tmp_path / "series").iterdir():
        plain(file)
    np.testing.assert_array_equal(read_volume(tmp_path / "series").array, array)
    (tmp_path / "series" / "empty.dcm").touch()
    with pytest.raises(VolumeError, match=r"empty\.dcm is damaged"):
        read_volume(tmp_path / "series")


def test_other_files_beside_the_series_do_not_matter(tmp_path, write_series, array):
    write_series(tmp_path / "series", array)
    (tmp_path / "series" / "notes.txt").write_text("seen by nobody", encoding="utf-8")
    (tmp_path / "series" / "more").mkdir()
    np.testing.assert_array_equal(read_volume(tmp_path / "series").array, array)


@pytest.mark.parametrize("side", [20_000, 65_535])
def test_slices_that_claim_more_than_their_files_hold_are_refused_before_memory_is_taken(
    tmp_path, write_series, array, frugal, side
):
    def claim(k, dataset):
        dataset.Rows = dataset.Columns = side

    write_series(tmp_path / "series", array[:, :, :1], change=claim)
    with frugal(), pytest.raises(VolumeError, match=r"lacks the .* bytes of its pixels"):
        read_volume(tmp_path / "series")


def test_an_icon_beside_the_pixels_is_not_taken_for_them(tmp_path, write_series, array):
    def add_icon(k, dataset):
        icon = pydicom.Dataset()
        icon.Rows = icon.Columns = 4
        icon.BitsAllocated, icon.PixelData = 8, bytes(16)
        dataset.IconImageSequence = [icon]

    write_series(tmp_path / "series", array, change=add_icon)
    np.testing.assert_array_equal(read_volume(tmp_path / "series").array, array)


def test_a_compressed_series_is_read(tmp_path, write_series, array):
    def compress(k, dataset):
        dataset.compress(pydicom.uid.RLELossless)

    write_series(tmp_path / "series", np.zeros_like(array) + 7, change=compress)
    assert (read_volume(tmp_path / "series").array == 7).all()


def test_a_position_that_is_no_place_is_refused(tmp_path, write_series, array):
    def spoil(k, dataset):
        if k == 2:
            dataset.ImagePositionPatient = ["1", "2"]

    write_series(tmp_path / "series", array, change=spoil)
    with pytest.raises(VolumeError, match=r"has 1\\2 where 3 numbers belong"):
        read_volume(tmp_path / "series")


def test_a_folder_with_two_series_is_refused_and_names_them(tmp_path, write_series, array):
    write_series(tmp_path / "both", array)
    write_series(tmp_path / "both", array)
    series = {pydicom.dcmread(file).SeriesInstanceUID for file in (tmp_path / "both").iterdir()}
    with pytest.raises(VolumeError, match="2 DICOM series") as caught:
        read_volume(tmp_path / "both")
    assert all(uid in str(caught.value) for uid in series)


def test_a_folder_without_dicom_is_refused(tmp_path):
    with pytest.raises(VolumeError, match="no DICOM"):
        read_volume(tmp_path)


def test_frames_that_do_not_say_where_they_lie_are_read_in_their_order(tmp_path):
    frames = np.random.default_rng(0).integers(0, 200, (6, 8, 8)).astype(np.uint16)
    sitk.WriteImage(sitk.GetImageFromArray(frames), str(tmp_path / "frames.dcm"))
    np.testing.assert_array_equal(read_volume(tmp_path).array, frames.transpose(2, 1, 0))


@pytest.mark.parametrize("count", [2001, 2_000_000_000])
def test_more_frames_than_work_are_refused_before_memory_is_taken(tmp_path, write_series, frugal, count):
    from pydicom.encaps import encapsulate
    from pydicom.uid import JPEGBaseline8Bit

    def claim(_, dataset):
        dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 8, 8, 7, 0
        dataset.NumberOfFrames, dataset.PixelData = count, encapsulate([b"\xff\xd8\xff\xd9"])
        dataset["PixelData"].VR = "OB"

    write_series(tmp_path / "one", np.zeros((1, 1, 1), np.int16), change=claim)
    with frugal(), pytest.raises(VolumeError, match=f"one claims {count} frames; up to 2000 work"):
        read_volume(tmp_path / "one")


@pytest.mark.parametrize("method", ["iterdir", "open"])
def test_a_folder_or_file_without_permission_is_told_by_name(tmp_path, write_series, array, monkeypatch, method):
    write_series(tmp_path / "series", array)

    def refuse(path, *_, **__):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, method, refuse)
    with pytest.raises(VolumeError, match=r"series cannot be read \(.*Permission denied\): check the path"):
        read_volume(tmp_path / "series")


def test_an_enhanced_file_is_read_with_its_frames_sorted(tmp_path, write_enhanced, oblique, array):
    write_enhanced(tmp_path / "one", array, (3, 0, 5, 1, 4, 2))
    read = read_volume(tmp_path / "one")
    np.testing.assert_array_equal(read.array, 2 * array.astype(int) - 7)
    assert read.geometry.spacing == pytest.approx((0.7, 0.9, 2.5), abs=1e-6)
    assert read.geometry.origin == pytest.approx((12.5, -80.0, 31.0), abs=1e-6)
    np.testing.assert_allclose(np.reshape(read.geometry.direction, (3, 3)), oblique, atol=1e-6)


@pytest.mark.parametrize(
    ("order", "message"),
    [((0, 1, 2, 3, 0, 1, 2, 3), "frame 1 and frame 5 lie at the same place"), ((0, 1, 3, 4), "a slice is missing")],
)
def test_an_enhanced_file_that_is_no_single_stack_is_refused(tmp_path, write_enhanced, array, order, message):
    write_enhanced(tmp_path / "one", array, order)
    with pytest.raises(VolumeError, match=message):
        read_volume(tmp_path / "one")


def test_an_enhanced_file_with_grey_values_scaled_frame_by_frame_is_refused(tmp_path, write_enhanced, array):
    def scale(dataset):
        dataset.PerFrameFunctionalGroupsSequence[2].PixelValueTransformationSequence[0].RescaleSlope = 3

    write_enhanced(tmp_path / "one", array, range(6), scale)
    with pytest.raises(VolumeError, match="differ in scale"):
        read_volume(tmp_path / "one")


def test_an_enhanced_file_without_places_of_all_frames_is_refused(tmp_path, write_enhanced, array):
    def forget(dataset):
        del dataset.PerFrameFunctionalGroupsSequence[2].PlanePositionSequence

    write_enhanced(tmp_path / "one", array, range(6), forget)
    with pytest.raises(VolumeError, match="does not say where its frames lie"):
        read_volume(tmp_path / "one")


def test_an_enhanced_file_is_refused_without_pydicom_and_the_message_says_how_to_install(
    tmp_path, write_enhanced, array, monkeypatch
):
    write_enhanced(tmp_path / "one", array, range(6))
    monkeypatch.setitem(sys.modules, "pydicom", None)
    with pytest.raises(VolumeError, match=r"pip install highdicom pydicom"):
        read_volume(tmp_path / "one")
