import os
import signal
import threading
import time
from collections import Counter
from dataclasses import replace

import pytest

from medmeta.cohorts.cases import Case
from medmeta.cohorts.distributed import key_of, run_on_cluster
from medmeta.cohorts.ledger import Ledger
from medmeta.cohorts.lock import locked
from medmeta.errors import CohortError
from medmeta.volumes import read_label_map

distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def cluster():
    """Two worker processes of one thread each."""
    options = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": ":0"}
    with distributed.LocalCluster(**options) as cluster:
        yield cluster


def pids(cluster):
    return {nanny.pid for nanny in cluster.workers.values() if nanny.pid is not None}


def test_a_worker_killed_half_way_costs_no_case_and_doubles_none(recipe, write_cases, cluster, tmp_path):
    folder = write_cases(16)
    bad = folder / "p0005.nii.gz"
    bad.write_bytes(b"rubbish")
    cases = [Case(path.name.split(".")[0], path) for path in sorted(folder.iterdir())]
    before, recorded = pids(cluster), []
    with locked(tmp_path / "out"), Ledger(recipe, cases) as ledger:

        def record(row):
            ledger.record(row)
            recorded.append(row["case"])
            if len(recorded) == 4:
                os.kill(min(before), signal.SIGKILL)

        run_on_cluster(cases, recipe, record, cluster.scheduler_address)
    until = time.monotonic() + 30  # the nanny looks now and then
    while min(before) in pids(cluster) and time.monotonic() < until:
        time.sleep(0.05)
    assert min(before) not in pids(cluster)
    assert Counter(recorded) == Counter(case.name for case in cases)
    with Ledger(recipe, cases) as ledger:
        assert [case.name for case in cases if not ledger.is_done(case)] == ["p0005"]
        assert "cannot be read" in ledger.rows["p0005"]["error"]
    assert all(read_label_map(recipe.label_map(case.name)).array.any() for case in cases if case.name != "p0005")
    # Nothing is left on the cluster that would grow with the cases.
    with distributed.Client(cluster, set_as_default=False) as client:
        assert client.run_on_scheduler(lambda dask_scheduler: len(dask_scheduler.tasks)) == 0


def test_an_interruption_leaves_what_was_done_and_no_work_behind(recipe, write_cases, cluster):
    cases = [Case(path.name.split(".")[0], path) for path in sorted(write_cases(12).iterdir())]
    rows = []

    def record(row):
        rows.append(row)
        if len(rows) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_on_cluster(cases, recipe, record, cluster.scheduler_address)
    assert [row["status"] for row in rows] == ["done", "done"]
    with distributed.Client(cluster, set_as_default=False) as client:
        assert client.run_on_scheduler(lambda dask_scheduler: len(dask_scheduler.tasks)) == 0


@pytest.mark.slow
def test_a_case_that_kills_every_worker_fails_alone(recipe, cases, cluster, monkeypatch):
    from medmeta.cohorts import one

    predict_case = one.predict_case

    def deadly(sent, name, path):  # stands for a case that needs more memory than there is
        if name == "p0002":
            os.kill(os.getpid(), signal.SIGKILL)
        return predict_case(sent, name, path)

    monkeypatch.setattr(one, "predict_case", deadly)
    with distributed.Client(cluster, set_as_default=False) as client:
        client.run_on_scheduler(lambda dask_scheduler: setattr(dask_scheduler, "allowed_failures", 1))
    recorded = []
    run_on_cluster(cases, recipe, recorded.append, cluster.scheduler_address)
    rows = {row["case"]: row for row in recorded}
    assert len(rows) == len(recorded) == 4
    assert rows.pop("p0002")["error"].startswith("every worker that tried it was lost")
    assert {row["status"] for row in rows.values()} == {"done"}


def test_a_worker_that_has_no_room_to_write_stops_the_run(recipe, cases, cluster, monkeypatch):
    from medmeta.cohorts import one

    def full(sent, name, path):
        raise CohortError("no room left")

    monkeypatch.setattr(one, "predict_case", full)
    with pytest.raises(CohortError, match="no room left"):
        run_on_cluster(cases, recipe, lambda _: pytest.fail("a case was recorded"), cluster.scheduler_address)


def test_keys_tell_work_apart_and_tell_nobody_a_name(recipe, cases):
    keys = {key_of(case, recipe) for case in cases}
    assert len(keys) == len(cases)
    assert keys == {key_of(case, recipe) for case in cases}
    assert key_of(cases[0], replace(recipe, clean_up=False)) not in keys
    assert not any(case.name in key for case in cases for key in keys)
    before = key_of(cases[0], recipe)
    cases[0].path.write_bytes(b"changed")
    assert key_of(cases[0], recipe) != before


def test_a_connection_that_is_lost_half_way_stops_the_run_and_says_how_to_go_on(recipe, cases):
    options = {"n_workers": 1, "threads_per_worker": 1, "processes": False, "dashboard_address": ":0"}
    rows = []
    with distributed.LocalCluster(**options) as own:

        def record(row):
            rows.append(row)
            own.close()

        with pytest.raises(CohortError, match="the same command goes on where it stopped"):
            run_on_cluster(cases, recipe, record, own.scheduler_address)
    assert 1 <= len(rows) < len(cases)


@pytest.mark.parametrize("back", [False, True])
def test_without_any_worker_the_run_ends_after_a_while_and_goes_on_where_some_come(recipe, write_cases, back):
    cases = [Case(path.name.split(".")[0], path) for path in sorted(write_cases(6).iterdir())]
    options = {"n_workers": 2, "threads_per_worker": 1, "processes": False, "dashboard_address": ":0"}
    rows = []
    with distributed.LocalCluster(**options) as own:

        def record(row):
            rows.append(row["case"])
            if len(rows) == 2:
                own.scale(0)
                while own.scheduler.workers:
                    time.sleep(0.02)
                if back:
                    threading.Timer(1, own.scale, [1]).start()

        if back:
            run_on_cluster(cases, recipe, record, own.scheduler_address, patience=60)
        else:
            with pytest.raises(CohortError, match=r"no worker for 1 s.*the same command goes on where it stopped"):
                run_on_cluster(cases, recipe, record, own.scheduler_address, patience=1)
            own.scale(1)
            rest = [case for case in cases if case.name not in rows]
            assert rest
            run_on_cluster(rest, recipe, lambda row: rows.append(row["case"]), own.scheduler_address)
    assert Counter(rows) == Counter(case.name for case in cases)


def test_a_scheduler_that_is_not_there_is_told(recipe, cases, monkeypatch):
    monkeypatch.setattr("medmeta.cohorts.distributed.PATIENCE", 1)
    for address in ("tcp://127.0.0.1:9", "nonsense://x"):
        with pytest.raises(CohortError, match=f"{address} does not answer"):
            run_on_cluster(cases, recipe, lambda _: None, address)
