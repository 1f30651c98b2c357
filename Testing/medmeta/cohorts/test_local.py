import gc
import threading
import weakref
from dataclasses import replace

import pytest

from medmeta.cohorts import one
from medmeta.cohorts.cases import Case
from medmeta.cohorts.local import run_here
from medmeta.errors import Cancelled, DeviceError


def test_the_next_case_is_read_while_one_is_predicted(recipe, cases, monkeypatch):
    reading = [threading.Event() for _ in cases]
    load, predict = one.load, one.predict_loaded
    order = [case.path for case in cases]

    def loading(path):
        reading[order.index(path)].set()
        return load(path)

    def predicting(recipe, name, loaded, progress):
        # Would wait in vain if the next one were read only after this one is done.
        later = [case.name for case in cases].index(name) + 1
        assert all(event.wait(30) for event in reading[later : later + 1])
        assert not any(event.is_set() for event in reading[later + 1 :])
        return predict(recipe, name, loaded, progress)

    monkeypatch.setattr(one, "load", loading)
    monkeypatch.setattr(one, "predict_loaded", predicting)
    rows = []
    run_here(cases, recipe, rows.append)
    assert [(row["case"], row["status"]) for row in rows] == [(case.name, "done") for case in cases]


def test_no_more_than_two_volumes_are_in_memory(recipe, cases, monkeypatch):
    alive, most = [], []
    load = one.load

    def loading(path):
        loaded = load(path)
        array = loaded.volume.array
        gc.collect()
        alive.append(weakref.ref(array.base if array.base is not None else array))
        most.append(sum(ref() is not None for ref in alive))
        return loaded

    monkeypatch.setattr(one, "load", loading)
    run_here(cases, recipe, lambda _: None)
    assert max(most) == 2


def test_one_bad_case_does_not_stop_the_rest(recipe, cases, tmp_path):
    cases[1].path.write_bytes(b"rubbish")
    missing = Case("missing", tmp_path / "none.nii")
    rows = []
    run_here([missing, *cases], recipe, rows.append)
    assert [row["status"] for row in rows] == ["failed", "done", "failed", "done", "done"]
    assert "does not exist" in rows[0]["error"]
    assert "cannot be read" in rows[2]["error"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, Cancelled])
def test_an_interruption_stops_at_once_and_what_was_done_stays_recorded(recipe, cases, monkeypatch, error):
    predict = one.predict_loaded

    def predicting(recipe, name, *more):
        if name == cases[2].name:
            raise error
        return predict(recipe, name, *more)

    monkeypatch.setattr(one, "predict_loaded", predicting)
    rows = []
    with pytest.raises(error):
        run_here(cases, recipe, rows.append)
    assert [row["case"] for row in rows] == [case.name for case in cases[:2]]
    assert not any(thread.name.startswith("medmeta-reader") for thread in threading.enumerate())


def test_a_device_that_is_not_there_is_told_before_any_case(recipe, cases):
    with pytest.raises(DeviceError):
        run_here(cases, replace(recipe, device="cuda:99"), lambda _: pytest.fail("a case was tried"))


def test_logs_name_no_case_and_no_path_above_debug_level(recipe, cases, caplog):
    cases[1].path.write_bytes(b"rubbish")
    with caplog.at_level("DEBUG", "medmeta"):
        run_here(cases, recipe, lambda _: None)
    shown = [record.getMessage() for record in caplog.records if record.levelname != "DEBUG"]
    assert shown == [f"case {n} of 4: {status}" for n, status in enumerate(("done", "failed", "done", "done"), start=1)]
    assert any("p0002" in record.getMessage() for record in caplog.records if record.levelname == "DEBUG")
