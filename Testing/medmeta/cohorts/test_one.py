import json
from dataclasses import replace

import numpy as np
import pytest

from medmeta.adaptation import AdaptedTask, predict
from medmeta.cohorts import one
from medmeta.cohorts.cases import input_hash
from medmeta.errors import Cancelled, CheckpointError
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
