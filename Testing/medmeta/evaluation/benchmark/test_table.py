"""The table's numbers, from records made by hand."""

import pytest

from medmeta.evaluation.benchmark import RecordStore, markdown, other_volume_jobs, same_volume_jobs, summarise


@pytest.fixture
def filled(dataset, tmp_path):
    jobs = same_volume_jobs([dataset], methods=("ours", "interpolation"), k=(2, 3), structures=1)
    store = RecordStore(tmp_path / "results.jsonl")
    dices = {
        ("interpolation", 2): (0.5, 0.6, 0.7),
        ("ours", 2): (0.6, 0.56, 0.9),
        ("interpolation", 3): (0.8, 0.8, 0.8),
    }
    for job in jobs:
        dice = dices.get((job.method, job.k))
        if dice is not None:
            at = job.dataset.cases.index(job.case)
            store.add(job.keys({"ours": "abc"}, 0)[0], {"dice": dice[at], "seconds": 2.0 * at})
    return jobs, store


def test_means_gains_and_counts_are_those_of_the_records(filled):
    summary = {(line["method"], line["k"]): line for line in summarise(*filled, weights={"ours": "abc"}, seed=0)}
    ours = summary["ours", 2]
    assert ours["n"] == 3
    assert ours["dice"] == pytest.approx((0.6 + 0.56 + 0.9) / 3)
    assert ours["seconds"] == pytest.approx(2.0)
    assert ours["lowest_gain"] == pytest.approx(-0.04)
    assert ours["lowest_at"] == ["two", "1"]
    assert ours["below"] == 1
    assert summary["interpolation", 3]["dice"] == pytest.approx(0.8)
    assert ("ours", 3) not in summary, "what is not measured is not in the table"


def test_records_of_other_weights_are_not_shown(filled):
    methods = {line["method"] for line in summarise(*filled, weights={"ours": "other"}, seed=0)}
    assert methods == {"interpolation"}


def test_markdown_has_a_row_for_each_method_and_a_column_for_each_k(filled):
    lines = markdown(summarise(*filled, weights={"ours": "abc"}, seed=0)).splitlines()
    assert lines[0] == "| dataset | method | n | K=2 | K=3 | seconds |"
    assert "| tubes | interpolation | 3 | 0.600 | 0.800 | 2.00 |" in lines
    assert "| tubes | ours | 3 | 0.687 |  | 2.00 |" in lines
    assert any("-0.040 (1)" in line for line in lines)
    assert len({line.count("|") for line in lines}) == 1


def test_other_volumes_are_averaged_for_each_annotated_case(dataset, tmp_path):
    jobs = other_volume_jobs(dataset, annotated=2)
    store = RecordStore(tmp_path / "results.jsonl")
    for job in jobs:
        for place, key in enumerate(job.keys({"ours": "abc"}, 0)):
            store.add(key, {"dice": 0.5 + 0.25 * place + (0.1 if job.case == "three" else 0), "seconds": 1.0})
    (line,) = summarise(jobs, store, weights={"ours": "abc"}, seed=0)
    assert line["dice_by_annotated_case"] == pytest.approx({"one": 0.625, "three": 0.725})
    assert line["dice"] == pytest.approx(0.675)
    assert "lowest_gain" not in line


def test_an_empty_table_says_so():
    assert markdown([]) == "No results."
