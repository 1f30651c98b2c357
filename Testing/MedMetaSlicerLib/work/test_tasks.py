import os
import subprocess
import sys
import threading

import pytest
import torch

from medmeta.adaptation import AdaptedTask
from medmeta.annotations import Segment
from medmeta.episodes import GreyWindow
from medmeta.errors import CheckpointError, MedMetaError
from medmeta.worker.client import WorkerClient
from MedMetaSlicerLib.work.session import Session
from MedMetaSlicerLib.work.tasks import TaskEntry, TaskLibrary


def task(name="Kidney", forOtherVolumes=True):
    return AdaptedTask(
        (Segment(1, name, (0.1, 0.2, 0.3)),),
        ({"w": torch.arange(4.0)},),
        {},
        {"name": "maml.safetensors", "sha256": "0" * 64},
        torch.eye(3).numpy(),
        1.0,
        (64, 64),
        GreyWindow(0.5, 1.0),
        torch.nn.functional.normalize(torch.ones(1, 32), dim=1),
        {"learner": "maml", "slices": [[2, 6]], "for_other_volumes": forOtherVolumes},
    )


@pytest.fixture
def library(tmp_path):
    return TaskLibrary(tmp_path / "tasks")


@pytest.fixture
def filled(library):
    for name in ("b", "A"):
        task(f"Kidney {name}").save(library.path(name))
    return library


def test_saved_tasks_are_listed_by_name_with_what_their_headers_say(filled):
    a, b = filled.entries()
    assert (a.name, b.name) == ("A", "b")
    assert a.segments == (Segment(1, "Kidney A", (0.1, 0.2, 0.3)),)
    assert a.provenance["slices"] == [[2, 6]]
    assert a.created == pytest.approx(a.path.stat().st_mtime)
    assert a.forOtherVolumes
    assert not a.damaged
    assert filled.entry("b") == b


def test_a_folder_that_is_not_there_yet_has_no_tasks(library):
    assert library.entries() == []


def test_damaged_files_are_listed_as_damaged(filled, hostile):
    whole = filled.path("A").read_bytes()
    files = {"cut off": whole[:-3], "longer": whole + b"x", **hostile}
    for number, content in enumerate(files.values()):
        filled.path(f"damaged {number}").write_bytes(content)
    damaged = [entry for entry in filled.entries() if entry.damaged]
    assert len(damaged) == len(files)
    assert all("adapt again" in entry.problem for entry in damaged)
    assert len(filled.entries()) == len(files) + 2


@pytest.fixture
def hostile(tmp_path):
    import struct

    return {
        "empty": b"",
        "short": b"\1\2",
        "pickle": b"\x80\x04K\x01.",
        "header of 2^63 bytes": struct.pack("<Q", 2**63) + b"{}",
        "deep": struct.pack("<Q", 200_000) + b"[" * 100_000 + b"]" * 100_000,
        "no metadata": struct.pack("<Q", 2) + b"{}",
        "no table": struct.pack("<Q", 2) + b"[]",
    }


def test_listing_loads_neither_torch_nor_safetensors(filled):
    code = (
        "import sys; from MedMetaSlicerLib.work.tasks import TaskLibrary; "
        f"assert len(TaskLibrary({str(filled.folder)!r}).entries()) == 2; "
        "assert not {'torch', 'safetensors', 'monai', 'SimpleITK', 'scipy'} & set(sys.modules)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", "a\\b", "con", "a:b", ".hidden", "x.", "a\n"])
def test_no_path_can_be_made_of_a_name(library, name):
    with pytest.raises(CheckpointError, match="cannot be called"):
        library.path(name)
    assert library.path(library.freeName(name)).parent == library.folder


def test_a_name_that_is_taken_gets_a_number(filled):
    assert filled.freeName("A") == "A (2)"
    task().save(filled.path("A (2)"))
    assert filled.freeName("A") == "A (3)"
    assert filled.suggestedName([Segment(1, "Kidney/left", (1, 0, 0))]) == "Kidney_left"
    assert filled.suggestedName([]) == "Task"


def test_tasks_are_renamed_and_deleted(filled):
    assert filled.rename("A", "Kidney, left").name == "Kidney, left"
    assert [entry.name for entry in filled.entries()] == ["b", "Kidney, left"]
    filled.delete("b")
    assert [entry.name for entry in filled.entries()] == ["Kidney, left"]
    assert filled.rename("Kidney, left", "Kidney, left").name == "Kidney, left"


def test_renaming_never_overwrites(filled):
    before = filled.path("b").read_bytes()
    with pytest.raises(CheckpointError, match="already"):
        filled.rename("A", "b")
    assert filled.path("b").read_bytes() == before
    assert filled.path("A").exists()


@pytest.mark.parametrize("change", ["rename", "delete", "load"])
def test_a_task_that_is_not_there_is_told(filled, change, session):
    arguments = {"rename": ("C", "D"), "delete": ("C",)}
    with pytest.raises(CheckpointError, match="no task 'C'"):
        filled.load(session, "C", print, print) if change == "load" else getattr(filled, change)(*arguments[change])


def test_a_file_is_imported_under_a_free_name(filled, tmp_path):
    task("Liver").save(tmp_path / "A.safetensors")
    entry = filled.importFile(tmp_path / "A.safetensors")
    assert entry.name == "A (2)"
    assert entry.segments[0].name == "Liver"
    (tmp_path / "bad.safetensors").write_bytes(b"rubbish")
    with pytest.raises(CheckpointError, match="no task file"):
        filled.importFile(tmp_path / "bad.safetensors")
    assert len(list(filled.folder.iterdir())) == 3


def test_where_links_are_not_known_nothing_is_overwritten_either(filled, monkeypatch):
    def without(*_):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(os, "link", without)
    assert filled.rename("A", "c").name == "c"
    with pytest.raises(CheckpointError, match="already"):
        filled.rename("c", "b")


@pytest.fixture
def adapted(session, loop, case, Answers):
    told = Answers()
    session.adapt(case, told.done.append, told.errors.append)
    loop.until(lambda: told.ended)
    return told.done[0]


@pytest.fixture
def real(loop, tmp_path):
    session = Session(lambda: WorkerClient(parent=tmp_path), loop.timer())
    yield session
    session.close()


def test_a_task_of_the_worker_is_saved_under_a_free_name(library, session, loop, adapted, Answers):
    told = Answers()
    for _ in range(2):
        library.save(session, adapted.task, "Kidney", told.done.append, told.errors.append)
    loop.until(lambda: len(told.done) + len(told.errors) == 2)
    assert [entry.name for entry in told.done] == ["Kidney", "Kidney (2)"]
    assert sorted(path.name for path in library.folder.iterdir()) == ["Kidney (2).safetensors", "Kidney.safetensors"]


def test_a_save_that_fails_leaves_nothing(library, session, loop, adapted, Answers):
    told = Answers()
    library.save(session, "0" * 32, "Kidney", told.done.append, told.errors.append)
    loop.until(lambda: told.ended)
    assert isinstance(told.errors[0], MedMetaError)
    assert list(library.folder.iterdir()) == []


def test_two_that_save_the_same_name_at_once_do_not_overwrite_each_other(filled, tmp_path):
    parts = []
    for number in range(16):
        parts.append(filled.folder / f".{number}.part")
        parts[-1].write_bytes(bytes([number]))
    won = []

    def settle(part):
        try:
            filled._settle(part, filled.path("same"))
            won.append(part)
        except CheckpointError:
            pass

    threads = [threading.Thread(target=settle, args=(part,)) for part in parts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert filled.path("same").read_bytes() == bytes([parts.index(won[0])])


def test_tasks_that_fit_a_volume_come_the_best_first(library, session, loop, volume, Answers, monkeypatch):
    entries = [
        TaskEntry("four", library.path("four"), forOtherVolumes=True),
        TaskEntry("six six", library.path("six six"), forOtherVolumes=True),
        TaskEntry("one", library.path("one"), problem="damaged", forOtherVolumes=True),
        TaskEntry("it", library.path("it"), forOtherVolumes=False),
        TaskEntry("ten", library.path("ten"), forOtherVolumes=True),
    ]
    library.folder.mkdir()
    for entry in entries[:4]:  # "ten" is deleted before the worker reads it
        entry.path.write_text('[[1, "Kidney", [0, 0, 1]]]', encoding="utf-8")
    monkeypatch.setattr(library, "entries", lambda: entries)
    told = Answers()
    library.match(session, volume(), told.done.append, told.errors.append)
    loop.until(lambda: told.ended)
    assert [(entry.name, fit.distance) for entry, fit in told.done[0]] == [("four", 0.04), ("six six", 0.07)]


def test_matching_is_cancelled(library, session, loop, volume, Answers, monkeypatch):
    entries = [TaskEntry(str(n), library.path(str(n)), forOtherVolumes=True) for n in range(2000)]
    monkeypatch.setattr(library, "entries", lambda: entries)
    told = Answers()
    activity = library.match(session, volume(), told.done.append, told.errors.append, told.onCancelled)
    loop.until(lambda: activity.done > 0)
    session.cancel()
    loop.until(lambda: told.ended)
    assert told.cancelled == 1


def test_the_real_worker_tells_how_close_a_volume_is_to_real_files(filled, real, loop, volume, Answers):
    task(forOtherVolumes=False).save(filled.path("continue only"))
    filled.path("damaged").write_bytes(b"rubbish")
    told = Answers()
    filled.match(real, volume(shape=(40, 40, 20)), told.done.append, told.errors.append)
    loop.until(lambda: told.ended, 60)
    assert told.errors == []
    assert [entry.name for entry, _ in told.done[0]] == ["A", "b"]
    distance = told.done[0][0][1].distance
    assert 0 < distance <= 2
    assert distance == pytest.approx(told.done[0][1][1].distance)
