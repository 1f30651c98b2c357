import json
import os
import subprocess
import sys

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medmeta.adaptation import AdaptedTask
from medmeta.adaptation.task_header import read_task_header
from medmeta.annotations import Segment
from medmeta.episodes import GreyWindow
from medmeta.errors import CheckpointError


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("task") / "task.safetensors"
    AdaptedTask(
        (Segment(1, "Niere", (0.1, 0.2, 0.3), "T"), Segment(4, "Leber", (1.0, 0.0, 0.0))),
        ({"w": torch.ones(3)}, {"w": torch.zeros(3)}),
        {"b": torch.ones(2, 2)},
        {"name": "maml.safetensors", "sha256": "0" * 64},
        torch.eye(3).numpy(),
        1.0,
        (64, 64),
        GreyWindow(0.5, 1.0),
        torch.ones(1, 8),
        {"learner": "maml", "for_other_volumes": False},
    ).save(path)
    return path


def test_it_says_what_the_whole_file_says(path):
    header, task = read_task_header(path), AdaptedTask.load(path)
    assert header.segments == task.segments
    assert header.provenance == task.provenance
    assert not header.for_other_volumes


def test_missing_files_and_folders_are_told(tmp_path):
    for place in (tmp_path / "none", tmp_path):
        with pytest.raises(CheckpointError, match="cannot be read"):
            read_task_header(place)


def test_what_lies_or_is_cut_off_is_refused_in_little_time_and_memory(path, tmp_path, hostile_files, frugal):
    whole, marker = path.read_bytes(), tmp_path / "marker"
    files = {**hostile_files(marker), "cut": whole[:-1], "long": whole + b"x", "checkpoint": None}
    for content in files.values():
        if content is not None:
            (tmp_path / "file").write_bytes(content)
            with frugal(), pytest.raises(CheckpointError, match="adapt again"):
                read_task_header(tmp_path / "file")
    assert not marker.exists()


@pytest.mark.parametrize(
    "change",
    [
        {"format": "medmeta-task-1"},
        {"segments": []},
        {"segments": [{"value": 1}]},
        {"segments": "all"},
        {"provenance": ["maml"]},
        {"provenance": None},
    ],
)
def test_a_header_that_makes_no_sense_is_refused(path, tmp_path, replace_header, change):
    (tmp_path / "file").write_bytes(replace_header(path.read_bytes(), lambda header: header | change))
    with pytest.raises(CheckpointError, match="damaged"):
        read_task_header(tmp_path / "file")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(
    key=st.sampled_from(["format", "segments", "provenance", "checkpoint"]),
    value=JSON,
    cut=st.integers(0, 400),
    noise=st.binary(max_size=6),
)
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_anything_is_read_or_refused(path, tmp_path, replace_header, key, value, cut, noise):
    content = replace_header(path.read_bytes(), lambda header: header | {key: value})
    for changed in (content, content[:cut] + noise + content[cut + len(noise) :]):
        (tmp_path / "file").write_bytes(changed)
        try:
            header = read_task_header(tmp_path / "file")
        except CheckpointError:
            continue
        assert header.segments
        json.dumps(dict(header.provenance))


def test_reading_it_loads_no_torch(path):
    code = (
        "import sys; from medmeta.adaptation.task_header import read_task_header; "
        f"read_task_header({str(path)!r}); "
        "assert not {'torch', 'safetensors', 'monai', 'scipy', 'SimpleITK', 'msgspec'} & set(sys.modules)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
