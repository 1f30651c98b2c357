"""Running jobs: results, failures, resuming."""

from dataclasses import replace
from functools import partial

import pytest

from medmeta import adaptation
from medmeta.errors import MedMetaError
from medmeta.evaluation.benchmark import (
    RecordStore,
    Settings,
    other_volume_jobs,
    run_jobs,
    same_volume_jobs,
    weights_of_methods,
)

METHODS = ("interpolation", "nearest")


@pytest.fixture
def jobs(dataset):
    return same_volume_jobs([dataset], methods=METHODS, k=(2, 3))


def test_every_structure_of_every_case_gets_a_job_for_every_k_and_method(jobs):
    assert len(jobs) == 3 * 2 * 2 * 2
    assert len({key for job in jobs for key in job.keys({}, 0)}) == len(jobs)


def test_results_are_recorded_with_the_annotated_slices(jobs, data, tmp_path):
    store = RecordStore(tmp_path / "results.jsonl")
    assert run_jobs(jobs, store, Settings(data)) == []
    record = store["tubes", "one", "one", "1", 3, "interpolation", None, None]
    # The tube spans slices 2 to 13.
    assert record["slices"] == [4, 8, 12]
    assert 0.8 < record["dice"] < 1
    assert record["dice"] > store["tubes", "one", "one", "1", 3, "nearest", None, None]["dice"]


def test_what_is_recorded_is_not_computed_again(jobs, data, tmp_path):
    path = tmp_path / "results.jsonl"
    first = []
    run_jobs(jobs[:10], RecordStore(path), Settings(data), report=first.append)
    assert sum(": Dice" in line for line in first) == 10
    second = []
    run_jobs(jobs, RecordStore(path), Settings(data), report=second.append)
    assert second[0].startswith(f"10 of {len(jobs)} results are there already")
    assert sum(": Dice" in line for line in second) == len(jobs) - 10
    assert len(path.read_text(encoding="utf-8").splitlines()) == len(jobs)


def test_a_case_that_fails_is_reported_not_recorded_and_ends_nothing(jobs, data, tmp_path):
    (data / "tubes" / "two_label.nii.gz").unlink()
    store = RecordStore(tmp_path / "results.jsonl")
    failures = run_jobs(jobs, store, Settings(data))
    assert {job.case for job, _ in failures} == {"two"}
    assert "two_label.nii.gz" in failures[0][1]
    assert len(store.records) == len(jobs) - len(failures) == 16


def test_workers_find_what_one_process_finds(jobs, data, tmp_path):
    stores = [RecordStore(tmp_path / name) for name in ("one.jsonl", "two.jsonl")]
    for store, workers in zip(stores, (1, 2), strict=True):
        assert run_jobs(jobs, store, Settings(data), workers=workers) == []
    one, two = ({key: record["dice"] for key, record in store.records.items()} for store in stores)
    assert one == two


def test_other_volumes_are_all_but_the_annotated_one(dataset):
    jobs = other_volume_jobs(dataset, annotated=2)
    assert {job.case for job in jobs} == {"one", "three"}
    for job in jobs:
        assert {target for _, _, target, *_ in job.keys({}, 0)} == {"one", "two", "three"} - {job.case}


def test_the_network_is_adapted_and_predicts_both_its_own_and_other_volumes(dataset, data, tmp_path, monkeypatch):
    quick = partial(adaptation.AdaptationSettings, other_steps=10)
    monkeypatch.setattr(adaptation, "AdaptationSettings", quick)
    jobs = same_volume_jobs([dataset], methods=("ours",), k=(3,), cases="1", structures=1)
    jobs += other_volume_jobs(dataset, k=3, annotated=1)[:1]
    store = RecordStore(tmp_path / "results.jsonl")
    assert run_jobs(jobs, store, Settings(data, device="cpu"), weights={"ours": "abc"}) == []
    own = store["tubes", "two", "two", "1", 3, "ours", "abc", 0]
    assert own["dice"] > 0.7
    assert own["quality"][0]["label"] == 1
    others = [record for key, record in store.records.items() if key[0] == "tubes, other volumes"]
    assert {record["target"] for record in others} == {"one", "three"}
    assert all(0 <= record["dice"] <= 1 for record in others)


def test_changed_settings_are_those_of_the_adaptation(dataset, data, tmp_path, monkeypatch):
    seen = []

    def adapt(_cases, *, settings, **_):
        seen.append(settings)
        raise MedMetaError("seen")

    monkeypatch.setattr(adaptation, "adapt", adapt)
    jobs = same_volume_jobs([dataset], methods=("ours",), k=(3,), cases="1", structures=1)
    store = RecordStore(tmp_path / "results.jsonl")
    for changed in ({}, {"walk": None, "margin": 0.5}):
        run_jobs(jobs, store, Settings(data, device="cpu", changed=changed))
    usual, other = seen
    assert other == replace(usual, walk=None, margin=0.5) != usual


def test_records_of_a_method_belong_to_its_own_weights(dataset):
    jobs = same_volume_jobs([dataset], methods=("ours", "maml", "interpolation"), k=(3,), cases="1", structures=1)
    weights = weights_of_methods(None)
    of_method = {job.method: job.keys(weights, 0)[0][6] for job in jobs}
    assert of_method["interpolation"] is None
    assert len(set(of_method.values())) == 3
    assert weights["siamese"] not in of_method.values()
