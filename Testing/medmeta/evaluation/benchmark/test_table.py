"""The table's numbers, from records made by hand."""

import pytest

from medmeta.evaluation.benchmark import (
    RecordStore,
    markdown,
    other_volume_jobs,
    same_volume_jobs,
    summarise,
    targets_table,
)


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
    dice, measures = markdown(summarise(*filled, weights={"ours": "abc"}, seed=0)).split("\n\n")
    lines = dice.splitlines()
    assert lines[0] == "| dataset | method | n | K=2 | K=3 |"
    assert "| tubes | interpolation | 3 | 0.600 | 0.800 |" in lines
    assert "| tubes | ours | 3 | 0.687 |  |" in lines
    assert any("-0.040 (1)" in line for line in lines)
    assert len({line.count("|") for line in lines}) == 1
    assert "| tubes | interpolation |  |  |  | 2.00 |  |  |  |" in measures.splitlines()


def test_measures_are_averaged_and_what_was_not_found_is_counted(dataset, tmp_path):
    jobs = same_volume_jobs([dataset], methods=("nearest",), k=(3,), structures=1)
    store = RecordStore(tmp_path / "results.jsonl")
    for distance, memory, job in zip((2.0, None, 4.0), (0.1, 0.3, 0.2), jobs, strict=True):
        store.add(job.keys({}, 0)[0], {"dice": 0.5, "seconds": 1.0, "hausdorff95_mm": distance, "memory_gb": memory})
    (line,) = summarise(jobs, store)
    assert line["hausdorff95_mm"] == pytest.approx(3.0)
    assert line["not_found"] == 1
    assert line["memory_gb"] == 0.3
    assert "3.0 (1 not found)" in markdown([line])


def test_the_rank_correlation_is_that_of_expected_and_true_dice(dataset, tmp_path):
    jobs = same_volume_jobs([dataset], methods=("ours",), k=(3,))
    store = RecordStore(tmp_path / "results.jsonl")
    for place, job in enumerate(jobs):
        values = {"dice": 0.1 * place, "seconds": 1.0, "quality": [{"expected_dice": 0.9 - 0.01 * place}]}
        store.add(job.keys({}, 0)[0], values)
    (line,) = summarise(jobs, store)
    assert line["rank_correlation"] == pytest.approx(-1)


def test_targets_are_set_beside_what_was_reached():
    summary = [{"row": "tubes", "method": "ours", "k": 3, "n": 1, "dice": 0.7}]
    lines = targets_table(summary, {"tubes": {"3": 0.75, "5": 0.9}, "other": {"3": 0.5}}).splitlines()
    assert lines[2:] == ["| tubes | 3 | 0.75 | 0.700 | -0.050 |"]
    assert targets_table(summary, {"other": {"3": 0.5}}) == ""


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


def test_several_cases_can_be_annotated_together(dataset):
    jobs = other_volume_jobs(dataset, annotated=1, together=2)
    assert [(job.case, job.also, job.targets) for job in jobs[:1]] == [("two", ("three",), ("one",))]
    assert jobs[0].row == "tubes, other volumes, 2 annotated"
