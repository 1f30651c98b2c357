import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medmeta.annotations import Segment, is_dicom_seg, read_dicom_seg
from medmeta.errors import GeometryError, VolumeError
from medmeta.volumes import Geometry, Volume, read_volume, write_volume
from medmeta.volumes.dicom_seg import write_dicom_seg

pydicom = pytest.importorskip("pydicom", reason="needs the optional dependency 'dicom'")
pytest.importorskip("highdicom", reason="needs the optional dependency 'dicom'")

KIDNEY = (
    "Segmentation category and type - 3D Slicer General Anatomy list~SCT^123037004^Anatomical Structure"
    "~SCT^64033007^Kidney~SCT^7771000^Left~Anatomic codes - DICOM master list~SCT^818981001^Abdomen~^^"
)
SEGMENTS = (Segment(1, "Niere, links – große", (0.1, 0.9, 0.3), KIDNEY), Segment(2, "Tumour", (1.0, 0.5, 0.25)))
SIZE = (9, 10, 7)


@pytest.fixture
def source(tmp_path, write_series):
    """A folder with an oblique series."""
    write_series(tmp_path / "series", np.random.default_rng(0).integers(0, 500, SIZE).astype(np.int16))
    return tmp_path / "series"


@pytest.fixture
def labels(source):
    """Two segments in three slices, asymmetric along every axis."""
    array = np.zeros(SIZE, np.uint8)
    array[2:7, 1:4, 2] = 1
    array[0, 9, 5] = 1
    array[6, 3:5, 3] = 2
    return Volume(array, read_volume(source).geometry, "labels")


@pytest.fixture
def written(labels, source, tmp_path):
    write_dicom_seg(labels, SEGMENTS, source, tmp_path / "seg.dcm")
    return tmp_path / "seg.dcm"


def change(path, alter):
    """A segmentation's file with its dataset altered."""
    dataset = pydicom.dcmread(path)
    alter(dataset)
    dataset.save_as(path)
    return path


def pack(dataset, frames):
    """Puts (N, rows, columns) zeros and ones into a binary segmentation."""
    bits = np.packbits(frames.astype(np.uint8).ravel(), bitorder="little").tobytes()
    dataset.PixelData = bits + b"\0" * (len(bits) % 2)


def test_what_is_written_comes_back_with_names_colours_and_codes(written, labels):
    found, segments = read_dicom_seg(written, labels.geometry)
    np.testing.assert_array_equal(found.array, labels.array)
    assert found.geometry == labels.geometry
    assert [(s.value, s.name, s.terminology) for s in segments] == [(s.value, s.name, s.terminology) for s in SEGMENTS]
    for read, given in zip(segments, SEGMENTS, strict=True):
        assert read.color == pytest.approx(given.color, abs=0.02)


@pytest.mark.parametrize("axes", [(1, 2, 0), (2, 0, 1), (1, 0, 2)])
def test_the_volume_may_have_its_axes_in_another_order_and_direction(written, labels, axes):
    geometry = labels.geometry
    matrix = np.reshape(geometry.direction, (3, 3))[:, axes] * [1, -1, 1]
    spacing = tuple(geometry.spacing[a] for a in axes)
    size = tuple(geometry.size[a] for a in axes)
    far = np.array(geometry.origin) - matrix[:, 1] * spacing[1] * (size[1] - 1)
    other = Geometry(size, spacing, tuple(far), tuple(matrix.ravel()))
    found, _ = read_dicom_seg(written, other)
    np.testing.assert_array_equal(found.array, labels.array.transpose(axes)[:, ::-1])


def test_another_programs_segmentation_is_read(labels, source, tmp_path):
    dcmqi = pytest.importorskip("dcmqi", reason="needs the writer dcmqi")
    code = {"CodingSchemeDesignator": "SCT", "CodeValue": "64033007", "CodeMeaning": "Kidney"}
    anatomy = {"CodingSchemeDesignator": "SCT", "CodeValue": "123037004", "CodeMeaning": "Anatomical Structure"}
    attributes = [
        {
            "labelID": value,
            "SegmentLabel": f"Kidney {value}",
            "SegmentDescription": "",
            "SegmentAlgorithmType": "MANUAL",
            "recommendedDisplayRGBValue": [255, 10 * value, 0],
            "SegmentedPropertyCategoryCodeSequence": anatomy,
            "SegmentedPropertyTypeCodeSequence": code,
        }
        for value in (1, 2)
    ]
    meta = {"SeriesNumber": "5", "InstanceNumber": "1", "segmentAttributes": [attributes], "ContentLabel": "SEG"}
    (tmp_path / "meta.json").write_text(json.dumps({**meta, "ContentCreatorName": "x"}), encoding="utf-8")
    write_volume(labels, tmp_path / "labels.nrrd")
    tool = shutil.which("itkimage2segimage", path=Path(dcmqi.__file__).parent / "bin")
    files = ["--inputImageList", tmp_path / "labels.nrrd", "--inputDICOMDirectory", source]
    more = ["--inputMetadata", tmp_path / "meta.json", "--outputDICOM", tmp_path / "theirs.dcm", "--skip", "1"]
    done = subprocess.run([tool, *files, *more], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr + done.stdout
    found, segments = read_dicom_seg(tmp_path / "theirs.dcm", labels.geometry)
    np.testing.assert_array_equal(found.array, labels.array)
    assert [s.name for s in segments] == ["Kidney 1", "Kidney 2"]
    assert "SCT^64033007^Kidney" in segments[0].terminology
    assert segments[1].color == pytest.approx((1, 20 / 255, 0), abs=0.02)


def test_segments_that_overlap_are_refused_with_their_names(written, labels):
    def overlap(dataset):
        frames = dataset.pixel_array
        numbers = [
            f.SegmentIdentificationSequence[0].ReferencedSegmentNumber for f in dataset.PerFrameFunctionalGroupsSequence
        ]
        first = numbers.index(1)
        dataset.PerFrameFunctionalGroupsSequence[
            numbers.index(2)
        ].PlanePositionSequence = dataset.PerFrameFunctionalGroupsSequence[first].PlanePositionSequence
        frames[numbers.index(2)] = frames[first]
        pack(dataset, frames)

    with pytest.raises(
        VolumeError, match=r"seg\.dcm has segments that overlap \('Niere, links – große' and 'Tumour'\)"
    ):
        read_dicom_seg(change(written, overlap), labels.geometry)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("origin", (12.8, -80.0, 31.0)),
        ("spacing", (0.7, 0.9, 2.6)),
        ("spacing", (0.35, 0.9, 2.5)),
        ("direction", (1, 0, 0, 0, 1, 0, 0, 0, 1)),
        ("size", (9, 9, 7)),
        ("size", (9, 10, 4)),
    ],
)
def test_a_volume_on_another_grid_is_refused(written, labels, field, value):
    with pytest.raises(GeometryError, match=r"seg\.dcm .*give the volume that was segmented"):
        read_dicom_seg(written, replace(labels.geometry, **{field: value}))


def test_probabilities_are_refused_and_a_fractional_file_of_zeros_and_ones_is_read(written, labels):
    def fractional(top):
        def alter(dataset):
            frames = dataset.pixel_array.astype(np.uint8) * top
            dataset.SegmentationType, dataset.MaximumFractionalValue = "FRACTIONAL", 200
            dataset.BitsAllocated = dataset.BitsStored = 8
            dataset.HighBit = 7
            dataset.PixelData = frames.tobytes() + b"\0" * (frames.size % 2)

        return alter

    change(written, fractional(200))
    np.testing.assert_array_equal(read_dicom_seg(written, labels.geometry)[0].array, labels.array)
    with pytest.raises(VolumeError, match="holds probabilities"):
        read_dicom_seg(change(written, lambda d: setattr(d, "MaximumFractionalValue", 255)), labels.geometry)


def test_a_label_map_segmentation_is_read(written, labels):
    def as_label_map(dataset):
        (k,) = np.unique(np.nonzero(labels.array == 2)[2])
        places = dataset.PerFrameFunctionalGroupsSequence
        number = [f.SegmentIdentificationSequence[0].ReferencedSegmentNumber for f in places].index(2)
        dataset.PerFrameFunctionalGroupsSequence = [places[number]]
        del places[number].SegmentIdentificationSequence
        dataset.SegmentationType, dataset.NumberOfFrames = "LABELMAP", 1
        dataset.BitsAllocated = dataset.BitsStored = 8
        dataset.HighBit = 7
        frame = labels.array[:, :, k].T * 1
        frame[0, 0] = 1
        dataset.PixelData = frame.tobytes() + b"\0" * (frame.size % 2)

    found, _ = read_dicom_seg(change(written, as_label_map), labels.geometry)
    expected = np.where(labels.array == 2, 2, 0)
    expected[0, 0, 3] = 1
    np.testing.assert_array_equal(found.array, expected)


@pytest.mark.parametrize(
    ("alter", "message"),
    [
        (lambda d: setattr(d.SegmentSequence[1], "SegmentNumber", 1), r"numbers its segments \[1, 1\]"),
        (lambda d: setattr(d.SegmentSequence[1], "SegmentNumber", 7), r"voxels of segments \[2\]"),
        (lambda d: setattr(d, "NumberOfFrames", 2), "places for 3 frames of 2"),
        (lambda d: setattr(d, "Rows", 40000), "seg.dcm"),
        (lambda d: delattr(d, "SegmentSequence"), "cannot be read as a DICOM segmentation"),
        (lambda d: setattr(d, "PixelData", b"\0\0"), "cannot be read as a DICOM segmentation"),
        (lambda d: setattr(d, "SOPClassUID", "1.2.840.10008.5.1.4.1.1.4"), "is no DICOM segmentation"),
    ],
)
def test_a_file_that_contradicts_itself_is_refused(written, labels, alter, message):
    with pytest.raises(VolumeError, match=message):
        read_dicom_seg(change(written, alter), labels.geometry)


def test_a_segmentation_is_known_by_its_ending_or_its_content(written, source, tmp_path):
    assert is_dicom_seg(written)
    assert is_dicom_seg(written.rename(tmp_path / "seg"))
    assert not is_dicom_seg(source)
    write_volume(read_volume(source), tmp_path / "x.nrrd")
    assert not is_dicom_seg(tmp_path / "x.nrrd")
    assert not is_dicom_seg(tmp_path / "none")


def test_a_file_without_permission_is_told_by_name(tmp_path, monkeypatch):
    (tmp_path / "labels.nrrd").write_bytes(b"NRRD0004")

    def refuse(path, *_, **__):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(VolumeError, match=r"labels\.nrrd cannot be read \(Permission denied\): check the path"):
        is_dicom_seg(tmp_path / "labels.nrrd")
