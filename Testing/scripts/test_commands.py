"""Scripts that need the engine, as a user calls them."""

import importlib.util
import os
import subprocess
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import SimpleNamespace

import pytest

import _project

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = [p for p in sorted((ROOT / "scripts").iterdir()) if p.is_file() and "from _project import" in p.read_text()]


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda p: p.name)
def test_every_script_says_what_it_does_and_how_it_is_called(path, capsys, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    loader = SourceFileLoader(path.name, str(path))
    script = importlib.util.module_from_spec(importlib.util.spec_from_loader(path.name, loader))
    loader.exec_module(script)
    with pytest.raises(SystemExit) as end:
        script.main(["--help"])
    assert end.value.code == 0
    told = capsys.readouterr().out
    assert script.__doc__.split()[0] in told
    assert f"scripts/{path.name}" in told
    assert os.access(path, os.X_OK)


NAMES_FROM_THE_ENGINE = ("benchmark_next_slice", "reproduce_digits", "reproduce_sinusoid")


@pytest.mark.parametrize("path", [p for p in SCRIPTS if p.name not in NAMES_FROM_THE_ENGINE], ids=lambda p: p.name)
def test_help_needs_no_package(path, tmp_path):
    command = [sys.executable, "-S", "-E", str(path), "--help"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr


@pytest.fixture
def bare(monkeypatch):
    """A Python without the engine's packages; tells what is called."""
    told = SimpleNamespace(prepared=[], entered=[], code=0)

    def run(command, **_):
        told.prepared.append(command)
        return SimpleNamespace(returncode=told.code)

    monkeypatch.setattr(_project, "find_spec", lambda _: None)
    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(os, "execv", lambda python, arguments: told.entered.append((python, arguments)))
    monkeypatch.setattr(sys, "prefix", "/usr")
    monkeypatch.setattr(sys, "argv", ["scripts/benchmark", "--quick"])
    return told


@pytest.mark.skipif(os.name == "nt", reason="bash makes the environment")
def test_without_the_packages_a_script_goes_on_in_the_project_s_own_environment(bare):
    _project.enter("scene")
    assert bare.prepared[0][-1] == str(ROOT)
    assert bare.prepared[0][-2].endswith("prepare scene")
    python = str(ROOT / ".venv/bin/python")
    assert bare.entered == [(python, [python, "scripts/benchmark", "--quick"])]


@pytest.mark.skipif(os.name == "nt", reason="bash makes the environment")
def test_where_that_cannot_be_made_a_script_ends(bare):
    bare.code = 1
    with pytest.raises(SystemExit, match="2"):
        _project.enter()
    assert not bare.entered


def test_an_environment_that_lacks_packages_all_the_same_is_named(bare, monkeypatch):
    monkeypatch.setattr(sys, "prefix", str(ROOT / ".venv"))
    with pytest.raises(SystemExit, match=r"benchmark: error: packages are missing: pip install"):
        _project.enter()
    assert not bare.prepared
