import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medmeta.cohorts.cases import input_hash
from medmeta.cohorts.ledger import FILE, Ledger, read_ledger
from medmeta.cohorts.one import predict_case
from medmeta.errors import CohortError


@pytest.fixture
def out(recipe):
    Path(recipe.out_dir).mkdir()
    return Path(recipe.out_dir)


@pytest.fixture
def done(recipe, cases, out):
    """The ledger's file after the first two of four cases."""
    with Ledger(recipe, cases) as ledger:
        for case in cases[:2]:
            ledger.record(predict_case(recipe.sent(), case.name, str(case.path)))
    return out / FILE


def finished(recipe, cases):
    with Ledger(recipe, cases) as ledger:
        return [ledger.is_done(case) for case in cases]


def test_all_cases_are_entered_as_waiting_at_once(recipe, cases, out):
    with Ledger(recipe, cases) as ledger:
        assert {row["status"] for row in ledger.rows.values()} == {"waiting"}
    rows = [json.loads(line) for line in (out / FILE).read_text(encoding="utf-8").splitlines()[1:]]
    assert [row["case"] for row in rows] == [case.name for case in cases]


def test_what_was_done_is_known_after_a_restart(recipe, cases, done):
    assert finished(recipe, cases) == [True, True, False, False]


@pytest.mark.parametrize("torn", [b'{"case": "p0003", "sta', b"\0\0\0\0", b"{"])
def test_a_line_that_a_crash_cut_off_is_as_good_as_never_written(recipe, cases, done, torn):
    before = done.read_bytes()
    done.write_bytes(before + torn)
    with Ledger(recipe, cases) as ledger:
        ledger.record({"case": cases[2].name, "status": "failed", "error": "x"})
    assert done.read_bytes().startswith(before + b'{"case": "p0003", "status": "failed"')
    assert finished(recipe, cases) == [True, True, False, False]


def test_a_case_that_a_process_did_not_live_through_is_known(recipe, cases, out):
    ledger = Ledger(recipe, cases)
    ledger.begin(cases[1])  # and then the process ends
    with Ledger(recipe, cases) as ledger:
        assert [ledger.tries(case) for case in cases] == [0, 1, 0, 0]
        ledger.begin(cases[1])
        ledger.begin(cases[2])
        ledger.record({"case": cases[1].name, "status": "failed", "error": "x"})
        assert [ledger.tries(case) for case in cases] == [0, 0, 1, 0]
    with Ledger(recipe, cases) as ledger:
        assert [ledger.tries(case) for case in cases] == [0, 0, 0, 0]  # this one was left in order
        assert ledger.rows[cases[2].name] == {"case": cases[2].name, "status": "waiting"}


def test_a_changed_input_or_output_and_a_missing_output_are_not_done(recipe, cases, done):
    recipe.label_map(cases[0].name).unlink()
    assert finished(recipe, cases)[:2] == [False, True]
    cases[1].path.write_bytes(cases[2].path.read_bytes())
    assert finished(recipe, cases)[:2] == [False, False]


@pytest.fixture
def hashed(monkeypatch):
    """The names of the files that the ledger reads."""
    names = []
    monkeypatch.setattr("medmeta.cohorts.ledger.input_hash", lambda path: names.append(path.name) or input_hash(path))
    return names


def test_what_was_not_touched_is_not_read_again_unless_asked_for(recipe, cases, done, hashed):
    with Ledger(recipe, cases) as ledger:
        assert all(ledger.is_done(case) for case in cases[:2])
        assert hashed == []
        assert all(ledger.is_done(case, verify=True) for case in cases[:2])
    assert sorted(hashed) == ["p0001.nii.gz", "p0001_label.nii.gz", "p0002.nii.gz", "p0002_label.nii.gz"]


def test_what_was_only_touched_is_read_once(recipe, cases, done, hashed):
    os.utime(cases[0].path)
    os.utime(recipe.label_map(cases[1].name))
    assert finished(recipe, cases) == [True, True, False, False]
    assert len(hashed) == 4
    assert finished(recipe, cases) == [True, True, False, False]
    assert len(hashed) == 4


def test_a_ledger_without_stamps_is_read_and_gets_them(recipe, cases, done, hashed):
    rows = [json.loads(line) for line in done.read_text(encoding="utf-8").splitlines()]
    for row in rows:
        row.pop("stamps", None)
    done.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assert finished(recipe, cases) == finished(recipe, cases) == [True, True, False, False]
    assert len(hashed) == 4


def test_a_change_that_keeps_size_and_time_is_found_by_verifying(recipe, cases, done):
    path = recipe.label_map(cases[0].name)
    content, time = bytearray(path.read_bytes()), path.stat().st_mtime_ns
    content[-1] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(time, time))
    with Ledger(recipe, cases) as ledger:
        assert ledger.is_done(cases[0])
        assert not ledger.is_done(cases[0], verify=True)


def test_an_output_that_was_changed_is_not_done(recipe, cases, done):
    recipe.label_map(cases[0].name).write_bytes(b"cut off")
    assert finished(recipe, cases)[:2] == [False, True]


def test_another_task_and_other_options_are_refused_but_for_overwriting(recipe, cases, done):
    with pytest.raises(CohortError, match="another task: choose another --out-dir, or give --overwrite"):
        Ledger(replace(recipe, task_sha256="0"), cases)
    other = replace(recipe, clean_up=False)
    with pytest.raises(CohortError, match=r"begun otherwise \(clean_up\)"):
        Ledger(other, cases)
    with Ledger(other, cases, overwrite=True) as ledger:
        assert not any(ledger.is_done(case) for case in cases)
    assert finished(other, cases) == [False] * 4


def test_outputs_that_the_ledger_knows_nothing_of_are_kept(recipe, cases, out):
    mine = recipe.label_map(cases[3].name)
    mine.write_text("somebody's", encoding="utf-8")
    with pytest.raises(CohortError, match=f"{mine.name} is there already"):
        Ledger(recipe, cases)
    with Ledger(recipe, cases[:3]):
        pass
    with pytest.raises(CohortError, match=f"{mine.name} is there already"):
        Ledger(recipe, cases)  # a case that came later
    assert mine.read_text(encoding="utf-8") == "somebody's"


@pytest.mark.parametrize(
    "damage",
    [
        lambda lines: [b"rubbish", *lines[1:]],
        lambda lines: [b'{"format": "medmeta-cohort-9", "settings": {}}', *lines[1:]],
        lambda lines: [*lines[:2], lines[2][:20], *lines[3:]],
        lambda lines: [*lines[:2], b'{"case": 3, "status": "done"}', *lines[3:]],
        lambda lines: [*lines, b'{"case": "p0001", "status": "done", "segments": [{}]}'],
        lambda lines: [*lines, b'{"case": "p0003", "status": "waiting", "tries": "2"}'],
        lambda lines: [b""],
    ],
)
def test_a_damaged_ledger_is_refused(recipe, cases, done, damage):
    before = done.read_bytes()
    done.write_bytes(b"".join(line + b"\n" for line in damage(before.splitlines())))
    with pytest.raises(CohortError, match=r"cohort\.jsonl .*--overwrite"):
        Ledger(recipe, cases)


@pytest.fixture
def content(done):
    """The bytes of that ledger."""
    return done.read_bytes()


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_ledger_with_any_bytes_in_it_is_read_or_refused(recipe, done, content, data):
    start = data.draw(st.integers(0, len(content)))
    end = data.draw(st.integers(start, min(len(content), start + 40)))
    done.write_bytes(content[:start] + data.draw(st.binary(max_size=20)) + content[end:])
    try:
        rows, length = read_ledger(done, recipe.settings())
    except CohortError:
        return
    assert length <= done.stat().st_size
    assert all(isinstance(name, str) and row["case"] == name for name, row in rows.items())
