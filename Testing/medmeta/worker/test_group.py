import subprocess
import sys
import time
from pathlib import Path

import pytest

import medmeta
from medmeta.worker import group

LAUNCHER = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(child.pid, flush=True)
if sys.argv[1] == "wait":
    child.wait()
"""


def runs(process):
    try:
        return Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("launcher", ["wait", "gone"])
def test_the_child_of_a_launcher_is_ended_with_it(launcher):
    process = group.start([sys.executable, "-c", LAUNCHER, launcher], stdout=subprocess.PIPE)
    child = int(process.stdout.readline())
    if launcher == "gone":
        process.wait(10)
    assert group.alive(process)
    group.kill(process)
    end = time.monotonic() + 5
    while runs(child):
        assert time.monotonic() < end, "the child lives on"
        time.sleep(0.01)
    process.stdout.close()


def test_one_that_has_ended_by_itself_is_not_alive_and_can_be_killed():
    process = group.start([sys.executable, "-c", ""])
    process.wait(10)
    assert not group.alive(process)
    group.kill(process)


def test_python_finds_this_package_and_writes_utf_8(monkeypatch):
    monkeypatch.delenv("PYTHONPATH", raising=False)
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    code = "import os, sys; print(os.environ['PYTHONPATH'], sys.stdout.encoding)"
    process = group.start([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    path, encoding = process.communicate(timeout=20)[0].rsplit(maxsplit=1)
    assert Path(path) == Path(medmeta.__file__).resolve().parents[1]
    assert encoding == "utf-8"
