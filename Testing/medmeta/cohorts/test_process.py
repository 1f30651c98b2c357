import errno
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from medmeta.cohorts import local, one
from medmeta.cohorts.process import process
from medmeta.errors import Cancelled, CohortError
from medmeta.volumes import write_volume


def statuses(outcome):
    return {row["case"]: row["status"] for row in outcome.rows}


def count_work(monkeypatch):
    worked, predict = [], one.predict_loaded
    monkeypatch.setattr(one, "predict_loaded", lambda *a: worked.append(a[1]) or predict(*a))
    return worked


def test_a_run_goes_on_where_it_was_stopped(recipe, write_cases, monkeypatch):
    folder = write_cases(5)

    def stop(event):
        if event.phase == "cases" and event.done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        process(folder, recipe, progress=stop)
    worked = count_work(monkeypatch)
    outcome = process(folder, recipe)
    assert worked == ["p0003", "p0004", "p0005"]
    assert (outcome.kept, outcome.failed) == (2, 0)
    assert set(statuses(outcome).values()) == {"done"}
    assert outcome.page.exists()
    assert outcome.page.read_text(encoding="utf-8").count("data:image/png") == 5  # those of the run before as well
    worked.clear()
    process(folder, recipe)
    assert worked == []


@pytest.mark.parametrize("error", [KeyboardInterrupt, Cancelled])
def test_a_run_that_is_cancelled_reports_what_is_done(recipe, write_cases, error, tmp_path):
    def stop(event):
        if event.phase == "cases" and event.done == 2:
            raise error("enough")

    with pytest.raises(error):
        process(write_cases(4), recipe, progress=stop)
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert page.count("data:image/png") == 2
    assert page.count("Not done yet.") == 2


KILLED = """
import json, os, signal, sys
from pathlib import Path
from medmeta.cohorts.process import process
from medmeta.cohorts.recipe import Recipe

def progress(event):
    global last
    if event.phase == "cases":
        last = event.done
    if event.phase == "predict" and last == 2:  # amid the third case
        os.kill(os.getpid(), signal.SIGKILL)

process(Path(sys.argv[1]), Recipe(**json.loads(sys.argv[2])), progress=progress)
"""


def test_a_run_goes_on_after_it_was_killed(recipe, write_cases, monkeypatch):
    import medmeta

    folder = write_cases(5)
    monkeypatch.setenv("PYTHONPATH", str(Path(medmeta.__file__).parents[1]))
    command = [sys.executable, "-c", KILLED, str(folder), json.dumps(recipe.sent())]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    worked = count_work(monkeypatch)
    outcome = process(folder, recipe)
    assert worked == ["p0005", "p0003", "p0004"]  # those that it may have died of come last
    assert set(statuses(outcome).values()) == {"done"}


DEADLY = """
import json, os, signal, sys
from pathlib import Path
from medmeta.cohorts import one
from medmeta.cohorts.process import process
from medmeta.cohorts.recipe import Recipe

load = one.load

def deadly(path):  # stands for a case that a library crashes on, or that needs more memory than there is
    if path.name == sys.argv[3]:
        os.kill(os.getpid(), signal.SIGKILL)
    return load(path)

one.load = deadly
outcome = process(Path(sys.argv[1]), Recipe(**json.loads(sys.argv[2])))
print(json.dumps([dict(row) for row in outcome.rows]))
"""


@pytest.fixture
def run_deadly(recipe, monkeypatch):
    """Runs a cohort in a process that reading a case ends; the process's exit code and rows."""
    import medmeta

    monkeypatch.setenv("PYTHONPATH", str(Path(medmeta.__file__).parents[1]))

    def run(folder, deadly):
        command = [sys.executable, "-c", DEADLY, str(folder), json.dumps(recipe.sent()), deadly]
        child = subprocess.run(command, check=False, capture_output=True, text=True)
        return child.returncode, json.loads(child.stdout) if child.stdout else None

    return run


def test_a_case_that_ends_the_process_costs_no_other_one_and_fails_in_the_end(recipe, write_cases, run_deadly):
    folder = write_cases(4)
    ledger = Path(recipe.out_dir) / "cohort.jsonl"

    def done():
        rows = map(json.loads, ledger.read_text(encoding="utf-8").splitlines()[1:])
        return {row["case"] for row in rows if row["status"] == "done"}

    assert run_deadly(folder, "p0002.nii.gz")[0] == -signal.SIGKILL
    assert done() <= {"p0001"}
    assert run_deadly(folder, "p0002.nii.gz")[0] == -signal.SIGKILL
    assert done() == {"p0001", "p0003", "p0004"}
    code, rows = run_deadly(folder, "p0002.nii.gz")
    assert code == 0
    assert {row["case"]: row["status"] for row in rows}.pop("p0002") == "failed"
    assert "the process ended 2 times while it was tried" in rows[0]["error"]
    assert set(statuses(process(folder, recipe)).values()) == {"done"}  # tried again, as every failed one


def test_a_case_that_was_being_tried_when_the_user_cancelled_is_no_suspect(recipe, write_cases, monkeypatch):
    folder = write_cases(3)

    def stop(event):
        if event.phase == "predict":
            raise Cancelled("enough")

    for _ in range(3):
        with pytest.raises(Cancelled):
            process(folder, recipe, progress=stop)
    worked = count_work(monkeypatch)
    assert set(statuses(process(folder, recipe)).values()) == {"done"}
    assert worked == ["p0001", "p0002", "p0003"]


def test_a_full_disk_stops_the_run_and_the_next_one_goes_on(recipe, write_cases, monkeypatch):
    folder, write, written = write_cases(4), one.write_thumbnail, []

    def full(picture, path):
        written.append(path)
        if len(written) > 2:
            raise OSError(errno.EDQUOT, "Disk quota exceeded")
        write(picture, path)

    monkeypatch.setattr(one, "write_thumbnail", full)
    with pytest.raises(CohortError, match="has no room left"):
        process(folder, recipe)
    assert len(written) == 3
    monkeypatch.undo()
    worked = count_work(monkeypatch)
    assert set(statuses(process(folder, recipe)).values()) == {"done"}
    assert worked == ["p0003", "p0004"]


def test_changed_inputs_and_failed_cases_are_tried_again_and_new_ones_taken_in(recipe, write_cases, monkeypatch):
    folder = write_cases(3)
    (folder / "p0002.nii.gz").write_bytes(b"rubbish")
    assert process(folder, recipe).failed == 1
    write_cases(4)
    (folder / "p0001.nii.gz").write_bytes((folder / "p0003.nii.gz").read_bytes())
    worked = count_work(monkeypatch)
    outcome = process(folder, recipe)
    assert worked == ["p0001", "p0002", "p0004"]
    assert set(statuses(outcome).values()) == {"done"}
    (folder / "p0003.nii.gz").unlink()
    assert set(statuses(process(folder, recipe))) == {"p0001", "p0002", "p0004"}


@pytest.fixture
def series(tmp_path, scan, write_series):
    """A folder with two DICOM series."""
    pytest.importorskip("highdicom", reason="needs the optional dependency 'dicom'")
    (tmp_path / "in").mkdir()
    for number, name in enumerate(("anna", "berta")):
        write_series(tmp_path / "in" / name, scan(number)[0].array)
    return tmp_path / "in"


def test_dicom_segmentations_are_known_again_and_linked_in_the_report(recipe, series, monkeypatch):
    recipe = replace(recipe, ending=".dcm")
    outcome = process(series, recipe)
    assert statuses(outcome) == {"anna": "done", "berta": "done"}
    assert '<a href="anna_label.dcm">anna</a>' in outcome.page.read_text(encoding="utf-8")
    assert "berta_label.dcm" in outcome.table.read_text(encoding="utf-8")
    worked = count_work(monkeypatch)
    assert process(series, recipe, verify=True).kept == 2
    recipe.label_map("berta").write_bytes(b"cut off")
    process(series, recipe)
    assert worked == ["berta"]


def test_dicom_segmentations_of_what_is_no_series_are_refused(recipe, series, scan):
    write_volume(scan(2)[0], series / "clara.nii.gz")
    with pytest.raises(CohortError, match=r"clara\.nii\.gz is no folder with a DICOM series \(1 of 3 cases"):
        process(series, replace(recipe, ending=".dcm"))
    assert not Path(recipe.out_dir).exists()


def test_ledger_and_report_name_no_folder_in_their_reasons(recipe, write_cases):
    folder = write_cases(1).rename(Path(recipe.out_dir).parent / "Müller^Anna")
    (folder / "ct.nii.gz").write_bytes(b"rubbish")
    outcome = process(folder, recipe)
    assert statuses(outcome) == {"p0001": "done", "ct": "failed"}
    for path in (outcome.page, outcome.table, Path(recipe.out_dir) / "cohort.jsonl"):
        text = path.read_text(encoding="utf-8")
        assert "ct.nii.gz cannot be read" in text
        assert "Anna" not in text
        assert str(folder.parent) not in text


def test_a_manifest_is_taken_too_and_its_missing_file_is_one_bad_case(recipe, write_cases):
    folder = write_cases(2)
    manifest = folder / "list.json"
    manifest.write_text(json.dumps({"cases": ["p0002.nii.gz", "none.nii.gz"]}), encoding="utf-8")
    assert statuses(process(manifest, recipe)) == {"p0002": "done", "none": "failed"}


def test_outputs_never_replace_inputs(recipe, write_cases):
    folder = write_cases(1)
    (folder / "p0001.nii.gz").rename(folder / "x_label.nii.gz")
    manifest = folder / "list.json"
    manifest.write_text(json.dumps({"cases": [{"path": "x_label.nii.gz", "name": "x"}]}), encoding="utf-8")
    before = (folder / "x_label.nii.gz").read_bytes()
    with pytest.raises(CohortError, match="is an input and would be lost"):
        process(manifest, replace(recipe, out_dir=str(folder)), overwrite=True)
    assert (folder / "x_label.nii.gz").read_bytes() == before


def test_a_disk_that_is_full_stops_the_run_and_says_so(recipe, write_cases, monkeypatch):
    folder, sync, calls = write_cases(3), os.fsync, []

    def full(descriptor):
        calls.append(descriptor)
        if len(calls) == 4:
            raise OSError(28, "No space left on device")
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CohortError, match="No space left on device"):
        process(folder, recipe)
    monkeypatch.undo()
    assert set(statuses(process(folder, recipe)).values()) == {"done"}


@pytest.mark.parametrize("folder", [".", ".thumbnails"])
def test_what_killed_processes_leave_is_taken_away(recipe, write_cases, folder):
    rubbish = Path(recipe.out_dir) / folder / ".medmeta-abc"
    rubbish.mkdir(parents=True)
    (rubbish / "p0001").write_bytes(b"half")
    process(write_cases(1), recipe)
    assert not rubbish.exists()


def test_two_runs_do_not_work_in_one_folder(recipe, write_cases, monkeypatch):
    folder = write_cases(2)

    def second(*_):
        with pytest.raises(CohortError, match="in use by another run"):
            process(folder, recipe)

    monkeypatch.setattr("medmeta.cohorts.process.run_here", second)
    process(folder, recipe)
    monkeypatch.setattr("medmeta.cohorts.process.run_here", local.run_here)
    assert set(statuses(process(folder, recipe)).values()) == {"done"}
