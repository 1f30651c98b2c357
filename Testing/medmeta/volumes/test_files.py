import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

import medmeta
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


@pytest.mark.parametrize("ending", [".nii", ".nii.gz", ".nrrd", ".mha", ".mhd"])
@pytest.mark.parametrize("mirrored", [False, True])
def test_what_is_written_after_reading_has_exactly_the_inputs_geometry(tmp_path, ending, mirrored):
    random = np.random.default_rng(0)
    for _ in range(30):
        axes = np.linalg.qr(random.normal(size=(3, 3)))[0]
        if (np.linalg.det(axes) < 0) != mirrored:
            axes[:, 2] *= -1
        image = sitk.Image(4, 5, 6, sitk.sitkUInt8)
        image.SetSpacing(random.uniform(0.3, 10, 3))
        image.SetOrigin(random.uniform(-300, 300, 3))
        image.SetDirection(axes.ravel())
        sitk.WriteImage(image, str(tmp_path / f"in{ending}"))
        read = read_volume(tmp_path / f"in{ending}")
        write_volume(read, tmp_path / f"out{ending}")
        assert read_volume(tmp_path / f"out{ending}").geometry == read.geometry


@pytest.mark.parametrize("codes", [(1, 0), (0, 1), (2, 1), (4, 4)])
def test_a_nifti_geometry_is_kept_exactly_whichever_of_its_forms_holds_it(tmp_path, codes):
    nibabel = pytest.importorskip("nibabel")
    affine = np.eye(4)
    affine[:3, :3] = np.array(oblique_geometry((4, 5, 6)).direction).reshape(3, 3) * (0.7, 0.9, 3.3)
    image = nibabel.Nifti1Image(np.zeros((4, 5, 6), np.int16), affine)
    image.set_sform(affine, codes[0])
    image.set_qform(affine, codes[1])
    nibabel.save(image, tmp_path / "in.nii.gz")
    read = read_volume(tmp_path / "in.nii.gz")
    write_volume(read, tmp_path / "out.nii.gz")
    assert read_volume(tmp_path / "out.nii.gz").geometry == read.geometry


def test_the_array_is_in_the_files_index_order(tmp_path):
    image = sitk.Image(5, 6, 7, sitk.sitkInt16)
    image[1, 2, 3] = 42
    sitk.WriteImage(image, str(tmp_path / "one.nrrd"))
    assert read_volume(tmp_path / "one.nrrd").array[1, 2, 3] == 42


def test_a_nifti_file_rounds_a_geometry_from_another_format_to_single_precision(tmp_path):
    original = volume()
    write_volume(original, tmp_path / "out.nii.gz")
    again = read_volume(tmp_path / "out.nii.gz").geometry
    np.testing.assert_allclose(again.direction, original.geometry.direction, atol=1e-7)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(VolumeError, match=r"nowhere\.nii\.gz does not exist"):
        read_volume(tmp_path / "nowhere.nii.gz")


def test_a_damaged_file_is_refused_in_one_line(tmp_path):
    (tmp_path / "broken.nrrd").write_bytes(b"NRRD0004\nrubbish")
    with pytest.raises(VolumeError, match="cannot be read") as caught:
        read_volume(tmp_path / "broken.nrrd")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("ending", [".nii", ".nii.gz", ".nrrd", ".mha"])
def test_a_file_that_was_cut_off_is_refused(tmp_path, ending):
    path = tmp_path / f"scan{ending}"
    write_volume(volume(np.float32), path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(VolumeError, match="cannot be read"):
        read_volume(path)


@pytest.mark.parametrize("ending", [".nii.gz", ".nrrd", ".mha"])
def test_a_compressed_file_with_wrong_bytes_is_refused(tmp_path, ending):
    path = tmp_path / f"scan{ending}"
    write_volume(Volume(np.random.default_rng(0).normal(size=(30, 30, 30)), oblique_geometry((30, 30, 30))), path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x5A
    path.write_bytes(content)
    with pytest.raises(VolumeError, match="cannot be read"):
        read_volume(path)


def test_a_metaimage_header_without_its_voxels_is_refused_and_names_them(tmp_path):
    write_volume(volume(), tmp_path / "scan.mhd")
    (tmp_path / "scan.zraw").unlink()
    with pytest.raises(VolumeError, match=r"scan\.mhd cannot be read .*scan\.zraw"):
        read_volume(tmp_path / "scan.mhd")


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


def test_complex_numbers_and_axes_that_are_not_at_right_angles_are_refused(tmp_path):
    nibabel = pytest.importorskip("nibabel")
    nibabel.save(nibabel.Nifti1Image(np.ones((4, 5, 6), np.complex64), np.eye(4)), tmp_path / "complex.nii")
    with pytest.raises(VolumeError, match="2 numbers a voxel"):
        read_volume(tmp_path / "complex.nii")
    sheared = np.eye(4)
    sheared[0, 1] = 0.3
    image = nibabel.Nifti1Image(np.ones((4, 5, 6), np.float32), None)
    image.set_sform(sheared, 1)
    nibabel.save(image, tmp_path / "sheared.nii")
    with pytest.raises(VolumeError, match="right angles"):
        read_volume(tmp_path / "sheared.nii")


def test_a_segmentation_file_with_overlapping_segments_is_refused_with_advice(tmp_path):
    sitk.WriteImage(sitk.Image([8, 8, 8], sitk.sitkVectorUInt8, 2), str(tmp_path / "layers.seg.nrrd"))
    with pytest.raises(VolumeError, match="segments overlap"):
        read_label_map(tmp_path / "layers.seg.nrrd")


def test_booleans_and_half_precision_are_written_as_the_next_wider_type(tmp_path):
    for given, written in ((bool, np.uint8), (np.float16, np.float32)):
        original = volume(given)
        write_volume(original, tmp_path / "wider.nii.gz")
        again = read_volume(tmp_path / "wider.nii.gz").array
        assert again.dtype == written
        np.testing.assert_array_equal(again, original.array.astype(written))


def test_nifti_readers_agree_on_the_geometry_of_what_is_written(tmp_path):
    nibabel = pytest.importorskip("nibabel")
    original = volume()
    write_volume(original, tmp_path / "oblique.nii.gz")
    g = original.geometry
    expected = np.eye(4)
    expected[:3, :3] = np.array(g.direction).reshape(3, 3) * g.spacing
    expected[:3, 3] = g.origin
    ras = np.diag([-1, -1, 1, 1]) @ expected
    np.testing.assert_allclose(nibabel.load(tmp_path / "oblique.nii.gz").affine, ras, atol=1e-4)


def test_a_label_map_of_floats_is_taken_only_if_they_are_whole(tmp_path):
    write_volume(volume(np.float32), tmp_path / "labels.nrrd")
    assert np.issubdtype(read_label_map(tmp_path / "labels.nrrd").array.dtype, np.integer)
    image = volume(np.float32)
    write_volume(Volume(image.array + 0.5, image.geometry), tmp_path / "image.nrrd")
    with pytest.raises(VolumeError, match="not a label map"):
        read_label_map(tmp_path / "image.nrrd")


def test_large_label_values_are_kept_whatever_type_holds_them(tmp_path):
    for dtype in (np.uint32, np.int64, np.uint64, np.float32, np.float64):
        array = np.zeros((5, 6, 7), dtype)
        array[2] = 70000
        write_volume(Volume(array, oblique_geometry((5, 6, 7))), tmp_path / "labels.nrrd")
        np.testing.assert_array_equal(read_label_map(tmp_path / "labels.nrrd").array, array.astype(int))


@pytest.mark.parametrize(("dtype", "value"), [(np.uint64, 2**63 + 5), (np.float32, 1e20)])
def test_label_values_beyond_all_reason_are_refused(tmp_path, dtype, value):
    write_volume(Volume(np.full((5, 6, 7), value, dtype), oblique_geometry((5, 6, 7))), tmp_path / "labels.nrrd")
    with pytest.raises(VolumeError, match="numbers up to"):
        read_label_map(tmp_path / "labels.nrrd")


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


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
def test_a_nifti_file_that_the_disk_has_no_room_for_is_not_left_cut_off(tmp_path, monkeypatch, ending):
    write, target = sitk.WriteImage, tmp_path / f"labels{ending}"

    def cut_off(image, path, *more, **options):
        write(image, path, *more, **options)
        with open(path, "r+b") as file:
            file.truncate(400)

    monkeypatch.setattr(sitk, "WriteImage", cut_off)
    with pytest.raises(VolumeError, match="disk is full"):
        write_volume(volume(), target)
    assert not list(tmp_path.iterdir())


LIMITED = """
import resource, sys
import numpy as np
from pathlib import Path
from medmeta.errors import VolumeError
from medmeta.volumes import Geometry, Volume, write_volume

unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
for side in (8, 40):  # of a small file the system takes nothing before it is closed
    size = (side, side, side)
    geometry = Geometry(size, (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), tuple(np.eye(3).flat))
    noise = Volume(np.random.default_rng(0).integers(0, 30000, size).astype(np.int16), geometry)
    for path in map(Path, sys.argv[1:]):
        resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
        write_volume(noise, path)
        before = path.read_bytes()
        for limit in (0, 200, 700, side**3):
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, unlimited[1]))
            try:
                write_volume(noise, path)
            except VolumeError as error:
                assert path.read_bytes() == before
                assert str(path) + " cannot be written" in str(error)
            else:
                raise AssertionError(path.name + " was written to a disk that takes " + str(limit) + " bytes")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="the size of files cannot be limited there")
def test_a_file_that_the_disk_does_not_take_whole_is_told_and_the_old_one_stays(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(medmeta.__file__).parents[1]))
    names = ["a.nrrd", "a.seg.nrrd", "a.mha", "a.mhd", "a.nii", "a.nii.gz"]
    command = [sys.executable, "-c", LIMITED, *(str(tmp_path / name) for name in names)]
    child = subprocess.run(command, check=False, capture_output=True, text=True)
    assert child.returncode == 0, child.stderr
    assert {path.name for path in tmp_path.iterdir()} == {*names, "a.zraw"}


def test_a_metaimage_header_is_written_beside_its_voxels_and_both_are_replaced(tmp_path):
    for seed in (0, 1):
        original = volume()
        original.array[0, 0, 0] = seed
        write_volume(original, tmp_path / "scan.mhd")
        assert sorted(p.name for p in tmp_path.iterdir()) == ["scan.mhd", "scan.zraw"]
        assert read_volume(tmp_path / "scan.mhd").array[0, 0, 0] == seed


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


def labels_of_two_segments():
    array = np.zeros((6, 6, 6), np.uint8)
    array[1:3], array[4:] = 1, 4
    return Volume(array, oblique_geometry((6, 6, 6)))


def test_a_header_that_makes_no_sense_gives_our_own_names_and_colours(tmp_path):
    entries = {
        "Segment0_LabelValue": "one",
        "Segment1_LabelValue": "4",
        "Segment1_Color": "red",
        "Segment1_Name": "Cyst",
    }
    write_volume(labels_of_two_segments(), tmp_path / "odd.nrrd", entries)
    first, second = read_segments(tmp_path / "odd.nrrd", [1, 4])
    assert (first.name, second.name) == ("Segment_1", "Cyst")
    assert first.color != second.color
