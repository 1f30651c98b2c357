import errno
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch

from medmeta.adaptation import AdaptedTask, predict
from medmeta.cohorts import one
from medmeta.cohorts.cases import input_hash
from medmeta.errors import Cancelled, CheckpointError, CohortError
from medmeta.volumes import read_label_map, read_volume


def predicted(recipe, case):
    return one.predict_case(recipe.sent(), case.name, str(case.path))


def test_a_case_becomes_what_predict_makes_of_it_and_a_row_of_plain_numbers(recipe, cases):
    recipe = replace(recipe, confidence=True, ending=".seg.nrrd")
    row = predicted(recipe, cases[0])
    wanted = predict(
        AdaptedTask.load(recipe.task), read_volume(cases[0].path), device="cpu", checkpoint=recipe.checkpoint
    )
    labels = read_label_map(recipe.label_map(cases[0].name))
    assert recipe.confidence_map(cases[0].name).name == "p0001_confidence.nrrd"
    sure = read_volume(recipe.confidence_map(cases[0].name)).array
    np.testing.assert_array_equal(labels.array, wanted.labels.array)
    np.testing.assert_array_equal(sure, wanted.confidence.array)
    assert labels.geometry == wanted.labels.geometry
    assert json.loads(json.dumps(row)) == row
    (segment,) = row["segments"]
    assert (labels.array == 1).any()
    assert segment["volume_ml"] == pytest.approx((labels.array == 1).sum() * 2.5 / 1000)
    assert segment["confidence"] == row["confidence"] == pytest.approx(sure[labels.array == 1].mean(), abs=1e-4)
    assert segment["expected_dice"] == row["expected_dice"] == pytest.approx(wanted.expected.cases[0], abs=1e-4)
    assert row["distance"] == pytest.approx(wanted.similarity.distance, abs=1e-4)
    assert row["input_sha256"] == input_hash(cases[0].path)
    assert row["output_sha256"] == input_hash(recipe.label_map(cases[0].name))
    assert recipe.thumbnail(cases[0].name).read_bytes().startswith(b"\x89PNG")


def test_a_case_that_cannot_be_read_any_more_fails_and_its_old_outputs_go(recipe, cases):
    predicted(recipe, cases[0])
    cases[0].path.write_bytes(b"rubbish")
    row = predicted(recipe, cases[0])
    assert row["status"] == "failed"
    assert "p0001.nii.gz cannot be read" in row["error"]
    assert not recipe.label_map(cases[0].name).exists()
    assert not recipe.thumbnail(cases[0].name).exists()


def test_a_dicom_series_becomes_a_dicom_segmentation(recipe, scan, tmp_path, write_series):
    pydicom = pytest.importorskip("pydicom", reason="needs the optional dependency 'dicom'")
    pytest.importorskip("highdicom", reason="needs the optional dependency 'dicom'")
    write_series(tmp_path / "ct", scan(1)[0].array)
    recipe = replace(recipe, ending=".dcm", confidence=True)
    row = one.predict_case(recipe.sent(), "ct", str(tmp_path / "ct"))
    assert row["output"] == "ct_label.dcm"
    assert row["output_sha256"] == input_hash(recipe.label_map("ct"))
    found = pydicom.dcmread(recipe.label_map("ct"))
    series = pydicom.dcmread(next((tmp_path / "ct").iterdir()))
    assert found.ReferencedSeriesSequence[0].SeriesInstanceUID == series.SeriesInstanceUID
    assert found.pixel_array.sum() * 0.7 * 0.9 * 2.5 / 1000 == pytest.approx(row["segments"][0]["volume_ml"], abs=1e-3)
    assert read_volume(recipe.confidence_map("ct")).geometry.matches(read_volume(tmp_path / "ct").geometry)


def test_a_failure_names_no_folder(recipe, cases, tmp_path):
    folder = tmp_path / "Müller^Anna 1970"
    folder.mkdir()
    (folder / "ct.nii").write_bytes(b"rubbish")
    (folder / "far.nrrd").write_text("NRRD0004\ntype: short\ndata file: ../x.raw\n", encoding="utf-8")
    (tmp_path / "x.raw").write_bytes(b"x")
    for path in (folder / "ct.nii", folder / "none.nii", folder / "far.nrrd", folder):
        error = one.predict_case(recipe.sent(), "case", str(path))["error"]
        assert path == folder or path.name in error
        assert "Anna 1970" not in error.replace(folder.name, "") if path == folder else "Anna" not in error
        assert str(tmp_path) not in error
    lost = replace(recipe, task=str(folder / "task.safetensors"))
    error = one.predict_case(lost.sent(), "case", str(cases[0].path))["error"]
    assert "task.safetensors" in error
    assert "Anna" not in error


def test_a_bug_is_a_failure_of_its_case_and_cancelling_is_not(recipe, cases, monkeypatch):
    def broken(error):
        def predict(*_, **__):
            raise error

        return predict

    monkeypatch.setattr(one.Predictor, "__call__", broken(RuntimeError("inner\ntrouble")))
    assert predicted(recipe, cases[0])["error"] == "unexpected RuntimeError: inner trouble"
    monkeypatch.setattr(one.Predictor, "__call__", broken(Cancelled("cancelled")))
    with pytest.raises(Cancelled):
        predicted(recipe, cases[0])


def test_the_network_is_loaded_once_for_all_cases(recipe, cases, monkeypatch):
    loaded = []
    load = AdaptedTask.load
    monkeypatch.setattr(AdaptedTask, "load", lambda path: loaded.append(path) or load(path))
    one.predictor.cache_clear()
    assert [predicted(recipe, case)["status"] for case in cases] == ["done"] * 4
    assert len(loaded) == 1


def test_another_task_file_than_the_run_was_begun_with_is_refused(recipe):
    with pytest.raises(CheckpointError, match="another one than the run was begun with"):
        one.predictor_of(replace(recipe, task_sha256="0"))


def in_threads(recipe, cases):
    with ThreadPoolExecutor(len(cases)) as pool:
        return list(pool.map(lambda case: predicted(recipe, case), cases))


def test_threads_of_one_process_predict_one_after_the_other(recipe, cases, monkeypatch):
    inside, most, call = set(), [], one.Predictor.__call__

    def predicting(self, volume, **options):
        inside.add(volume.name)
        most.append(len(inside))
        try:
            return call(self, volume, **options)
        finally:
            inside.remove(volume.name)

    alone = [predicted(recipe, case)["output_sha256"] for case in cases]
    monkeypatch.setattr(one.Predictor, "__call__", predicting)
    assert [row["output_sha256"] for row in in_threads(recipe, cases)] == alone
    assert most == [1] * len(cases)


def short_of_memory(monkeypatch, room):
    """A GPU, played by the CPU, with room for so many slices at once; returns the batches that were tried."""
    tried, call = [], one.Predictor.__call__

    def predicting(self, volume, batch, **options):
        tried.append(batch)
        if batch > room:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return call(self, volume, batch=batch, **options)

    monkeypatch.setattr(one.Predictor, "__call__", predicting)
    return tried


def test_a_case_that_does_not_fit_into_a_gpus_memory_is_predicted_in_smaller_batches(recipe, cases, monkeypatch):
    tried = short_of_memory(monkeypatch, 2)
    assert predicted(replace(recipe, device="auto"), cases[0])["status"] == "done"
    assert tried[-3:] == [8, 4, 2]


def test_a_full_disk_is_no_failure_of_its_case(recipe, cases, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(one, "write_thumbnail", full)
    with pytest.raises(CohortError, match="has no room left: make some; the same command goes on"):
        predicted(recipe, cases[0])
