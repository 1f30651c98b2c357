"""The store of results survives what happens to long runs."""

import json

from medmeta.evaluation.benchmark import RecordStore

KEY = ("tubes", "one", "one", "1", 3, "interpolation", None, None)
OTHER = ("tubes", "one", "one", "1", 3, "ours", "abc", 0)


def test_a_record_is_on_disk_as_soon_as_it_is_added(tmp_path):
    path = tmp_path / "folder" / "results.jsonl"
    store = RecordStore(path)
    assert KEY not in store
    store.add(KEY, {"dice": 0.5})
    assert KEY in store
    assert RecordStore(path)[KEY]["dice"] == 0.5


def test_the_weights_and_the_seed_tell_records_apart(tmp_path):
    store = RecordStore(tmp_path / "results.jsonl")
    store.add(OTHER, {"dice": 0.5})
    assert (*OTHER[:-2], "def", 0) not in store
    assert (*OTHER[:-2], "abc", 1) not in store


def test_a_line_that_was_cut_off_is_done_again_and_spoils_no_other(tmp_path):
    path = tmp_path / "results.jsonl"
    RecordStore(path).add(KEY, {"dice": 0.5})
    with open(path, "a") as file:
        file.write('{"row": "tubes", "case": "tw')
    store = RecordStore(path)
    assert len(store.records) == 1
    store.add(OTHER, {"dice": 0.25})
    again = RecordStore(path)
    assert again[KEY]["dice"] == 0.5
    assert again[OTHER]["dice"] == 0.25


def test_of_two_records_with_the_same_key_the_later_counts(tmp_path):
    path = tmp_path / "results.jsonl"
    store = RecordStore(path)
    store.add(KEY, {"dice": 0.5})
    store.forget([KEY, OTHER])
    assert KEY not in store
    store.add(KEY, {"dice": 0.75})
    assert RecordStore(path)[KEY]["dice"] == 0.75
    assert all(json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())
