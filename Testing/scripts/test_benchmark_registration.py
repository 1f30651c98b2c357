"""scripts/benchmark_registration on volumes of the test's own."""

import importlib.util
import json
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path

import numpy as np
import pytest

from medmeta.volumes import Geometry, Volume, write_volume

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def data(tmp_path):
    """The lungs' folder: two cases of five lobes side by side, in the second one two voxels further."""
    manifest = json.loads((ROOT / "benchmarks/lung_mr.json").read_text(encoding="utf-8"))
    folder = tmp_path / manifest["folder"]
    folder.mkdir()
    i, j, k = np.mgrid[:36, :40, :14]
    for shift, case in zip((0, 2), manifest["cases"], strict=True):
        lungs = ((i - 15 - shift) / 7) ** 2 + ((j - 20) / 15) ** 2 + ((k - 7) / 6) ** 2 < 1
        labels = (lungs * np.clip(1 + (j - 5) // 6, 1, 5)).astype(np.uint8)
        body = ((i - 18) / 17) ** 2 + ((j - 20) / 19) ** 2 < 1
        image = 40.0 * body + 20 * labels + np.random.default_rng(shift).normal(0, 2, labels.shape)
        geometry = Geometry(labels.shape, (1.0, 1.0, 2.0), (0.0, 0.0, 0.0), (1, 0, 0, 0, 1, 0, 0, 0, 1))
        for kind, array in (("image", image.astype(np.float32)), ("label", labels)):
            write_volume(Volume(array, geometry), folder / f"{case}_{kind}.nii.gz")
    return tmp_path


@pytest.fixture
def run(monkeypatch, capsys):
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    path = ROOT / "scripts/benchmark_registration"
    loader = SourceFileLoader(path.name, str(path))
    script = importlib.util.module_from_spec(importlib.util.spec_from_loader(path.name, loader))
    loader.exec_module(script)

    def call(*options):
        code = script.main([str(option) for option in options])
        return code, capsys.readouterr()

    return call


def test_labels_are_carried_both_ways_and_the_mean_is_told(data, run):
    code, said = run("--data", data, "--datasets", "lung_mr", "--cases", "all")
    assert code == 0
    name, pairs, whole, refined = (cell.strip() for cell in said.out.splitlines()[-1].strip("|").split("|"))
    assert (name, pairs) == ("lung_mr", "10 in 2")
    assert min(float(whole), float(refined)) > 0.8


def test_a_single_case_makes_no_pair(data, run):
    code, said = run("--data", data, "--datasets", "lung_mr", "--cases", "even")
    assert code == 0
    assert "fewer than two even cases" in said.err


def test_what_is_not_there_is_named(data, run):
    code, said = run("--data", data, "--datasets", "mouse_brain")
    assert code == 2
    assert f"not in {data}: mouse_brain" in said.err
