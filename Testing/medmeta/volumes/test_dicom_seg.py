import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from medmeta.annotations import Segment
from medmeta.errors import GeometryError, VolumeError
from medmeta.volumes import Geometry, Volume, read_volume
from medmeta.volumes.dicom_seg import check_installed, write_dicom_seg

pydicom = pytest.importorskip("pydicom", reason="needs the optional dependency 'dicom'")
pytest.importorskip("highdicom", reason="needs the optional dependency 'dicom'")

KIDNEY = (
    "Segmentation category and type - 3D Slicer General Anatomy list~SCT^123037004^Anatomical Structure"
    "~SCT^64033007^Kidney~SCT^7771000^Left~Anatomic codes - DICOM master list~SCT^818981001^Abdomen~^^"
)
SEGMENTS = (Segment(4, "Niere, links – große", (0.1, 0.9, 0.3), KIDNEY), Segment(1, "Tumour", (1.0, 0.5, 0.25)))
SIZE = (9, 10, 7)


@pytest.fixture
def source(tmp_path, write_series):
    """A folder with an oblique series."""
    write_series(tmp_path / "series", np.random.default_rng(0).integers(0, 500, SIZE).astype(np.int16))
    return tmp_path / "series"


def labels_on(source):
    """Two segments that leave the first slices empty and are asymmetric along every axis; 1 is in one slice alone."""
    array = np.zeros(SIZE, np.uint8)
    array[2:7, 1:4, 2:6] = 4
    array[6, 3, 4] = 1
    array[0, 9, 3] = 4
    return Volume(array, read_volume(source).geometry, "labels")


def decode(path):
    """Voxels and places by pydicom alone, from the standard: (numbers by LPS position of a voxel, dataset)."""
    dataset = pydicom.dcmread(path)
    frames = dataset.pixel_array.reshape(-1, dataset.Rows, dataset.Columns)
    shared = dataset.SharedFunctionalGroupsSequence[0]
    row, column = np.reshape(shared.PlaneOrientationSequence[0].ImageOrientationPatient, (2, 3)).astype(float)
    between_rows, between_columns = shared.PixelMeasuresSequence[0].PixelSpacing
    found = []
    for frame, groups in zip(frames, dataset.PerFrameFunctionalGroupsSequence, strict=True):
        corner = np.array(groups.PlanePositionSequence[0].ImagePositionPatient, dtype=float)
        number = groups.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        for r, c in zip(*np.nonzero(frame), strict=True):
            found.append((*(corner + c * between_columns * row + r * between_rows * column), number))
    return np.array(found), dataset


def expected_of(labels, segments):
    """The same from the label map and its geometry."""
    geometry = labels.geometry
    axes = np.reshape(geometry.direction, (3, 3)) * geometry.spacing
    found = []
    for number, segment in enumerate(segments, 1):
        places = np.argwhere(labels.array == segment.value) @ axes.T + geometry.origin
        found += [(*place, number) for place in places]
    return np.array(found)


def in_order(rows):
    return rows[np.lexsort(np.round(rows, 2).T)]


def test_every_voxel_comes_back_at_its_place_with_its_segment(source, tmp_path):
    labels = labels_on(source)
    write_dicom_seg(labels, SEGMENTS, source, tmp_path / "out" / "seg.dcm")
    found, _ = decode(tmp_path / "out" / "seg.dcm")
    np.testing.assert_allclose(in_order(found), in_order(expected_of(labels, SEGMENTS)), atol=1e-4)
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["seg.dcm"]


def test_dcmqi_reads_the_same_voxels_names_and_codes(source, tmp_path):
    dcmqi = pytest.importorskip("dcmqi", reason="needs the reader dcmqi")
    labels = labels_on(source)
    write_dicom_seg(labels, SEGMENTS, source, tmp_path / "seg.dcm")
    (tmp_path / "read").mkdir()
    tool = shutil.which("segimage2itkimage", path=Path(dcmqi.__file__).parent / "bin")
    arguments = ["--inputDICOM", tmp_path / "seg.dcm", "--outputDirectory", tmp_path / "read", "-t", "nrrd"]
    subprocess.run([tool, *arguments], check=True, capture_output=True)
    grid = sitk.GetImageFromArray(np.zeros(SIZE[::-1], np.uint8))
    grid.SetSpacing(labels.geometry.spacing)
    grid.SetOrigin(labels.geometry.origin)
    grid.SetDirection(labels.geometry.direction)
    for number, segment in enumerate(SEGMENTS, 1):
        read = sitk.ReadImage(str(tmp_path / "read" / f"{number}.nrrd"))
        back = sitk.GetArrayFromImage(sitk.Resample(read, grid, sitk.Transform(), sitk.sitkNearestNeighbor))
        np.testing.assert_array_equal(back.T > 0, labels.array == segment.value)
    ((kidney,), (tumour,)) = json.loads((tmp_path / "read" / "meta.json").read_text("utf-8"))["segmentAttributes"]
    assert [kidney["SegmentLabel"], tumour["SegmentLabel"]] == [s.name for s in SEGMENTS]
    assert kidney["SegmentedPropertyTypeCodeSequence"]["CodeValue"] == "64033007"
    assert kidney["recommendedDisplayRGBValue"] == pytest.approx([25, 230, 76], abs=2)


@pytest.mark.parametrize("order", [(0, 1, 2, 3, 4, 5, 6), (3, 0, 6, 1, 5, 4, 2)])
def test_a_segmentation_of_an_enhanced_file_lies_where_its_frames_do(tmp_path, write_enhanced, order):
    write_enhanced(tmp_path / "one", np.zeros(SIZE, np.int16), order)
    labels = labels_on(tmp_path / "one")
    write_dicom_seg(labels, SEGMENTS, tmp_path / "one", tmp_path / "seg.dcm")
    found, _ = decode(tmp_path / "seg.dcm")
    np.testing.assert_allclose(in_order(found), in_order(expected_of(labels, SEGMENTS)), atol=1e-4)


def test_names_codes_colours_and_who_made_it_are_in_the_file(source, tmp_path):
    write_dicom_seg(labels_on(source), SEGMENTS, source, tmp_path / "seg.dcm")
    kidney, tumour = (dataset := pydicom.dcmread(tmp_path / "seg.dcm")).SegmentSequence
    assert [s.SegmentLabel for s in (kidney, tumour)] == [s.name for s in SEGMENTS]
    assert [s.SegmentNumber for s in (kidney, tumour)] == [1, 2]
    kind = kidney.SegmentedPropertyTypeCodeSequence[0]
    assert (kind.CodeValue, kind.CodingSchemeDesignator, kind.CodeMeaning) == ("64033007", "SCT", "Kidney")
    assert kind.SegmentedPropertyTypeModifierCodeSequence[0].CodeMeaning == "Left"
    assert kidney.SegmentedPropertyCategoryCodeSequence[0].CodeValue == "123037004"
    assert kidney.AnatomicRegionSequence[0].CodeMeaning == "Abdomen"
    assert tumour.SegmentedPropertyTypeCodeSequence[0].CodeValue == "85756007"
    assert {s.SegmentAlgorithmType for s in (kidney, tumour)} == {"SEMIAUTOMATIC"}
    assert kidney.SegmentAlgorithmName == dataset.Manufacturer == "MedMetaSlicer"
    lightness, a, b = kidney.RecommendedDisplayCIELabValue
    assert lightness > 0x8000  # a bright
    assert a < 0x8000 < b  # and yellowish green
    assert dataset.Modality == "SEG"
    assert dataset.SegmentationType == "BINARY"


def test_patient_and_study_are_the_sources_in_any_alphabet(tmp_path, write_series):
    def rename(k, dataset):
        dataset.SpecificCharacterSet, dataset.PatientName = "ISO_IR 100", "Müller^Jörg"

    write_series(tmp_path / "series", np.zeros(SIZE, np.int16), change=rename)
    write_dicom_seg(labels_on(tmp_path / "series"), SEGMENTS, tmp_path / "series", tmp_path / "seg.dcm")
    made = pydicom.dcmread(tmp_path / "seg.dcm")
    given = pydicom.dcmread(next((tmp_path / "series").iterdir()))
    assert str(made.PatientName) == "Müller^Jörg"
    assert made.SegmentSequence[0].SegmentLabel == SEGMENTS[0].name
    for keyword in ("PatientID", "StudyInstanceUID", "FrameOfReferenceUID", "StudyDate", "AccessionNumber"):
        assert made[keyword].value == given[keyword].value
    assert made.SeriesInstanceUID != given.SeriesInstanceUID
    assert made.ReferencedSeriesSequence[0].SeriesInstanceUID == given.SeriesInstanceUID


def test_an_empty_label_map_is_a_segmentation_without_a_voxel(source, tmp_path):
    labels = labels_on(source)
    write_dicom_seg(Volume(np.zeros_like(labels.array), labels.geometry), SEGMENTS, source, tmp_path / "seg.dcm")
    found, dataset = decode(tmp_path / "seg.dcm")
    assert len(found) == 0
    assert len(dataset.SegmentSequence) == 2


@pytest.mark.parametrize("field", ["origin", "direction", "spacing"])
def test_a_label_map_on_another_grid_is_refused(source, tmp_path, field):
    labels = labels_on(source)
    values = list(getattr(labels.geometry, field))
    values[0] += 0.01
    moved = Geometry(**{**labels.geometry.__dict__, field: tuple(values)})
    with pytest.raises(GeometryError, match="not on the grid"):
        write_dicom_seg(Volume(labels.array, moved, "labels"), SEGMENTS, source, tmp_path / "seg.dcm")
    assert not (tmp_path / "seg.dcm").exists()


def test_a_series_without_what_the_standard_asks_for_is_refused_and_leaves_nothing(tmp_path, write_series):
    def forget(k, dataset):
        del dataset.StudyInstanceUID

    write_series(tmp_path / "series", np.zeros(SIZE, np.int16), change=forget)
    with pytest.raises(VolumeError, match=r"lacks what .*StudyInstanceUID"):
        write_dicom_seg(labels_on(tmp_path / "series"), SEGMENTS, tmp_path / "series", tmp_path / "seg.dcm")
    assert [p.name for p in tmp_path.iterdir()] == ["series"]


def test_a_failed_write_leaves_the_old_file_and_no_rubbish(source, tmp_path, monkeypatch):
    import highdicom

    def fail(self, path, *_, **__):
        path.write_bytes(b"half")
        raise OSError("disk full")

    (tmp_path / "seg.dcm").write_bytes(b"old")
    monkeypatch.setattr(highdicom.seg.Segmentation, "save_as", fail)
    with pytest.raises(VolumeError, match="disk full"):
        write_dicom_seg(labels_on(source), SEGMENTS, source, tmp_path / "seg.dcm")
    assert (tmp_path / "seg.dcm").read_bytes() == b"old"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["seg.dcm", "series"]


def test_nothing_is_written_among_the_files_of_the_series(source):
    with pytest.raises(VolumeError, match="among the files"):
        write_dicom_seg(labels_on(source), SEGMENTS, source, source / "seg.dcm")


def test_a_missing_package_is_named_with_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "highdicom", None)
    with pytest.raises(VolumeError, match=r"highdicom.*pip install highdicom pydicom"):
        check_installed()
