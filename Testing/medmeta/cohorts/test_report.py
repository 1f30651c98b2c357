import csv
from pathlib import Path

import pytest

from medmeta.cohorts.report import worst_first, write_report
from medmeta.cohorts.thumbnail import write_thumbnail


def row(case, dice=0.9, in_range=True, **more):
    segment = {"segment": "organ", "label": 1, "volume_ml": 2.5, "confidence": 0.8, "expected_dice": dice}
    return {
        "case": case, "status": "done", "segments": [segment], "confidence": 0.8, "expected_dice": dice,
        "distance": 0.2, "threshold": 0.5, "in_range": in_range, "seconds": 1.5, "output": f"{case}_label.nii.gz",
        **more,
    }  # fmt: skip


ROWS = [
    row("good"),
    row("low", 0.4),
    {"case": "waits", "status": "waiting"},
    row("far", 0.95, in_range=False),
    {"case": "bad", "status": "failed", "error": "it is <damaged>"},
    row("empty", None),
]


@pytest.fixture
def written(recipe):
    Path(recipe.out_dir).mkdir()
    write_thumbnail(b"a picture", recipe.thumbnail("good"))
    rows = [*ROWS, row('<script>alert("x")</script>', 0.99), row("=1+1", 0.98), row("\udc80", 0.97)]
    table, page = write_report(rows, recipe)
    return table.read_text(encoding="utf-8"), page.read_text(encoding="utf-8")


def test_the_worst_comes_first():
    assert [r["case"] for r in worst_first(ROWS)] == ["bad", "waits", "far", "empty", "low", "good"]


def test_the_table_has_a_line_for_each_segment_and_no_formula(written):
    lines = list(csv.DictReader(written[0].splitlines()))
    assert [line["case"] for line in lines][:6] == ["bad", "waits", "far", "empty", "low", "good"]
    assert lines[0]["error"] == "it is <damaged>"
    assert (lines[5]["segment"], lines[5]["volume_ml"], lines[5]["expected_dice"]) == ("organ", "2.5", "0.9")
    assert lines[3]["expected_dice"] == ""
    assert "'=1+1" in [line["case"] for line in lines]


def test_the_page_needs_nothing_from_outside_and_runs_nothing(written):
    page = written[1]
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "it is &lt;damaged&gt;" in page
    assert "http" not in page.replace("http-equiv", "")
    assert "prefers-color-scheme: dark" in page
    assert '<a href="%3D1%2B1_label.nii.gz">=1+1</a>' in page
    assert page.count("data:image/png;base64,YSBwaWN0dXJl") == 1
    assert "7 done, 1 failed, 1 not done yet; 1 do not look like the annotated volumes" in page
