"""The demo, with the real engine, on its smallest setting."""

import io
import json

import pytest
from PIL import Image
from rich.console import Console

from medmeta.errors import Cancelled, DeviceError
from medmeta.evaluation import demo


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    events = []
    found = demo.run(tmp_path_factory.mktemp("demo"), seed=1, device="cpu", quick=True, progress=events.append)
    return found, events


def test_it_reports_every_structure_of_every_volume(result):
    found, _ = result
    (cohort,) = found["cohorts"]
    assert cohort["name"] == "procedural"
    assert [(row["structure"], row["annotated"]) for row in cohort["rows"]] == [("organ 1", True), ("organ 1", False)]
    for row in cohort["rows"]:
        assert 0 <= row["dice"] <= 1
        assert (row["interpolation"] is not None) == row["annotated"]
    assert len(cohort["slices"]) == 5


def test_it_can_be_written_as_json(result):
    found, _ = result
    assert json.loads(json.dumps(found)) == found


def test_the_annotated_volume_is_segmented_no_worse_than_by_interpolation(result):
    found, _ = result
    for row in found["cohorts"][0]["rows"]:
        if row["annotated"]:
            assert row["dice"] > row["interpolation"] - 0.03


def test_the_picture_is_there(result):
    found, _ = result
    with Image.open(found["cohorts"][0]["montage"]) as page:
        assert page.width > 400


def test_its_tables_name_every_figure_and_the_picture(result):
    found, _ = result
    console = Console(width=200, file=io.StringIO())
    for table in demo.tables(found):
        console.print(table)
    text = console.file.getvalue()
    for row in found["cohorts"][0]["rows"]:
        assert f"{row['dice']:.3f}" in text
    assert found["cohorts"][0]["montage"] in text


def test_progress_comes_to_its_end(result):
    _, events = result
    assert events[-1].done == events[-1].total
    assert {"demo", "adapt", "predict"} <= {event.phase for event in events}


def test_it_can_be_cancelled(tmp_path):
    def cancel(event):
        raise Cancelled("The user cancelled")

    with pytest.raises(Cancelled):
        demo.run(tmp_path, quick=True, device="cpu", progress=cancel)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_device_is_refused(tmp_path):
    with pytest.raises(DeviceError):
        demo.run(tmp_path, quick=True, device="abacus")
