"""What happens when something dies: nothing is lost, nothing is left over, and the next request works."""

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import fake_worker as fake
import numpy as np
import pytest
from fake_worker import FAKE, left

from medmeta.errors import Cancelled, MedMetaError
from medmeta.worker.client import WorkerClient, WorkerDied
from medmeta.worker.messages import WorkerError

ROUNDS, CLIENT_ROUNDS = 50, 10


def alive(process):
    try:
        return Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_worker_killed_at_random_moments_costs_nothing_but_the_request(client, case):
    rng, died, processes = random.Random(0), 0, set()
    drawn = case.annotation.labels.copy()
    good = client.adapt([case]).wait()
    for number in range(ROUNDS):
        pending = client.adapt([case], seed=rng.choice((fake.QUICK, fake.SLOW)), on_preview=lambda *_: None)
        worker = client.process
        processes.add(worker.pid)
        end = time.monotonic() + rng.choice((0.0, 0.05, 0.3, 0.6))
        while time.monotonic() < end:
            client.poll()
        with contextlib.suppress(ProcessLookupError):  # a request may go to one that is just dying
            os.kill(worker.pid, signal.SIGKILL)
        while worker.running:
            time.sleep(0.001)
        try:
            pending.wait(20)
        except WorkerDied:
            died += 1
        assert (case.annotation.labels == drawn).all()
        if number % 10 == 9:
            assert (client.predict(good.task, case.volume).wait(20).labels.array.shape) == case.volume.array.shape
    assert died > ROUNDS // 2
    assert client.adapt([case]).wait(20)
    processes.add(client.process.pid)
    client.close()
    assert not any(alive(process) for process in processes)


CLIENT = textwrap.dedent("""
    import sys, time
    sys.path.insert(0, sys.argv[1])
    import numpy as np
    from fake_worker import FAKE
    from medmeta.annotations import AnnotatedVolume, SparseAnnotation
    from medmeta.volumes import Geometry, Volume
    from medmeta.worker.client import WorkerClient

    labels = np.zeros((8, 8, 8), np.uint8)
    labels[2:4, 2:4, [2, 5]] = 1
    geometry = Geometry((8, 8, 8), (1.0,) * 3, (0.0,) * 3, (1.0, 0, 0, 0, 1, 0, 0, 0, 1))
    case = AnnotatedVolume(Volume(np.ones((8, 8, 8)), geometry), SparseAnnotation.from_labels(labels, axis=2))
    client = WorkerClient(command=FAKE, parent=sys.argv[2])
    pending = client.adapt([case], seed=int(sys.argv[3]), on_preview=lambda *_: None)
    print(client.process.pid, flush=True)
    while client.device is None:
        client.poll()
    print("ready", flush=True)
    time.sleep(60)
""")


def test_the_worker_of_a_client_killed_at_random_moments_goes_with_it_and_leaves_no_file(tmp_path):
    rng, script = random.Random(0), [sys.executable, "-c", CLIENT, str(Path(__file__).parent), str(tmp_path)]
    for number in range(CLIENT_ROUNDS):
        seed = fake.ENDLESS if number % 2 else fake.SLOW
        client = subprocess.Popen([*script, str(seed)], stdout=subprocess.PIPE, text=True)
        worker = int(client.stdout.readline())
        assert alive(worker)
        if seed == fake.ENDLESS:  # its answer is still written while the folder is removed
            assert client.stdout.readline() == "ready\n"
        time.sleep(rng.uniform(0.0, 0.5))
        client.kill()
        client.wait()
        client.stdout.close()
        end = time.monotonic() + 20
        while alive(worker) or list(tmp_path.iterdir()):
            assert time.monotonic() < end, "the worker lives on, or its files do"
            time.sleep(0.02)


@pytest.mark.parametrize("after", [0.0, 0.05, 0.2, 0.5, 1.0])
def test_cancelled_at_any_moment_nothing_is_left_and_the_next_request_works(client, case, after):
    pending = client.adapt([case], seed=fake.SLOW, on_preview=lambda *_: None)
    end = time.monotonic() + after
    while time.monotonic() < end:
        client.poll()
    pending.cancel()
    with pytest.raises(Cancelled):
        pending.wait(20)
    assert client.adapt([case]).wait(20)
    assert set(left(client)) == {".task"}


@pytest.mark.parametrize("kill", [False, True], ids=["cancelled", "killed"])
def test_matching_that_is_cancelled_or_killed_leaves_nothing_and_the_next_request_works(client, case, tmp_path, kill):
    client.adapt([case]).wait(20)
    progress = []
    paths = [tmp_path / str(n) for n in range(2000)]
    pending = client.match(paths, case.volume, on_progress=progress.append)
    end = time.monotonic() + 20
    while not progress and time.monotonic() < end:
        client.poll()
    if kill:
        os.kill(client.process.pid, signal.SIGKILL)
    else:
        pending.cancel()
    with pytest.raises(WorkerDied if kill else Cancelled):
        pending.wait(20)
    assert client.adapt([case]).wait(20)
    assert set(left(client)) == {".task"}


def test_torn_files_fail_the_request_alone(client, case):
    client.adapt([case]).wait()
    put = client.folder.put

    def torn(array):
        sent = put(array)
        path = client.folder.path / sent.file
        path.write_bytes(path.read_bytes()[:-5])
        return sent

    client.folder.put = torn
    with pytest.raises(MedMetaError, match="not written to its end"):
        client.adapt([case]).wait(20)
    client.folder.put = put
    assert client.adapt([case]).wait(20)


def test_a_message_that_is_cut_off_fails_what_is_pending_and_the_next_request_works(client, case):
    client.adapt([case]).wait()
    pending = client.adapt([case], seed=fake.SLOW)
    client.process.say(b'{"type":"predict","id":\n')
    with pytest.raises(MedMetaError, match="do not fit each other"):
        pending.wait(20)
    assert client.adapt([case]).wait(20)


def test_a_shared_folder_that_vanished_is_told_and_made_anew(client, case):
    client.adapt([case]).wait()
    shutil.rmtree(client.folder.path)
    with pytest.raises(MedMetaError):
        client.adapt([case]).wait(20)
    client.close()
    assert client.adapt([case]).wait(20)


def test_a_full_disk_is_told_and_once_there_is_room_the_next_request_works(disk, case):
    with WorkerClient(command=FAKE, parent=disk.path) as client:
        good = client.adapt([case]).wait(20)
        for ask in (lambda: client.adapt([case]), lambda: client.suggest(good.predictions[0], case)):
            disk.fill()
            with pytest.raises(MedMetaError, match="No space left"):
                ask().wait(20)
            assert left(client) == [".task"]  # not the label map, for which there was room
            disk.free()
        assert np.array_equal(good.predictions[0].labels.array, case.annotation.labels)
        assert client.predict(good.task, case.volume).wait(20)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no limit on the size of files")
def test_an_answer_for_which_there_is_no_room_leaves_neither_arrays_nor_a_task(client, case):
    with pytest.raises(MedMetaError, match="cannot be written"):
        client.adapt([case], seed=fake.FULL).wait(20)
    assert left(client) == []
    assert client.adapt([case]).wait(20)


@pytest.mark.parametrize("asked", ["adapt", "predict"])
def test_an_answer_that_cannot_be_read_leaves_neither_arrays_nor_its_task(client, case, monkeypatch, asked):
    good = client.adapt([case]).wait(20)

    def refuse(array):
        raise WorkerError("An array is not there any more: ask again.")

    with monkeypatch.context() as patch:
        patch.setattr(client.folder, "take", refuse)
        pending = client.adapt([case]) if asked == "adapt" else client.predict(good.task, case.volume)
        with pytest.raises(MedMetaError, match="not there any more"):
            pending.wait(20)
    fake.poll_until(client, lambda: left(client) == [".task"])
    assert client.predict(good.task, case.volume).wait(20)


def test_a_client_outlives_its_workers_output_being_garbage(client, case):
    client.adapt([case]).wait()
    pending = client.adapt([case], seed=fake.SLOW)
    client.process.lines.put(b"\xff\xfe nonsense\n")
    with pytest.raises(MedMetaError, match="do not fit each other"):
        pending.wait(20)
    assert client.adapt([case]).wait(20)
