import json
import os
import stat
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from medmeta.annotations import AnnotatedVolume, SparseAnnotation
from medmeta.errors import CohortError
from medmeta.volumes import Geometry, Volume, write_volume
from medmeta.worker import group
from MedMetaSlicerLib.work.folder_cohort import FolderCohort, Ledger

FAKE = Path(__file__).parent / "fake_cohort.py"


def alive(process):
    try:
        return Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture
def python(tmp_path):
    """An interpreter that runs the stand-in, whatever module it is asked for."""
    path = tmp_path / "python"
    path.write_text(f'#!/bin/sh\nshift 2\nexec "{sys.executable}" "{FAKE}" "$@"\n', encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.fixture
def make(python, loop, tmp_path, monkeypatch):
    made = []

    def make(how="works"):
        monkeypatch.setenv("FAKE_COHORT", how)
        made.append(FolderCohort(python, tmp_path / "task", tmp_path / "in", tmp_path / "out", loop.timer()))
        return made[-1]

    yield make
    for cohort in made:
        cohort.close()


def statuses(cohort):
    return {item.key: item.status for item in cohort.items}


def test_cases_come_from_the_ledger_while_it_runs(make, loop, tmp_path):
    cohort = make()
    assert cohort.items == []
    cohort.start(device="cpu", clean_up=False, confidence=True, checkpoint=tmp_path / "w")
    assert cohort.running
    loop.until(lambda: not cohort.running)
    assert statuses(cohort) == {"a": "done", "b": "failed", "c": "done"}
    a, b, c = cohort.items
    assert a.result == tmp_path / "out" / "a_label.nii.gz"
    assert (a.expected, a.similarity, a.inRange) == (0.8, (0.1, 0.4), True)
    assert b.message == "b is damaged"
    assert not c.inRange
    assert c.result is None  # a path that leaves the folder is none of ours
    assert cohort.problem == ""
    assert cohort.fraction == 1
    arguments = json.loads((tmp_path / "out" / "arguments.json").read_text(encoding="utf-8"))
    assert {"--no-clean-up", "--confidence", "--until-input-ends", str(tmp_path / "w")} <= set(arguments)
    assert loop.idle


def test_what_an_earlier_run_did_is_known(make, loop):
    first = make()
    first.start()
    loop.until(lambda: not first.running)
    again = make()
    assert statuses(again) == {"a": "done", "b": "failed", "c": "done"}


def test_why_a_run_failed_is_told(make, loop):
    for how, said in (("refuses", "the folder holds no volume."), ("crashes", "Segmentation fault")):
        cohort = make(how)
        cohort.start()
        loop.until(lambda cohort=cohort: not cohort.running)
        assert said in cohort.problem


def test_an_interpreter_that_is_not_there_is_told(loop, tmp_path):
    cohort = FolderCohort(tmp_path / "nothing", tmp_path, tmp_path, tmp_path, loop.timer())
    with pytest.raises(CohortError, match="cannot be started"):
        cohort.start()
    assert not cohort.running


@pytest.mark.alone
def test_one_that_does_not_give_way_is_killed_with_its_children_within_a_second(make, loop, tmp_path):
    cohort = make("stuck")
    cohort.start()
    loop.until(lambda: (tmp_path / "out" / "child").exists() and cohort.count("done") == 1)
    assert statuses(cohort) == {"a": "done", "b": "failed", "c": "running"}
    process, child = cohort._process.pid, int((tmp_path / "out" / "child").read_text(encoding="utf-8"))
    start = time.monotonic()
    cohort.cancel()
    loop.until(lambda: not cohort.running)
    assert time.monotonic() - start < 1.0
    assert statuses(cohort) == {"a": "done", "b": "failed", "c": "waiting"}
    assert cohort.problem == ""
    assert not alive(process)
    assert not alive(child)
    assert not (tmp_path / "out" / ".medmeta-torn").exists()


@pytest.mark.alone
def test_started_again_it_tries_what_failed_and_close_ends_at_once(make, loop, tmp_path, monkeypatch):
    cohort = make()
    cohort.start()
    loop.until(lambda: not cohort.running)
    cohort.accept("a")
    monkeypatch.setenv("FAKE_COHORT", "stuck")
    cohort.start()
    assert statuses(cohort) == {"a": "accepted", "b": "running", "c": "done"}
    loop.until(lambda: (tmp_path / "out" / "child").exists())
    with pytest.raises(CohortError, match="cancel it"):
        cohort.start()
    start = time.monotonic()
    cohort.close()
    assert time.monotonic() - start < 0.5
    assert not cohort.running
    assert loop.idle


def test_one_that_begins_anew_forgets_the_items(make, loop):
    cohort = make()
    cohort.start()
    loop.until(lambda: not cohort.running)
    cohort.reject("a")
    cohort.start(overwrite=True)
    loop.until(lambda: not cohort.running)
    assert statuses(cohort) == {"a": "done", "b": "failed", "c": "done"}
    assert len(cohort.items) == 3


def test_a_ledger_is_read_by_whole_lines_and_each_once(tmp_path):
    ledger, path = Ledger(tmp_path / "l"), tmp_path / "l"
    assert ledger.news() == ([], False)
    path.write_bytes(b'{"format": "x"}\n{"case": "a", "status": "done"}\n{"case": "b", "st')
    assert ledger.news() == ([{"case": "a", "status": "done"}], True)
    assert ledger.news() == ([], False)
    with path.open("ab") as file:
        file.write(b'atus": "failed"}\nrubbish\n[1]\n{"case": 3, "status": "done"}\n{"case": "c", "status": "odd"}\n')
    assert ledger.news() == ([{"case": "b", "status": "failed"}], False)


GEOMETRY = Geometry((24, 24, 6), (1.0, 1.0, 2.5), (0.0, 0.0, 0.0), (1.0, 0, 0, 0, 1, 0, 0, 0, 1))


def scan(number):
    random = np.random.default_rng(number)
    i, j, k = np.meshgrid(*(np.linspace(-1, 1, n) for n in GEOMETRY.size), indexing="ij")
    labels = ((i / 0.5) ** 2 + (j / 0.4) ** 2 + (k / 0.9) ** 2 < 1).astype(np.uint8)
    return Volume((100 * labels + random.normal(0, 5, GEOMETRY.size)).astype(np.int16), GEOMETRY, "scan"), labels


@pytest.fixture
def real(checkpoint, tmp_path, loop):
    """A cohort of volumes by a real task, and the folder of its outputs."""
    from medmeta.adaptation import AdaptationSettings, adapt

    volume, labels = scan(0)
    case = AnnotatedVolume(volume, SparseAnnotation.from_labels(labels, axis=2, slices=[1, 3, 4]))
    quick = AdaptationSettings(steps=(0,), usual_steps=0, folds=1, other_steps=30)
    adapt([case], checkpoint=checkpoint, device="cpu", settings=quick).task.save(tmp_path / "task.safetensors")
    made = []

    def make(count):
        for number in range(1, count + 1):
            write_volume(scan(number)[0], tmp_path / "in" / f"p{number:03d}.nii.gz")
        (tmp_path / "in" / "p002.nii.gz").write_bytes(b"rubbish")
        task, source, out = (tmp_path / name for name in ("task.safetensors", "in", "out"))
        made.append(FolderCohort(sys.executable, task, source, out, loop.timer()))
        return made[-1], out

    yield make
    for cohort in made:
        cohort.close()


@pytest.mark.alone
def test_a_real_folder_is_cancelled_amid_reported_and_gone_on_with(real, loop, checkpoint):
    cohort, out = real(20)
    cohort.start(device="cpu", checkpoint=checkpoint)
    loop.until(lambda: cohort.count("done") >= 3, 120)
    pid, start = cohort._process.pid, time.monotonic()
    cohort.cancel()
    loop.until(lambda: not cohort.running)
    assert time.monotonic() - start < 1.0
    assert not alive(pid)
    done = {item.key for item in cohort.items if item.status == "done"}
    assert 3 <= len(done) < 20
    assert cohort.problem == ""
    # No file is torn: each label map that is there can be read, and nothing else is left.
    from medmeta.volumes import read_label_map

    maps = sorted(out.glob("*_label.nii.gz"))
    assert len(maps) >= len(done)
    for path in maps:
        read_label_map(path)
    assert not [path for path in out.iterdir() if path.name.startswith(".medmeta-")]
    assert cohort.report is not None
    assert cohort.report.read_text(encoding="utf-8").count("data:image/png") >= len(done) - 1
    before = {path: path.stat().st_mtime_ns for path in maps if path.name.removesuffix("_label.nii.gz") in done}
    cohort.start(device="cpu", checkpoint=checkpoint)
    loop.until(lambda: not cohort.running, 300)
    assert (cohort.count("done"), cohort.count("failed")) == (19, 1)
    assert "p002" in cohort.item("p002").message
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert cohort.item("p001").result.is_file()


def test_a_real_run_ends_with_whoever_started_it(real, checkpoint, tmp_path):
    import subprocess

    cohort, out = real(20)
    command = cohort._command(device="cpu", checkpoint=checkpoint)
    process = group.start(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
    end = time.monotonic() + 120
    while not (out / "p001_label.nii.gz").exists():
        assert time.monotonic() < end
        time.sleep(0.02)
    process.stdin.close()  # as the system does for one that died
    assert process.wait(20) == 130
    assert b"no file is half written" in process.stderr.read()
    process.stderr.close()
    assert (out / "report.html").exists()


def test_a_task_that_is_missing_is_told_in_the_commands_words(loop, tmp_path):
    (tmp_path / "in").mkdir()
    cohort = FolderCohort(sys.executable, tmp_path / "none", tmp_path / "in", tmp_path / "out", loop.timer())
    cohort.start()
    loop.until(lambda: not cohort.running, 60)
    assert "does not exist" in cohort.problem
    assert os.listdir(tmp_path) == ["in"]


def test_before_a_run_the_folders_volumes_wait(make, tmp_path):
    (tmp_path / "in").mkdir()
    for name in ("b.nii.gz", "a.nrrd", "notes.txt"):
        (tmp_path / "in" / name).write_bytes(b"")
    cohort = make()
    assert statuses(cohort) == {"a": "waiting", "b": "waiting"}
    assert cohort.volume("b") == tmp_path / "in" / "b.nii.gz"
    with pytest.raises(CohortError, match="c is not in"):
        cohort.volume("c")


def test_what_was_accepted_and_rejected_is_known_again(make, loop, tmp_path):
    cohort = make()
    cohort.start()
    loop.until(lambda: not cohort.running)
    cohort.accept("a")
    cohort.reject("c")
    assert statuses(make()) == {"a": "accepted", "b": "failed", "c": "rejected"}
    (tmp_path / "out" / "judged.json").write_text("{torn", encoding="utf-8")
    assert statuses(make()) == {"a": "done", "b": "failed", "c": "done"}
