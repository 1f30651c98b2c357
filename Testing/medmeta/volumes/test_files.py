import numpy as np
import pytest
import SimpleITK as sitk

from medmeta.annotations import Segment, read_segments
from medmeta.errors import VolumeError
from medmeta.volumes import Geometry, Volume, read_label_map, read_volume, write_label_map, write_volume


def oblique_geometry(size):
    from math import cos, sin

    a, b = 0.4, 0.25
    turn = np.array([[cos(a), -sin(a), 0], [sin(a), cos(a), 0], [0, 0, 1]])
    tilt = np.array([[1, 0, 0], [0, cos(b), -sin(b)], [0, sin(b), cos(b)]])
    return Geometry(size, (0.7, 0.9, 3.5), (12.5, -80.0, 31.0), tuple((turn @ tilt).ravel()))


def volume(dtype=np.int16, size=(9, 8, 7)):
    array = np.random.default_rng(0).integers(0, 100, size).astype(dtype)
    return Volume(array, oblique_geometry(size))


@pytest.mark.parametrize("ending", [".nii", ".nii.gz", ".nrrd", ".mha", ".mhd"])
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32, np.float32, np.float64])
def test_voxels_and_oblique_geometry_survive_every_format_and_type(tmp_path, ending, dtype):
    original = volume(dtype)
    write_volume(original, tmp_path / f"volume{ending}")
    again = read_volume(tmp_path / f"volume{ending}")
    np.testing.assert_array_equal(again.array, original.array)
    assert again.array.dtype == dtype
    assert again.geometry.matches(original.geometry, tolerance=1e-4)


def straight():
    array = volume().array
    return Volume(array, Geometry(array.shape, (0.5, 0.5, 3.25), (12.5, -80.0, 31.0), (-1, 0, 0, 0, -1, 0, 0, 0, 1)))


@pytest.mark.parametrize(
    ("ending", "make"),
    [(".nrrd", volume), (".mha", volume), (".nii.gz", straight)],
    ids=lambda x: getattr(x, "__name__", x),
)
def test_what_is_written_after_reading_has_the_inputs_geometry_to_the_last_digit(tmp_path, ending, make):
    write_volume(make(), tmp_path / f"in{ending}")
    read = read_volume(tmp_path / f"in{ending}")
    write_volume(read, tmp_path / f"out{ending}")
    assert read_volume(tmp_path / f"out{ending}").geometry.matches(read.geometry, tolerance=1e-12)


def test_the_array_is_in_the_files_index_order(tmp_path):
    image = sitk.Image(5, 6, 7, sitk.sitkInt16)
    image[1, 2, 3] = 42
    sitk.WriteImage(image, str(tmp_path / "one.nrrd"))
    assert read_volume(tmp_path / "one.nrrd").array[1, 2, 3] == 42


def test_an_oblique_nifti_keeps_its_geometry_to_the_precision_of_its_own_numbers(tmp_path):
    write_volume(volume(), tmp_path / "in.nii.gz")
    read = read_volume(tmp_path / "in.nii.gz")
    write_volume(read, tmp_path / "out.nii.gz")
    assert read_volume(tmp_path / "out.nii.gz").geometry.matches(read.geometry, tolerance=1e-6)


def write_series(folder, places, series="1.2.3"):
    folder.mkdir(exist_ok=True)
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    for number, place in enumerate(places):
        image = sitk.GetImageFromArray(np.full((1, 8, 8), 10 * number, np.int16))
        image.SetSpacing((0.8, 0.8, 2.5))
        tags = {
            "0008|0060": "MR",
            "0020|000e": series,
            "0020|0013": str(number),
            "0008|0018": f"{series}.{number}",
            "0020|0032": f"0\\0\\{place}",
            "0020|0037": "1\\0\\0\\0\\1\\0",
            "0018|0050": "2.5",
        }
        for key, value in tags.items():
            image.SetMetaData(key, value)
        writer.SetFileName(str(folder / f"{series}-{number:03d}.dcm"))
        writer.Execute(image)


def test_a_dicom_folder_is_read_in_the_order_of_its_slices(tmp_path):
    write_series(tmp_path / "series", [0, 2.5, 5, 7.5, 10])
    read = read_volume(tmp_path / "series")
    assert read.array.shape == (8, 8, 5)
    assert read.array[0, 0].tolist() == [0, 10, 20, 30, 40]
    assert read.geometry.spacing == pytest.approx((0.8, 0.8, 2.5))


def test_a_dicom_series_with_a_missing_slice_is_refused(tmp_path):
    write_series(tmp_path / "series", [0, 2.5, 5, 10, 12.5])
    with pytest.raises(VolumeError, match="missing or doubled"):
        read_volume(tmp_path / "series")


def test_a_folder_with_two_series_is_refused_and_names_them(tmp_path):
    write_series(tmp_path / "both", [0, 2.5, 5])
    write_series(tmp_path / "both", [0, 2.5, 5], series="9.9.9")
    with pytest.raises(VolumeError, match=r"2 DICOM series .*9\.9\.9"):
        read_volume(tmp_path / "both")


def test_a_folder_without_dicom_is_refused(tmp_path):
    with pytest.raises(VolumeError, match="no DICOM"):
        read_volume(tmp_path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(VolumeError, match=r"nowhere\.nii\.gz does not exist"):
        read_volume(tmp_path / "nowhere.nii.gz")


def test_a_damaged_file_is_refused_in_one_line(tmp_path):
    (tmp_path / "broken.nrrd").write_bytes(b"NRRD0004\nrubbish")
    with pytest.raises(VolumeError, match="cannot be read") as caught:
        read_volume(tmp_path / "broken.nrrd")
    assert "\n" not in str(caught.value)


def test_an_unknown_ending_is_refused_for_reading_and_writing(tmp_path):
    (tmp_path / "volume.txt").write_text("x")
    with pytest.raises(VolumeError, match="unknown ending"):
        read_volume(tmp_path / "volume.txt")
    with pytest.raises(VolumeError, match="unknown ending"):
        write_volume(volume(), tmp_path / "volume.txt")


def test_two_dimensional_and_colour_images_are_refused(tmp_path):
    sitk.WriteImage(sitk.Image(8, 8, sitk.sitkUInt8), str(tmp_path / "flat.nrrd"))
    with pytest.raises(VolumeError, match="2 dimensions"):
        read_volume(tmp_path / "flat.nrrd")
    sitk.WriteImage(sitk.Image([8, 8, 8], sitk.sitkVectorUInt8, 3), str(tmp_path / "colour.nrrd"))
    with pytest.raises(VolumeError, match="3 numbers a voxel"):
        read_volume(tmp_path / "colour.nrrd")


def test_a_label_map_of_floats_is_taken_only_if_they_are_whole(tmp_path):
    write_volume(volume(np.float32), tmp_path / "labels.nrrd")
    assert np.issubdtype(read_label_map(tmp_path / "labels.nrrd").array.dtype, np.integer)
    image = volume(np.float32)
    write_volume(Volume(image.array + 0.5, image.geometry), tmp_path / "image.nrrd")
    with pytest.raises(VolumeError, match="not a label map"):
        read_label_map(tmp_path / "image.nrrd")


def test_a_failed_write_leaves_the_old_file_and_no_rubbish(tmp_path, monkeypatch):
    target = tmp_path / "labels.nrrd"
    write_volume(volume(), target)
    before = target.read_bytes()

    def fail(*_, **__):
        raise RuntimeError("disk full")

    monkeypatch.setattr(sitk, "WriteImage", fail)
    with pytest.raises(VolumeError, match="disk full"):
        write_volume(volume(np.float32), target)
    assert target.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["labels.nrrd"]


def test_segments_keep_names_colours_and_terminology_in_a_nrrd_file(tmp_path):
    segments = (
        Segment(1, "Left kidney", (0.1, 0.2, 0.3), "Segmentation category~Organ"),
        Segment(4, "Tumour", (1.0, 0.5, 0.25)),
    )
    array = np.zeros((6, 6, 6), np.uint8)
    array[1:3], array[4:] = 1, 4
    labels = Volume(array, oblique_geometry((6, 6, 6)))
    write_label_map(labels, tmp_path / "labels.seg.nrrd", segments)
    assert read_segments(tmp_path / "labels.seg.nrrd", [1, 4]) == segments
