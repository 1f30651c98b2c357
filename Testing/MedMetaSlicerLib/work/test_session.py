import logging
import os
import signal
import subprocess
import sys
import time

import fake_worker as fake
import pytest

from medmeta.errors import Cancelled, DeviceError
from medmeta.worker.client import WorkerClient, WorkerDied
from MedMetaSlicerLib.work.session import Session


def ask(session, case, told, **options):
    return session.adapt(case, told.done.append, told.errors.append, told.previews.append, told.onCancelled, **options)


def adapted(session, loop, case, told):
    ask(session, case, told)
    loop.until(lambda: told.ended)
    assert told.errors == []
    return told.done[-1]


def test_work_is_asked_for_at_once_and_answered_from_the_timer(session, loop, case, Answers):
    told = Answers()
    activity = ask(session, case, told, seed=fake.NOTICE)
    assert session.busy
    assert session.activity is activity
    assert not told.ended
    loop.until(lambda: told.ended)
    assert (told.done[0].predictions[0].labels.array == case.annotation.labels).all()
    assert (told.previews[0].array == case.annotation.labels).all()
    assert activity.notices == ["Going on on the CPU."]
    assert activity.phase == "adapt"
    assert (activity.state, activity.fraction) == ("done", 1.0)
    assert not session.busy
    assert session.activity is None


def test_the_timer_rests_while_there_is_nothing_to_wait_for(session, loop, case, Answers):
    assert loop.idle
    adapted(session, loop, case, Answers())
    loop.until(lambda: loop.idle)


def test_a_task_predicts_is_gone_on_from_saved_loaded_and_forgotten(session, loop, case, volume, Answers, tmp_path):
    first = adapted(session, loop, case, Answers())
    told = Answers()
    ask(session, case, told, start=first.task)
    session.predict(first.task, volume(1), told.done.append, told.errors.append)
    session.save(first.task, tmp_path / "kidney.task", told.done.append, told.errors.append)
    session.load(tmp_path / "kidney.task", told.done.append, told.errors.append)
    session.suggest(first.predictions[0], case, 2, told.done.append, told.errors.append)
    loop.until(lambda: not session.busy)
    again, prediction, saved, loaded, slices = told.done
    assert again.task != first.task
    assert prediction.labels.geometry == volume(1).geometry
    assert saved is None
    assert loaded.segments == case.annotation.segments
    assert len(slices) == 2
    session.forget(first.task)
    session.predict(first.task, volume(1), told.done.append, told.errors.append)
    loop.until(lambda: told.errors)
    assert "not there any more" in str(told.errors[0])


def test_an_error_goes_to_whom_it_concerns_and_the_next_request_works(session, loop, case, Answers):
    told = Answers()
    activity = ask(session, case, told, seed=fake.REFUSED)
    loop.until(lambda: told.ended)
    assert isinstance(told.errors[0], DeviceError)
    assert activity.state == "failed"
    adapted(session, loop, case, Answers())


def test_a_worker_that_cannot_be_asked_is_told_from_the_timer_too(makeSession, loop, case, tmp_path, Answers):
    told = Answers()
    ask(makeSession([str(tmp_path / "nothing")]), case, told)
    assert not told.ended
    loop.until(lambda: told.ended)
    assert "cannot be started" in str(told.errors[0])


def test_a_client_that_cannot_be_made_is_told(loop, case, Answers, caplog):
    def broken():
        raise ModuleNotFoundError("No module named 'msgspec'")

    told = Answers()
    ask(Session(broken, loop.timer()), case, told)
    loop.until(lambda: told.ended)
    assert "msgspec" in str(told.errors[0])


def test_a_death_of_the_worker_is_told_and_the_next_request_works(session, loop, case, Answers):
    first, told = adapted(session, loop, case, Answers()), Answers()
    ask(session, case, told, seed=fake.CRASH)
    loop.until(lambda: told.ended)
    assert isinstance(told.errors[0], WorkerDied)
    again = Answers()
    ask(session, case, again, start=first.task)
    loop.until(lambda: again.ended)
    assert again.done


def test_exceptions_in_callbacks_are_logged_and_disturb_nothing(session, loop, case, Answers, caplog):
    def fail(*_):
        raise ValueError("the node is gone")

    session.onChanged.append(fail)
    session.adapt(case, fail, fail, fail)
    with caplog.at_level(logging.ERROR):
        loop.until(lambda: not session.busy)
    assert "the node is gone" in caplog.text
    session.onChanged.remove(fail)
    adapted(session, loop, case, Answers())


def test_a_callback_may_run_the_event_loop_as_a_dialog_does(session, loop, case, Answers):
    inner, told = Answers(), Answers()

    def dialog(_):
        ask(session, case, inner)
        loop.until(lambda: inner.ended)
        told.done.append("closed")

    session.adapt(case, dialog, told.errors.append, dialog)
    loop.until(lambda: len(told.done) == 2)
    assert told.errors == []


def test_listeners_are_called_on_news_and_now_and_then_without(session, loop, case, Answers):
    calls, told = [], Answers()
    session.onChanged.append(lambda: calls.append(session.activity and session.activity.done))
    ask(session, case, told, seed=fake.SLOW)
    loop.until(lambda: len(set(calls)) > 3)
    session.cancel()
    loop.until(lambda: told.ended)
    assert calls[-1] is None


def test_cancel_takes_effect_and_leaves_the_worker_as_it_is(session, loop, case, Answers):
    told = Answers()
    activity = ask(session, case, told, seed=fake.SLOW)
    loop.until(lambda: activity.done > 0)
    process, start = session._client.process, time.monotonic()
    session.cancel()
    assert activity.state == "cancelling"
    loop.until(lambda: told.ended)
    assert told.cancelledAt - start < 0.5
    assert (told.cancelled, told.done, told.errors, activity.state) == (1, [], [], "cancelled")
    adapted(session, loop, case, Answers())
    assert session._client.process is process


@pytest.mark.alone
@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="a process cannot be stopped here")
def test_a_worker_that_does_not_give_way_is_killed_and_started_anew_within_a_second(session, loop, case, Answers):
    good, told = adapted(session, loop, case, Answers()), Answers()
    activity = ask(session, case, told, seed=fake.SLOW)
    loop.until(lambda: activity.done > 0)
    process = session._client.process
    os.kill(process.pid, signal.SIGSTOP)  # as one does that is deep inside a driver
    loop.longest, start = 0.0, time.monotonic()
    session.cancel()
    loop.until(lambda: told.ended)
    assert told.cancelledAt - start < 1.0
    assert loop.longest < 0.3
    assert (told.cancelled, told.errors) == (1, [])
    assert not process.running
    loop.until(lambda: session.device, 5)  # another one is there already
    again = Answers()
    ask(session, case, again, start=good.task)
    loop.until(lambda: again.ended)
    assert again.done
    assert {path.suffix for path in session._client.folder.path.iterdir()} == {".lock", ".task"}


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="a process cannot be stopped here")
def test_what_was_not_cancelled_is_asked_again_of_the_new_worker(session, loop, case, volume, Answers, tmp_path):
    good, told, other = adapted(session, loop, case, Answers()), Answers(), Answers()
    activity = ask(session, case, told, seed=fake.SLOW)
    session.predict(good.task, volume(1), other.done.append, other.errors.append)
    session.save(good.task, tmp_path / "kept.task", other.done.append, other.errors.append)
    loop.until(lambda: activity.done > 0)
    os.kill(session._client.process.pid, signal.SIGSTOP)
    session.cancel(activity)
    loop.until(lambda: told.ended and not session.busy)
    assert told.cancelled == 1
    assert len(other.done) == 2
    assert other.errors == []
    assert (tmp_path / "kept.task").exists()


def test_cancel_of_one_request_leaves_the_others(session, loop, case, Answers):
    one, two = Answers(), Answers()
    first = ask(session, case, one, seed=fake.SLOW)
    ask(session, case, two)
    session.cancel(first)
    loop.until(lambda: one.ended and two.ended)
    assert one.cancelled == 1
    assert two.done


def test_an_answer_that_comes_after_cancel_is_not_wanted(session, loop, case, Answers):
    told = Answers()
    ask(session, case, told)
    pending = session._running[0].pending
    while not pending.done:
        session._client.poll()
    session.cancel()
    loop.until(lambda: told.ended and not session.busy)
    assert told.cancelled == 1
    assert told.done == []
    assert not list(session._client.folder.path.glob("*.task"))  # nobody could use it


def test_without_onCancelled_the_error_says_that_it_was_cancelled(session, loop, case, Answers):
    told = Answers()
    session.adapt(case, told.done.append, told.errors.append, seed=fake.SLOW)
    session.cancel()
    loop.until(lambda: told.ended)
    assert isinstance(told.errors[0], Cancelled)


def test_saving_is_let_through_by_cancel(session, loop, case, Answers, tmp_path):
    task, told, saved = adapted(session, loop, case, Answers()).task, Answers(), Answers()
    ask(session, case, told, seed=fake.SLOW)
    session.save(task, tmp_path / "kept.task", saved.done.append, saved.errors.append)
    session.cancel()
    loop.until(lambda: told.ended and saved.ended)
    assert saved.done == [None]
    assert (tmp_path / "kept.task").exists()


@pytest.mark.alone
def test_close_while_it_computes_ends_the_worker_and_leaves_no_file(session, loop, case, Answers, tmp_path):
    told = Answers()
    activity = ask(session, case, told, seed=fake.SLOW)
    loop.until(lambda: activity.done > 0)
    process, start = session._client.process, time.monotonic()
    session.close()
    assert time.monotonic() - start < 1
    assert told.cancelled == 1
    assert not process.running
    assert list(tmp_path.iterdir()) == []
    assert loop.idle
    adapted(session, loop, case, Answers())  # it can be used again


def test_warm_up_starts_the_worker_in_advance(session, loop):
    assert session.device is None
    session.warmUp()
    assert not session.busy
    loop.until(lambda: session.device)
    assert session.device == "cpu"
    loop.until(lambda: loop.idle)


def test_a_hundred_requests_and_cancels_at_any_moment_leave_nothing(session, loop, case, Answers):
    asked = []
    for number in range(100):
        asked.append(Answers())
        ask(session, case, asked[-1], seed=fake.SLOW if number % 3 else fake.QUICK)
        if number % 4 == 3:
            for _ in range(number % 7):
                loop.turn()
                time.sleep(0.01)
            session.cancel()
    session.cancel()
    loop.until(lambda: not session.busy, 60)
    assert all(len(told.done) + len(told.errors) + told.cancelled == 1 for told in asked)
    assert {path.suffix for path in session._client.folder.path.iterdir()} <= {".lock", ".task"}


def test_loading_it_loads_nothing_heavy():
    code = "import sys, MedMetaSlicerLib.work.session; bad = {'torch', 'numpy', 'msgspec', 'safetensors'}"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", f"{code}; assert not bad & set(sys.modules)"], env=environment, check=True)


@pytest.mark.alone
def test_the_real_worker_answers_through_it(loop, checkpoint, tmp_path, Answers):
    from medmeta.annotations import AnnotatedVolume, SparseAnnotation
    from medmeta.evaluation.procedural import procedural_cohort
    from medmeta.evaluation.protocol import simulate

    ((volume, reference), (other, _)) = procedural_cohort(3, 2, structures=1, size=(48, 48), slices=(12, 12))
    drawn = simulate(reference.array, axis=2, k=3)
    case = AnnotatedVolume(volume, SparseAnnotation.from_labels(drawn.labels, axis=2, slices=drawn.slices))
    session, told = Session(lambda: WorkerClient(parent=tmp_path), loop.timer()), Answers()
    activity = ask(session, case, told, checkpoint=str(checkpoint), device="cpu", budget=2.0)
    loop.until(lambda: told.ended, 120)
    assert told.errors == []
    assert activity.curves["cohort"][-1][1] > 0
    session.predict(
        told.done[0].task, other, told.done.append, told.errors.append, checkpoint=str(checkpoint), device="cpu"
    )
    loop.until(lambda: not session.busy, 120)
    assert told.errors == []
    assert told.done[1].labels.array.shape == other.array.shape
    assert loop.longest < 0.5
    session.close()
