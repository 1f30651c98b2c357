import gc
import os
import signal
import time
import weakref

import fake_worker as fake
import numpy as np
import pytest

from medmeta.errors import CohortError
from MedMetaSlicerLib.work.cohort import CohortItem, SceneCohort


class Scene:
    """Volumes by key, some of which cannot be read or stored; counts how many arrays of its own are alive."""

    def __init__(self, volume):
        self.volume = volume
        self.alive = []
        self.most = 0
        self.unreadable, self.unstorable = set(), set()
        self.stored = {}
        self.reads = []

    def read(self, key):
        self.reads.append(key)
        if key in self.unreadable:
            raise KeyError(f"node {key} was deleted")
        volume = self.volume(key)
        gc.collect()
        self.alive = [weakref.ref(volume.array), *(array for array in self.alive if array() is not None)]
        self.most = max(self.most, len(self.alive))
        return volume

    def store(self, key, prediction):
        if key in self.unstorable:
            raise RuntimeError("the scene is full")
        self.stored[key] = prediction.labels.array.sum()
        return f"node {key}"


@pytest.fixture
def scene(volume):
    return Scene(volume)


@pytest.fixture
def task(session, loop, case, Answers):
    told = Answers()
    session.adapt(case, told.done.append, told.errors.append)
    loop.until(lambda: told.ended)
    return told.done[0].task


@pytest.fixture
def cohort(session, scene):
    return SceneCohort(session, scene.read, scene.store, [CohortItem(n, f"volume {n}") for n in range(6)])


def statuses(cohort):
    return [item.status for item in cohort.items]


def test_every_volume_is_predicted_and_stored_and_the_numbers_are_there(cohort, scene, task, loop, volume):
    cohort.start(task, device="cpu")
    assert cohort.running
    loop.until(lambda: not cohort.running)
    assert statuses(cohort) == ["done"] * 6
    assert [item.result for item in cohort.items] == [f"node {n}" for n in range(6)]
    for key in range(6):
        array = volume(key).array
        assert scene.stored[key] == (array > array.mean()).sum()
    assert cohort.items[0].similarity == (0.1, 0.4)
    assert cohort.items[0].inRange
    assert cohort.items[0].expected is None
    assert cohort.fraction == 1.0


def test_the_arrays_of_one_volume_are_in_memory_at_a_time(cohort, scene, task, loop):
    cohort.start(task)
    loop.until(lambda: not cohort.running)
    assert scene.most == 1


def test_what_cannot_be_read_or_stored_is_marked_and_stops_nothing_else(cohort, scene, task, loop):
    scene.unreadable, scene.unstorable = {1, 5}, {3}
    cohort.start(task)
    loop.until(lambda: not cohort.running)
    assert statuses(cohort) == ["done", "failed", "done", "failed", "done", "failed"]
    assert "was deleted" in cohort.items[1].message
    assert "scene is full" in cohort.items[3].message
    assert cohort.items[3].result is None


def test_started_again_it_goes_on_with_those_that_failed_alone(cohort, scene, task, loop):
    scene.unreadable = {1, 5}
    cohort.start(task)
    loop.until(lambda: not cohort.running)
    scene.unreadable = {5}
    scene.reads.clear()
    cohort.start(task)
    loop.until(lambda: not cohort.running)
    assert scene.reads == [1, 5]
    assert statuses(cohort) == ["done"] * 5 + ["failed"]


def test_a_prediction_that_fails_is_marked_with_what_the_engine_said(cohort, session, loop):
    cohort.start("0" * 32)
    loop.until(lambda: not cohort.running)
    assert set(statuses(cohort)) == {"failed"}
    assert "adapt again" in cohort.items[0].message


def test_a_worker_that_dies_costs_one_item(cohort, session, scene, task, loop):
    read = scene.read

    def deadly(key):
        volume = read(key)
        if key == 2:
            os.kill(session._client.process.pid, signal.SIGKILL)
            while session._client.process.running:
                time.sleep(0.001)
        return volume

    cohort._read = deadly
    cohort.start(task)
    loop.until(lambda: not cohort.running, 60)
    assert cohort.count("failed") <= 1
    assert cohort.count("done") >= 5


@pytest.mark.alone
def test_cancel_leaves_what_is_done_and_start_goes_on(cohort, scene, task, loop, session):
    stop = scene.store

    def store(key, prediction):
        if key == 2:
            start.append(time.monotonic())
            cohort.cancel()
        return stop(key, prediction)

    start = []
    cohort._store = store
    cohort.start(task)
    loop.until(lambda: not cohort.running)
    assert time.monotonic() - start[0] < 1.0
    assert cohort.count("done") in (2, 3)
    assert cohort.count("running", "failed") == 0
    kept = cohort.count("done")
    cohort._store = stop
    scene.reads.clear()
    cohort.start(task)
    loop.until(lambda: not cohort.running)
    assert len(scene.reads) == 6 - kept
    assert statuses(cohort) == ["done"] * 6


@pytest.mark.alone
def test_cancel_amid_a_prediction_within_a_second_though_the_worker_does_not_give_way(
    cohort, scene, task, loop, session
):
    cohort.start(task)
    loop.until(lambda: cohort.count("done") == 1)
    os.kill(session._client.process.pid, signal.SIGSTOP)
    loop.until(lambda: cohort.count("running") == 1 and session.busy)
    start = time.monotonic()
    cohort.cancel()
    loop.until(lambda: not cohort.running)
    assert time.monotonic() - start < 1.0
    assert cohort.count("running") == 0
    cohort.start(task)
    loop.until(lambda: not cohort.running)
    assert statuses(cohort) == ["done"] * 6


def test_cancel_of_the_session_stops_the_cohort_too(cohort, task, loop, session):
    cohort.onChanged.append(lambda: session.cancel() if session.busy else None)  # as soon as the first one is asked for
    cohort.start(task)
    loop.until(lambda: not cohort.running)
    assert 0 < cohort.count("waiting") == 6 - cohort.count("done")  # some may have been done by then


def test_it_is_not_started_twice_nor_without_volumes(cohort, session, scene, task, loop):
    with pytest.raises(CohortError, match="no volumes"):
        SceneCohort(session, scene.read, scene.store).start(task)
    cohort.start(task)
    with pytest.raises(CohortError, match="cancel it"):
        cohort.start(task)
    cohort.cancel()
    loop.until(lambda: not cohort.running)


def test_results_are_accepted_and_rejected_and_kept_when_it_goes_on(cohort, scene, task, loop):
    with pytest.raises(CohortError, match="no result"):
        cohort.accept(0)
    scene.unreadable = {5}
    cohort.start(task)
    loop.until(lambda: not cohort.running)
    cohort.accept(0)
    cohort.reject(1)
    cohort.start(task)
    loop.until(lambda: not cohort.running)
    assert statuses(cohort) == ["accepted", "rejected", "done", "done", "done", "failed"]


def test_listeners_see_progress_and_the_end(cohort, task, loop, session):
    seen = []
    cohort.onChanged.append(lambda: seen.append((cohort.running, cohort.fraction)))
    cohort.start(task)
    loop.until(lambda: not cohort.running)
    assert seen[0] == (True, 0.0)
    assert seen[-1] == (False, 1.0)
    fractions = [fraction for _, fraction in seen]
    assert fractions == sorted(fractions)
    assert cohort._follow not in session.onChanged


def test_another_request_may_be_made_while_it_runs(cohort, task, loop, session, case, Answers):
    told = Answers()
    cohort.start(task)
    session.adapt(case, told.done.append, told.errors.append, seed=fake.QUICK)
    loop.until(lambda: not cohort.running and told.ended)
    assert told.done
    assert statuses(cohort) == ["done"] * 6


def test_the_lowest_expected_dice_of_a_segment_is_told(cohort):
    from types import SimpleNamespace

    cohort._present = cohort.items[0]
    cohort._predicted(
        SimpleNamespace(
            labels=SimpleNamespace(array=np.zeros(3)),
            expected=SimpleNamespace(cases=(0.9, None, 0.7)),
            similarity=None,
        )
    )
    assert cohort.items[0].expected == 0.7
    assert cohort.items[0].inRange is None
