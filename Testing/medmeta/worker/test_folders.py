import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import medmeta
from medmeta.cohorts.lock import FILE
from medmeta.errors import CohortError, MedMetaError
from medmeta.worker import folders
from medmeta.worker.arrays import ArrayFolder
from medmeta.worker.folders import GONE, PREFIX, remove, shared_folder, sweep

HOLDER = """
import sys
from medmeta.worker.folders import shared_folder
with shared_folder(sys.argv[1]) as folder:
    (folder / "0123").write_bytes(b"volume")
    print(folder, flush=True)
    sys.stdin.read()
"""


def made(parent, name, *files):
    folder = parent / f"{PREFIX}{name}"
    folder.mkdir()
    for file in files:
        (folder / file).write_bytes(b"volume")
    return folder


def test_only_this_user_can_read_it_and_in_the_end_it_is_gone(tmp_path):
    with shared_folder(tmp_path) as folder:
        assert folder.stat().st_mode & 0o077 == 0
        (folder / "0123").write_bytes(b"volume")
    assert list(tmp_path.iterdir()) == []


def test_what_another_holds_stays_and_is_swept_once_that_one_has_ended_however_it_ends(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(medmeta.__file__).parents[1]))
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        folder = Path(other.stdout.readline().strip())
        sweep(tmp_path)
        assert (folder / "0123").exists()
        other.kill()
    assert (folder / "0123").exists()
    with shared_folder(tmp_path) as mine:
        assert list(tmp_path.iterdir()) == [mine]


def test_the_number_of_a_process_says_nothing_about_who_holds_a_folder(tmp_path):
    left = made(tmp_path, "1-abc", FILE, "0123")  # process 1 always runs, on this machine and on others
    sweep(tmp_path)
    assert not left.exists()


def test_what_may_be_a_new_clients_stays_and_what_was_put_aside_goes(tmp_path):
    fresh, locking = made(tmp_path, "fresh"), made(tmp_path, "locking", FILE)
    aside = made(tmp_path, f"aside{GONE}", "0123")
    (tmp_path / f"{PREFIX}file").write_bytes(b"")
    sweep(tmp_path)
    assert fresh.exists()
    assert locking.exists()
    assert not aside.exists()


def test_where_nothing_can_be_locked_it_is_made_and_nothing_is_swept(tmp_path, monkeypatch):
    def refuse(folder):
        raise CohortError("no locks")

    monkeypatch.setattr(folders, "locked", refuse)
    other = made(tmp_path, "other", FILE, "0123")
    with shared_folder(tmp_path) as folder:
        assert folder.exists()
        assert other.exists()
    assert not folder.exists()


def test_a_folder_is_removed_while_something_is_written_to_it(tmp_path):
    def write(folder):
        while True:
            try:
                folder.put(np.zeros((20, 20)))
            except MedMetaError:
                return

    for number in range(40):
        path = made(tmp_path, str(number))
        writer = threading.Thread(target=write, args=(ArrayFolder(path),))
        writer.start()
        time.sleep(0.005)
        remove(path)
        writer.join(10)
        assert not writer.is_alive()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_made_anew_while_it_is_removed_goes_too(tmp_path, monkeypatch):
    path = made(tmp_path, "saved", "0123")
    rmtree, again = shutil.rmtree, iter([True])

    def saving(place, **options):
        if next(again, False):  # as a task does that is just being saved
            path.mkdir()
        rmtree(place, **options)

    monkeypatch.setattr(folders.shutil, "rmtree", saving)
    remove(path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["nowhere", "file"])
def test_a_parent_in_which_nothing_can_be_made_is_refused(tmp_path, name):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(MedMetaError, match="MEDMETA_WORKER_DIR"), shared_folder(tmp_path / name):
        pass
