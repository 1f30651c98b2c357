import json
import logging
from shutil import copytree

import numpy as np
import pytest

from medmeta.cli import main
from medmeta.errors import Cancelled
from medmeta.volumes import read_label_map, read_volume, write_volume


def medmeta(*arguments):
    return main([str(a) for a in arguments])


@pytest.fixture(scope="module")
def adapted(write_case, checkpoint, tmp_path_factory):
    """A task, and the folder `in` with three volumes."""
    folder = write_case(tmp_path_factory.mktemp("adapted"), [3, 8])
    pair = (folder / "volume.nii.gz", folder / "drawn.nii.gz")
    assert medmeta("adapt", *pair, "-o", folder / "task.safetensors", "--checkpoint", checkpoint) == 0
    for name in ("anna", "berta", "cilla"):
        write_volume(read_volume(pair[0]), folder / "in" / f"{name}.nii.gz")
    return folder


@pytest.fixture
def files(adapted, tmp_path):
    """The same in a folder of the test's own."""
    return copytree(adapted, tmp_path, dirs_exist_ok=True)


def cohort(files, checkpoint, *more, source="in"):
    task, out = files / "task.safetensors", files / "out"
    return medmeta("cohort", task, "--input", files / source, "--out-dir", out, "--checkpoint", checkpoint, *more)


def test_a_folder_is_predicted_as_predict_does_it_with_a_report(files, checkpoint, capsys):
    capsys.readouterr()
    assert cohort(files, checkpoint, "--json", "--confidence") == 0
    output = capsys.readouterr()
    result = json.loads(output.out)
    assert (result["cases"], result["failed"], result["kept"]) == (3, 0, 0)
    assert {row["case"] for row in result["rows"]} == {"anna", "berta", "cilla"}
    assert not any(name in output.err for name in ("anna", str(files / "in")))
    for file in ("report.html", "report.csv", "anna_confidence.nii.gz"):
        assert (files / "out" / file).is_file()
    task, one = files / "task.safetensors", files / "in" / "anna.nii.gz"
    assert medmeta("predict", task, one, "--out-dir", files / "one", "--checkpoint", checkpoint) == 0
    labels = [read_label_map(files / folder / "anna_label.nii.gz").array for folder in ("out", "one")]
    np.testing.assert_array_equal(*labels)


def test_a_failed_case_gives_exit_code_one_and_the_next_run_does_it_alone(files, checkpoint, capsys):
    good = (files / "in" / "berta.nii.gz").read_bytes()
    (files / "in" / "berta.nii.gz").write_bytes(b"rubbish")
    capsys.readouterr()
    assert cohort(files, checkpoint) == 1
    output = capsys.readouterr()
    assert f"1 of 3 cases failed: see {files / 'out' / 'report.html'}" in output.err
    assert "berta" not in output.err
    assert "berta" in output.out
    (files / "in" / "berta.nii.gz").write_bytes(good)
    assert cohort(files, checkpoint) == 0
    assert "2 of 3 cases were done before" in capsys.readouterr().err


def test_the_place_of_a_bug_is_logged_when_asked_for(files, checkpoint, monkeypatch, caplog):
    from medmeta.cohorts import one

    def broken(*_):
        raise RuntimeError("inner trouble")

    monkeypatch.setattr(one, "predict_loaded", broken)
    assert cohort(files, checkpoint) == 1
    assert "inner trouble" not in caplog.text
    try:
        assert cohort(files, checkpoint, "--debug") == 1
    finally:
        logging.getLogger("medmeta").setLevel(logging.NOTSET)
    assert "Traceback" in caplog.text
    assert "anna" in caplog.text


def test_cancelling_gives_exit_code_130_and_the_next_run_goes_on(files, checkpoint, monkeypatch, capsys):
    from medmeta.cohorts import one

    predict = one.predict_loaded

    def cancelled(recipe, name, *more):
        if name == "cilla":
            raise Cancelled("cancelled")
        return predict(recipe, name, *more)

    monkeypatch.setattr(one, "predict_loaded", cancelled)
    assert cohort(files, checkpoint) == 130
    monkeypatch.undo()
    capsys.readouterr()
    assert cohort(files, checkpoint) == 0
    assert "2 of 3 cases were done before" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--ending", ".mhd"], "--ending .mhd is not known"),
        (["--device", "cuda:9"], "cuda:9"),
        (["--out-dir", "in"], "choose another --out-dir"),
        (["--input", "none"], "none is not a manifest"),
        (["--input", "drawn.nii.gz"], "is not a manifest: give a folder"),
        (["--input", "escape.json"], "leaves the manifest's folder"),
    ],
)
def test_wrong_input_gives_one_line_and_exit_code_two(files, checkpoint, capsys, more, message):
    (files / "escape.json").write_text('{"cases": ["../a.nii.gz"]}', encoding="utf-8")
    option, value = more
    capsys.readouterr()
    assert cohort(files, checkpoint, option, files / value if option in ("--input", "--out-dir") else value) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert message in lines[0]


def test_a_damaged_task_is_refused(files, checkpoint, capsys):
    (files / "task.safetensors").write_bytes(b"rubbish")
    capsys.readouterr()
    assert cohort(files, checkpoint) == 2
    assert "task.safetensors" in capsys.readouterr().err


def test_a_cluster_does_the_same(files, checkpoint, capsys):
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(n_workers=1, threads_per_worker=1, processes=True, dashboard_address=":0") as cluster:
        capsys.readouterr()
        assert cohort(files, checkpoint, "--json", "--scheduler", cluster.scheduler_address) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert [(row["case"], row["status"]) for row in rows] == [(name, "done") for name in ("anna", "berta", "cilla")]
    assert read_label_map(files / "out" / "anna_label.nii.gz").array.any()
