"""scripts/benchmark_next_slice as a user runs it, on volumes of the tests' own."""

import json
from pathlib import Path

import numpy as np
import pytest

from medmeta.evaluation.benchmark import select_cases
from medmeta.volumes import Geometry, Volume, write_volume

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def data(tmp_path):
    """The torso's folder with one case, in which the middle one of its even structures is a tube."""
    structures = json.loads((ROOT / "benchmarks" / "torso.json").read_text(encoding="utf-8"))["structures"][::2]
    ((value,),) = select_cases(tuple(structures), "1")
    rng = np.random.default_rng(0)
    i, j, k = np.mgrid[:28, :28, :12]
    labels = np.zeros((28, 28, 12), np.uint8)
    labels[((i - 8) ** 2 + (j - 8 - 0.4 * k) ** 2 <= 16) & (k > 0) & (k < 11)] = value
    grey = np.where(labels == value, 90.0, 20.0) + rng.normal(0, 3, labels.shape)
    geometry = Geometry(labels.shape, (1.0, 1.0, 2.0), (0.0, 0.0, 0.0), (1, 0, 0, 0, 1, 0, 0, 0, 1))
    folder = tmp_path / "data" / "torso_ct"
    folder.mkdir(parents=True)
    for kind, array in (("image", grey.astype(np.float32)), ("label", labels)):
        write_volume(Volume(array, geometry), folder / f"case1_{kind}.nii.gz")
    return tmp_path / "data"


def test_a_run_prints_tables_and_goes_on_where_it_stopped(data, tmp_path, in_process, in_this_process):
    options = ("--data", data, "--half", "even", "--structures", "torso=1", "--strategies", "suggested", "gap")
    first = in_process("benchmark_next_slice", *options)
    assert first.returncode == 0, first.stderr
    assert "| suggested | 1 |" in first.stdout
    records = [json.loads(line) for line in (tmp_path / "next_slice.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [(record["method"], len(record["dice"])) for record in records] == [("suggested", 8), ("gap", 8)]
    again = in_this_process("benchmark_next_slice", *options)
    assert again.stderr == ""
    assert again.stdout == first.stdout


@pytest.mark.parametrize(
    ("options", "message"),
    [(("--data", "nowhere"), "does not exist"), (("--structures", "torso"), "write it like torso=4")],
)
def test_wrong_input_gives_one_line_and_exit_code_2(options, message, in_this_process):
    result = in_this_process("benchmark_next_slice", *options)
    assert result.returncode == 2
    assert message in result.stderr.splitlines()[-1]
    assert "Traceback" not in result.stderr
