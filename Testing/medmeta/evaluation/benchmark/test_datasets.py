"""Manifests: those of the project, and broken ones."""

import json
from pathlib import Path

import numpy as np
import pytest

from medmeta.errors import MedMetaError
from medmeta.evaluation.benchmark import Structure, read_manifest, select_cases

MANIFESTS = sorted((Path(__file__).resolve().parents[4] / "benchmarks").glob("*.json"))


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.stem)
def test_every_manifest_of_the_project_can_be_read(path):
    dataset = read_manifest(path)
    assert dataset.k == (1, 2, 3, 5, 8, 10)
    assert len(set(dataset.cases)) == len(dataset.cases)
    assert set(dataset.left_out) <= set(dataset.cases)
    assert all(dataset.structures_of(case) for case in dataset.cases)


@pytest.mark.parametrize(
    ("name", "pairs"), [("torso", 27), ("hippocampus-whole", 40), ("head_neck_ct", 109), ("brain_t1", 30)]
)
def test_the_number_of_measured_structures_is_fixed(name, pairs):
    dataset = read_manifest(next(path for path in MANIFESTS if path.stem == name))
    assert sum(len(dataset.structures_of(case)) for case in dataset.cases) == pairs


def test_merged_labels_become_one_segment_and_others_stay_as_they_are():
    labels = np.array([[[0, 1, 2, 5]]])
    assert Structure((1, 2), merged=True).reference(labels).tolist() == [[[0, 1, 1, 0]]]
    assert Structure((1, 2), merged=True).values == (1,)
    assert Structure((2, 5)).reference(labels).tolist() == [[[0, 0, 2, 5]]]
    assert Structure((2, 5)).values == (2, 5)


@pytest.mark.parametrize(
    "text", ["{", "[]", "{}", '{"folder": "x", "axis": "two", "k": [], "cases": [], "structures": []}']
)
def test_a_broken_manifest_is_named(tmp_path, text):
    path = tmp_path / "broken.json"
    path.write_text(text)
    with pytest.raises(MedMetaError, match=r"broken\.json is not valid"):
        read_manifest(path)


def test_a_missing_manifest_is_named(tmp_path):
    with pytest.raises(MedMetaError, match=r"none\.json does not exist"):
        read_manifest(tmp_path / "none.json")


def test_structures_that_are_left_out_of_a_case_are_not_measured(tmp_path):
    fields = {
        "folder": "f",
        "axis": 2,
        "k": [3],
        "cases": ["a", "b"],
        "structures": [[1], [2]],
        "left_out": {"b": ["1"]},
    }
    path = tmp_path / "some.json"
    path.write_text(json.dumps(fields))
    dataset = read_manifest(path)
    assert [s.name for s in dataset.structures_of("a")] == ["1", "2"]
    assert [s.name for s in dataset.structures_of("b")] == ["2"]


CASES = tuple("abcdefgh")


@pytest.mark.parametrize(
    ("which", "expected"), [("all", "abcdefgh"), ("even", "aceg"), ("odd", "bdfh"), ("2", "cg"), ("99", "abcdefgh")]
)
def test_cases_are_chosen_by_their_place(which, expected):
    assert "".join(select_cases(CASES, which)) == expected


def test_a_single_case_is_even_and_odd():
    assert select_cases(("a",), "even") == select_cases(("a",), "odd") == ("a",)


@pytest.mark.parametrize("which", ["0", "-1", "some", "1.5"])
def test_a_wrong_choice_of_cases_is_refused(which):
    with pytest.raises(MedMetaError, match="--cases"):
        select_cases(CASES, which)
