import os
import signal
import time

import fake_worker as fake
import pytest
from fake_worker import FAKE

from medmeta.errors import Cancelled, DeviceError
from medmeta.worker.client import WorkerClient, WorkerDied
from MedMetaSlicerLib.work.blocking import BlockingWorker


@pytest.fixture
def worker(tmp_path):
    worker = BlockingWorker(lambda: WorkerClient(command=FAKE, parent=tmp_path))
    yield worker
    worker.close()


def test_it_waits_for_the_answer_and_stays_warm(worker, case, volume):
    events = []
    adapted = worker.adapt([case], progress=events.append, device="cpu", seed=fake.QUICK)
    process = worker._client.process
    prediction = worker.predict(adapted.task, volume(1), device="cpu")
    assert (adapted.predictions[0].labels.array == case.annotation.labels).all()
    assert prediction.labels.array.shape == volume(1).array.shape
    assert events[0].phase == "adapt"
    assert worker._client.process is process


def test_errors_and_deaths_are_raised_and_the_next_call_works(worker, case):
    with pytest.raises(DeviceError):
        worker.adapt([case], seed=fake.REFUSED)
    with pytest.raises(WorkerDied):
        worker.adapt([case], seed=fake.CRASH)
    assert worker.adapt([case])


@pytest.mark.alone
@pytest.mark.parametrize("error", [Cancelled("enough"), ValueError("a bug of the script's")])
def test_whatever_progress_raises_stops_the_work_and_is_raised(worker, case, error):
    def stop(event):
        if event.done > 2:
            raise error

    start = time.monotonic()
    with pytest.raises(type(error), match=str(error)):
        worker.adapt([case], seed=fake.SLOW, progress=stop)
    assert time.monotonic() - start < 5
    process = worker._client.process
    assert worker.adapt([case])
    assert worker._client.process is process


@pytest.mark.alone
@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="a process cannot be stopped here")
def test_a_worker_that_does_not_give_way_is_killed_within_a_second(worker, case):
    good, stopped = worker.adapt([case]), []

    def stop(event):
        os.kill(worker._client.process.pid, signal.SIGSTOP)
        stopped.append(time.monotonic())
        raise Cancelled("enough")

    with pytest.raises(Cancelled):
        worker.adapt([case], seed=fake.SLOW, progress=stop)
    assert time.monotonic() - stopped[0] < 1.2
    assert worker.adapt([case], start=good.task)


def test_ctrl_c_ends_the_worker_and_the_next_call_starts_another(worker, case, monkeypatch):
    def interrupt(_):
        monkeypatch.undo()
        raise KeyboardInterrupt

    worker.adapt([case])
    monkeypatch.setattr("MedMetaSlicerLib.work.blocking.time.sleep", interrupt)
    with pytest.raises(KeyboardInterrupt):
        worker.adapt([case], seed=fake.SLOW)
    assert worker._client.process is None
    assert worker.adapt([case])


def test_closed_it_leaves_no_file_and_can_be_used_again(worker, case, tmp_path):
    worker.adapt([case])
    worker.close()
    assert list(tmp_path.iterdir()) == []
    assert worker.adapt([case])
