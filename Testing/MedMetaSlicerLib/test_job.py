import threading

import pytest

from medmeta.progress import Progress


@pytest.fixture
def job(application):
    from MedMetaSlicerLib.job import BackgroundJob

    return BackgroundJob


def test_a_job_runs_beside_the_main_thread_and_keeps_its_result(job):
    started, release = threading.Event(), threading.Event()

    def work(progress):
        started.set()
        release.wait(10)
        return threading.current_thread() is not threading.main_thread()

    running = job(work)
    running.start()
    assert started.wait(10)
    assert not running.finished
    release.set()
    assert running.wait(10)
    assert running.result is True
    assert running.error is None


def test_progress_is_there_to_be_polled(job):
    running = job(lambda progress: progress(Progress("adapt", 3, 4)))
    running.start()
    running.wait(10)
    assert running.progress == Progress("adapt", 3, 4)


def test_a_cancelled_job_stops_at_its_next_report(job):
    begun, go_on = threading.Event(), threading.Event()

    def work(progress):
        begun.set()
        go_on.wait(10)
        progress(Progress("adapt", 1, 2))
        return "never"

    running = job(work)
    running.start()
    begun.wait(10)
    running.cancel()
    go_on.set()
    assert running.wait(10)
    assert running.cancelled
    assert running.result is None


def test_an_error_is_kept_and_not_lost_in_the_thread(job):
    def work(progress):
        raise ValueError("broken")

    running = job(work)
    running.start()
    running.wait(10)
    assert isinstance(running.error, ValueError)
    assert not running.cancelled
