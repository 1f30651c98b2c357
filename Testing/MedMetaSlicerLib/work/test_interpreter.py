import subprocess
import sys

import pytest

from medmeta.errors import MedMetaError
from MedMetaSlicerLib.work.interpreter import pythonExecutable


def none(name):
    return None


@pytest.fixture
def home(tmp_path):
    (tmp_path / "bin").mkdir()
    return tmp_path


@pytest.mark.parametrize(("system", "name"), [("posix", "PythonSlicer"), ("nt", "PythonSlicer.exe")])
def test_slicers_own_python_is_taken_where_there_is_one(home, system, name):
    (home / "bin" / name).touch()
    other = str(home / "elsewhere" / "Slicer")
    assert pythonExecutable(home, other, system, none) == str(home / "bin" / name)
    # Without Slicer's folder: beside what runs.
    assert pythonExecutable(None, str(home / "bin" / "python-real"), system, none) == str(home / "bin" / name)


def test_it_is_looked_for_in_path_where_it_is_not_in_slicers_folder(home):
    assert pythonExecutable(home, "/x/Slicer", "posix", lambda name: f"/y/{name}") == "/y/PythonSlicer"


def test_outside_slicer_it_is_the_python_that_runs():
    python = pythonExecutable()
    assert python == sys.executable
    assert subprocess.run([python, "-c", "print(1)"], capture_output=True, check=True).stdout.strip() == b"1"


def test_where_there_is_none_it_is_told(home):
    with pytest.raises(MedMetaError, match=r"PythonSlicer was not found in .*bin.*install Slicer again"):
        pythonExecutable(home, "/x/SlicerApp-real", "posix", none)
