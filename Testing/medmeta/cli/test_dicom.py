"""From a DICOM folder to a DICOM segmentation, on the command line."""

import json
import sys

import numpy as np
import pytest

from medmeta.annotations import Segment
from medmeta.cli import main
from medmeta.volumes import Volume, read_label_map, read_volume, write_label_map
from medmeta.volumes.dicom_seg import write_dicom_seg

pydicom = pytest.importorskip("pydicom", reason="needs the optional dependency 'dicom'")


@pytest.fixture
def files(tmp_path, write_series):
    """An oblique series in which two slices of a structure are drawn."""
    i, j, k = np.meshgrid(*(np.linspace(-1, 1, n) for n in (36, 40, 12)), indexing="ij")
    full = ((i / 0.5) ** 2 + (j / 0.4) ** 2 + (k / 0.9) ** 2 < 1).astype(np.uint8)
    image = 100 * full + np.random.default_rng(0).normal(0, 5, full.shape)
    write_series(tmp_path / "ct", image.astype(np.int16))
    drawn = np.zeros_like(full)
    drawn[:, :, [3, 8]] = full[:, :, [3, 8]]
    volume = Volume(drawn, read_volume(tmp_path / "ct").geometry)
    write_label_map(volume, tmp_path / "drawn.seg.nrrd", [Segment(1, "Lever", (0.8, 0.4, 0.2))])
    return tmp_path


def medmeta(*arguments):
    return main([str(a) for a in arguments])


def segment(files, checkpoint, *more, output="out.dcm", volume="ct"):
    return medmeta(
        "segment", files / volume, files / "drawn.seg.nrrd", "-o", files / output, "--checkpoint", checkpoint, *more
    )


def voxels(path):
    """(K, J, I) of a segmentation with one segment, all slices of which are shown from the first to the last."""
    dataset = pydicom.dcmread(path)
    order = np.argsort([g.PlanePositionSequence[0].ImagePositionPatient[2] for g in _groups(dataset)])
    return dataset.pixel_array[order], dataset


def _groups(dataset):
    return dataset.PerFrameFunctionalGroupsSequence


def test_segment_writes_a_dicom_segmentation_of_a_dicom_folder(files, checkpoint):
    pytest.importorskip("highdicom")
    assert segment(files, checkpoint, "--seed", 1) == 0
    assert segment(files, checkpoint, "--seed", 1, output="out.nrrd") == 0
    found, dataset = voxels(files / "out.dcm")
    expected = read_label_map(files / "out.nrrd").array.transpose(2, 1, 0)
    np.testing.assert_array_equal(found, expected[expected.any(axis=(1, 2))])
    assert dataset.SegmentSequence[0].SegmentLabel == "Lever"
    assert dataset.PatientID == "P-4711"


def test_other_volumes_become_what_their_folders_and_the_output_ask_for(files, checkpoint, write_series):
    pytest.importorskip("highdicom")
    write_series(files / "next", np.ascontiguousarray(read_volume(files / "ct").array))
    assert segment(files, checkpoint, "--also", files / "next", "--out-dir", files / "cohort") == 0
    assert pydicom.dcmread(files / "cohort" / "next_label.dcm").Modality == "SEG"
    more = ["--also", files / "next", "--out-dir", files / "cohort"]
    assert segment(files, checkpoint, *more, output="out.nrrd") == 0
    assert read_label_map(files / "cohort" / "next_label.mha").array.shape == (36, 40, 12)


def test_predict_writes_dicom_segmentations_when_asked_for(files, checkpoint):
    pytest.importorskip("highdicom")
    task = files / "task.safetensors"
    assert medmeta("adapt", files / "ct", files / "drawn.seg.nrrd", "-o", task, "--checkpoint", checkpoint) == 0
    more = ["--checkpoint", checkpoint, "--out-dir", files / "out"]
    assert medmeta("predict", task, files / "ct", "--dicom-seg", *more) == 0
    assert medmeta("predict", task, files / "ct", *more) == 0
    assert sorted(p.name for p in (files / "out").iterdir()) == ["ct_label.dcm", "ct_label.mha"]


def test_a_dicom_segmentation_of_what_is_no_dicom_is_refused_before_any_work(files, checkpoint, capsys):
    assert segment(files, checkpoint, volume="drawn.seg.nrrd") == 2
    assert "is no folder with a DICOM series" in capsys.readouterr().err
    assert segment(files, checkpoint, "--confidence", files / "sure.dcm", output="out.nrrd") == 2
    assert "sure.dcm has an unknown ending" in capsys.readouterr().err
    assert not list(files.glob("out*"))


def test_without_highdicom_the_way_to_install_it_is_told_before_any_work(files, checkpoint, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "highdicom", None)
    assert segment(files, checkpoint) == 2
    assert "pip install highdicom pydicom" in capsys.readouterr().err


def test_a_drawn_dicom_segmentation_is_taken_with_its_names(files, checkpoint, capsys):
    pytest.importorskip("highdicom")
    assert segment(files, checkpoint, "--seed", 1, output="first.nrrd") == 0
    drawn = read_label_map(files / "drawn.seg.nrrd")
    write_dicom_seg(drawn, [Segment(1, "Lever", (0.8, 0.4, 0.2))], files / "ct", files / "drawn.dcm")
    more = ("-o", files / "second.nrrd", "--checkpoint", checkpoint, "--seed", 1, "--json")
    capsys.readouterr()
    assert medmeta("segment", files / "ct", files / "drawn.dcm", *more) == 0
    result = json.loads(capsys.readouterr().out)
    assert [row["segment"] for row in result["segments"]] == ["Lever"]
    assert result["slices"] == [3, 8]
    first, second = (read_label_map(files / name).array for name in ("first.nrrd", "second.nrrd"))
    np.testing.assert_array_equal(first, second)
