import os
import signal

import fake_worker as fake
import pytest
from fake_worker import FAKE

from medmeta.errors import Cancelled
from medmeta.worker.client import WorkerClient
from MedMetaSlicerLib.work.blocking import BlockingWorker
from MedMetaSlicerLib.work.session import Session
from MedMetaSlicerLib.work.shared import SharedClient


@pytest.fixture
def shared(tmp_path):
    return SharedClient(lambda: WorkerClient(command=FAKE, parent=tmp_path))


@pytest.fixture
def panel(shared, loop):
    session = Session(shared.lend, loop.timer())
    yield session
    session.close()


@pytest.fixture
def effect(shared, loop):
    session = Session(shared.lend, loop.timer())
    yield session
    session.close()


@pytest.fixture
def script(shared):
    worker = BlockingWorker(shared.lend)
    yield worker
    worker.close()


def adapt(session, case, told, seed=fake.QUICK):
    return session.adapt(case, told.done.append, told.errors.append, onCancelled=told.onCancelled, seed=seed)


def atWork(panel, effect, loop, case, Answers):
    """What panel and effect will be told: the panel's slow request is computed, the effect's waits."""
    one, two = Answers(), Answers()
    activity = adapt(panel, case, one, fake.SLOW)
    adapt(effect, case, two)
    loop.until(lambda: activity.done > 0)
    return one, two


def test_panel_effect_and_script_have_one_process(shared, panel, effect, script, loop, case, Answers):
    one, two = Answers(), Answers()
    adapt(panel, case, one)
    adapt(effect, case, two)
    process = shared.client.process
    assert script.adapt([case]).predictions
    loop.until(lambda: one.ended and two.ended)
    assert one.done
    assert two.done
    assert shared.client.process is process


def test_a_script_that_waits_takes_the_panels_answer_along(panel, script, loop, case, Answers):
    told = Answers()
    activity = adapt(panel, case, told)
    script.adapt([case])  # comes after it; the panel's timer has had no turn meanwhile
    assert not told.ended
    assert activity.phase == "adapt"
    loop.until(lambda: told.ended)
    assert told.done


def test_cancel_stops_ones_own_work_alone(panel, effect, loop, case, Answers):
    one, two = atWork(panel, effect, loop, case, Answers)
    panel.cancel()
    loop.until(lambda: one.ended and two.ended)
    assert one.cancelled == 1
    assert two.done


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="a process cannot be stopped here")
def test_what_others_asked_is_asked_again_where_the_worker_had_to_be_killed(shared, panel, effect, loop, case, Answers):
    one, two = atWork(panel, effect, loop, case, Answers)
    process = shared.client.process
    os.kill(process.pid, signal.SIGSTOP)
    panel.cancel()
    loop.until(lambda: one.ended and two.ended)
    assert one.cancelled == 1
    assert two.done
    assert (one.errors, two.errors) == ([], [])
    assert shared.client.process is not process


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="a process cannot be stopped here")
def test_what_a_script_waits_for_is_asked_again_too(shared, panel, script, loop, case, Answers):
    told, seen = Answers(), []

    def stuck(event):
        """The script's request is being computed when the panel's has the worker killed."""
        seen.append(event)
        if len(seen) == 2:
            lease = shared.lend()
            lease.adapt([case])
            os.kill(shared.client.process.pid, signal.SIGSTOP)
            lease.kill()

    assert script.adapt([case], progress=stuck).predictions
    adapt(panel, case, told)
    loop.until(lambda: told.ended)
    assert told.done


def test_who_goes_takes_his_tasks_along_and_the_last_one_ends_the_worker(
    shared, panel, effect, loop, case, tmp_path, Answers
):
    one, two, predicted = Answers(), Answers(), Answers()
    adapt(panel, case, one)
    adapt(effect, case, two)
    loop.until(lambda: one.ended and two.ended)
    folder, process = shared.client.folder.path, shared.client.process
    assert len(list(folder.glob("*.task"))) == 2
    panel.close()
    assert process.running
    effect.predict(two.done[0].task, case.volume, predicted.done.append, predicted.errors.append)
    loop.until(lambda: predicted.ended)
    assert predicted.done
    assert [path.stem for path in folder.glob("*.task")] == [two.done[0].task]
    effect.close()
    assert not process.running
    assert list(tmp_path.iterdir()) == []


def test_who_goes_amid_his_work_leaves_that_of_others(panel, effect, loop, case, Answers):
    one, two = atWork(panel, effect, loop, case, Answers)
    panel.close()
    assert one.cancelled == 1
    loop.until(lambda: two.ended)
    assert two.done


def test_after_the_last_one_went_it_can_be_used_again(shared, script, case):
    assert script.adapt([case]).predictions
    script.close()
    assert shared.client is None
    assert script.adapt([case]).predictions


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="a process cannot be killed here")
def test_the_last_one_starts_no_worker_to_forget_its_tasks(shared, script, case, tmp_path, monkeypatch):
    script.adapt([case])
    process = shared.client.process
    os.kill(process.pid, signal.SIGKILL)
    monkeypatch.setattr("medmeta.worker.client.WorkerProcess", None)  # whoever starts one fails
    script.close()
    assert shared.client is None
    assert list(tmp_path.iterdir()) == []


def test_a_script_is_told_of_its_own_cancel(shared, script, case):
    def stop(_):
        raise Cancelled("enough")

    with pytest.raises(Cancelled, match="enough"):
        script.adapt([case], seed=fake.SLOW, progress=stop)
    assert script.adapt([case]).predictions
