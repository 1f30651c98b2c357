import errno
import subprocess
import sys

import pytest

from medmeta.cohorts.lock import locked
from medmeta.errors import CohortError

HOLDER = """
import sys
from pathlib import Path
from medmeta.cohorts.lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_run_is_refused_until_the_first_has_ended_however_it_ends(tmp_path, monkeypatch):
    import medmeta

    monkeypatch.setenv("PYTHONPATH", str(next(iter(medmeta.__path__)) + "/.."))
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(CohortError, match="in use by another run"), locked(tmp_path):
            pass
        other.kill()
    with locked(tmp_path):
        pass


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(CohortError, match="cannot be written to"), locked(tmp_path / "file" / "out"):
        pass


def test_a_file_system_without_locks_is_told_as_such(tmp_path, monkeypatch):
    def refuse(_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("medmeta.cohorts.lock._hold", refuse)
    with pytest.raises(CohortError, match=r"\(No locks available\): choose an --out-dir"), locked(tmp_path):
        pass
