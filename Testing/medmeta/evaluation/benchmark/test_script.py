"""scripts/benchmark as a user runs it."""

import json

import pytest


@pytest.fixture
def volumes(data):
    """The tubes under the name of the torso's folder and case."""
    folder = data / "torso_ct"
    (data / "tubes").rename(folder)
    for kind in ("image", "label"):
        (folder / f"one_{kind}.nii.gz").rename(folder / f"case1_{kind}.nii.gz")
    return data


def test_a_run_prints_a_table_writes_json_and_goes_on_where_it_stopped(volumes, tmp_path, in_process, in_this_process):
    options = ("--datasets", "torso", "--structures", 2, "--methods", "interpolation", "nearest", "--k", "3")
    first = in_process("benchmark", *options, MEDMETA_DATA=volumes)
    assert first.returncode == 0, first.stderr
    assert "| torso | interpolation | 2 | 0." in first.stdout
    assert "Dice" in first.stderr
    result = json.loads((tmp_path / "benchmark.json").read_text(encoding="utf-8"))
    assert {line["method"] for line in result["summary"]} == {"interpolation", "nearest"}
    second = in_this_process("benchmark", *options, MEDMETA_DATA=volumes)
    assert "4 of 4 results are there already" in second.stderr
    assert second.stdout == first.stdout
    fresh = in_this_process("benchmark", *options, "--fresh", MEDMETA_DATA=volumes)
    assert "already" not in fresh.stderr


def test_results_with_other_settings_are_kept_apart(volumes, in_this_process):
    options = ("--datasets", "torso", "--structures", 1, "--methods", "ours", "--k", "3")
    runs = [((), False), (("--set", "walk=null"), False), ((), True), (("--set", "walk=null"), True)]
    for more, there in runs:
        result = in_this_process("benchmark", *options, *more, MEDMETA_DATA=volumes)
        assert result.returncode == 0, result.stderr
        assert ("1 of 1 results are there already" in result.stderr) == there


def test_a_structure_that_is_not_there_is_a_failure_of_its_own(volumes, in_this_process):
    options = ("--datasets", "torso", "--structures", 3, "--methods", "nearest", "--k", "3")
    result = in_this_process("benchmark", *options, MEDMETA_DATA=volumes)
    assert result.returncode == 1
    assert "failed: torso case1 3 K=3 nearest: The structure is empty" in result.stderr
    assert "| torso | nearest | 2 |" in result.stdout


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--data", "nowhere"), "Data folder nowhere does not exist"),
        (("--datasets", "mouse_brain"), "Not in"),
        (("--cases", "some", "--datasets", "torso"), "--cases some"),
        (("--k", "77", "--datasets", "torso"), "Nothing to measure"),
        (("--k", "0"), "give numbers from 1 on"),
        (("--out", "results.jsonl"), "ends in .json"),
        (("--set", "by_image=siamese", "--datasets", "torso"), "'siamese' is not JSON"),
        (("--checkpoint", "none.safetensors", "--datasets", "torso"), "none.safetensors"),
    ],
)
def test_wrong_input_gives_one_line_and_exit_code_2(options, message, volumes, in_this_process):
    result = in_this_process("benchmark", *options, MEDMETA_DATA=volumes)
    assert result.returncode == 2
    assert message in result.stderr.splitlines()[-1]
    assert "Traceback" not in result.stderr
