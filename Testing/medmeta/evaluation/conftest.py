"""Scripts as a user runs them."""

import os
import subprocess
import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import SimpleNamespace

import pytest

SCRIPTS = Path(__file__).resolve().parents[3] / "scripts"


@pytest.fixture
def in_process(tmp_path):
    """Runs a script in a process of its own, in the test's folder: (script's name, *options, **environment)."""

    def run(name, *options, **more):
        environment = {key: value for key, value in os.environ.items() if key != "MEDMETA_DATA"}
        environment |= {"PYTHONPATH": os.pathsep.join(sys.path)} | {key: str(value) for key, value in more.items()}
        command = [sys.executable, str(SCRIPTS / name), *map(str, options)]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)

    return run


@pytest.fixture
def in_this_process(tmp_path, monkeypatch, capsys):
    """The same without the seconds that a process takes to start."""

    def run(name, *options, **more):
        loader = SourceFileLoader(name, str(SCRIPTS / name))
        script = module_from_spec(spec_from_loader(name, loader))
        with monkeypatch.context() as patch:
            patch.setattr(sys, "dont_write_bytecode", True)
            patch.setattr(sys, "path", [*sys.path])
            patch.chdir(tmp_path)
            patch.delenv("MEDMETA_DATA", raising=False)
            for key, value in more.items():
                patch.setenv(key, str(value))
            capsys.readouterr()
            try:
                loader.exec_module(script)
                code = script.main([str(option) for option in options])
            except SystemExit as end:  # argparse
                code = end.code
        output = capsys.readouterr()
        return SimpleNamespace(returncode=code, stdout=output.out, stderr=output.err)

    return run
