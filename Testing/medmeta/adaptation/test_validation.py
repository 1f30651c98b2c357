"""Task files from anywhere: they load as what they say, or are refused, and nothing else happens."""

import json
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from medmeta.adaptation import AdaptedTask, predict
from medmeta.annotations import Segment
from medmeta.episodes import GreyWindow
from medmeta.errors import CheckpointError, VolumeError
from medmeta.learners.checkpoint import load_checkpoint
from medmeta.transfer.similarity import compare
from medmeta.transfer.template import Template
from medmeta.volumes import claims

FUZZ = settings(max_examples=60, deadline=None)


def template():
    """A small one, of two segments."""
    rng = np.random.default_rng(0)
    image, labels = rng.integers(0, 256, (6, 7, 8), np.uint8), rng.integers(0, 3, (2, 3, 4), np.uint8)
    near = rng.integers(0, 256, (4, 5, 6), np.uint8)
    places = [(2.0, 1.0, 1.0), (0.5, 0.0, 0.0)], [(1.0, 1.0, 1.0), (3.0, 2.0, 1.0)], [(1.0, 1.0, 1.0), (2.0, 1.0, 0.0)]
    return Template(image, *places[0], labels, *places[1], near, *places[2])


@pytest.fixture
def task(checkpoint):
    """A task of two segments in which nothing was learned."""
    learner, header = load_checkpoint(checkpoint)
    one, two = ({name: value.detach().clone() for name, value in learner.initial().items()} for _ in range(2))
    return AdaptedTask(
        (Segment(1, "organ", (0.5, 0.5, 0.1)), Segment(2, "Tumour – groß", (1.0, 0.0, 0.0), "list~SCT^1^Organ")),
        (one, two),
        {name: value.detach().clone() for name, value in learner.shared().items()},
        {"name": checkpoint.name, "sha256": header["sha256"]},
        np.eye(3)[[2, 1, 0]],
        1.2,
        (64, 64),
        GreyWindow(0.5, 0.25),
        torch.nn.functional.normalize(torch.ones(1, 32)),
        {"version": "0.1.0", "slices": [[3, 6]]},
        (template(),),
    )


@pytest.fixture
def content(task, tmp_path):
    """The bytes of its file."""
    task.save(tmp_path / "valid.safetensors")
    return (tmp_path / "valid.safetensors").read_bytes()


def load(content):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "task.safetensors"
        path.write_bytes(content)
        return AdaptedTask.load(path)


def same(one, two):
    return (
        one.segments == two.segments
        and (one.pixel, one.tile, one.grey, one.checkpoint) == (two.pixel, two.tile, two.grey, two.checkpoint)
        and np.array_equal(one.direction, two.direction)
        and torch.equal(one.signatures, two.signatures)
        and all(
            a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)
            for a, b in zip((one.shared, *one.states), (two.shared, *two.states), strict=True)
        )
        and len(one.templates) == len(two.templates)
        and all(
            np.array_equal(a.image, b.image) and np.array_equal(a.labels, b.labels) and a.places() == b.places()
            for a, b in zip(one.templates, two.templates, strict=True)
        )
    )


def test_a_valid_task_comes_back_whole(task, content):
    assert same(load(content), task)


def test_hostile_files_are_refused_quickly_and_execute_nothing(tmp_path, hostile_files, frugal):
    marker = tmp_path / "executed"
    for name, content in hostile_files(marker).items():
        with frugal(), pytest.raises(CheckpointError):
            load(content)
        assert not marker.exists(), name


def test_a_file_that_is_larger_than_any_task_is_not_read(tmp_path, frugal):
    path = tmp_path / "task.safetensors"
    with path.open("wb") as file:
        file.truncate(2**33)
    with frugal(), pytest.raises(CheckpointError, match=r"8\.0 GiB"):
        AdaptedTask.load(path)


SEGMENT = {"value": 1, "name": "organ", "color": [0, 0, 0], "terminology": ""}
PLACES = ("spacing", "origin", "label_spacing", "label_origin")
IMPOSSIBLE = [
    ("segments", []),
    ("segments", 10**9),
    ("segments", [SEGMENT, SEGMENT]),
    ("segments", [{**SEGMENT, "value": n} for n in range(1, 20_000)]),
    ("segments", [{**SEGMENT, "value": 0}]),
    ("segments", [{**SEGMENT, "value": 10**400}]),
    ("segments", [{**SEGMENT, "value": True}]),
    ("segments", [{**SEGMENT, "value": 1.5}]),
    ("segments", [{**SEGMENT, "name": ["organ"]}]),
    ("segments", [{**SEGMENT, "name": "n" * 100_000}]),
    ("segments", [{**SEGMENT, "color": [0, 0]}]),
    ("segments", [{**SEGMENT, "color": [0, 0, float("nan")]}]),
    ("segments", [{**SEGMENT, "color": [0, 0, 256]}]),
    ("segments", [{**SEGMENT, "more": 1}]),
    ("segments", [{**SEGMENT, "value": 1}]),  # of two states, one has no segment
    ("tile", [10**9, 10**9]),
    ("tile", [0, 64]),
    ("tile", [64]),
    ("tile", [64.5, 64]),
    ("tile", ["64", 64]),
    ("tile", None),
    ("pixel", 0),
    ("pixel", -1.0),
    ("pixel", 1e-9),
    ("pixel", float("nan")),
    ("pixel", float("inf")),
    ("pixel", 1e300),
    ("pixel", "1.2"),
    ("direction", [0] * 9),
    ("direction", [1] * 9),
    ("direction", [float("nan")] * 9),
    ("direction", [1, 0, 0, 0, 1, 0, 0, 0]),
    ("direction", {"a": 1}),
    ("grey", {"centre": 0, "width": 0}),
    ("grey", {"centre": float("inf"), "width": 1}),
    ("grey", {"centre": 0}),
    ("grey", [0, 1]),
    ("checkpoint", {"name": "/etc/passwd", "sha256": "0" * 64}),
    ("checkpoint", {"name": "../weights.safetensors", "sha256": "0" * 64}),
    ("checkpoint", {"name": "C:weights.safetensors", "sha256": "0" * 64}),
    ("checkpoint", {"name": "maml.safetensors", "sha256": "not a hash"}),
    ("checkpoint", {"name": "maml.safetensors"}),
    ("checkpoint", "maml.safetensors"),
    ("provenance", [1]),
    ("templates", None),
    ("templates", []),  # voxels that no template has
    ("templates", [{"spacing": [1, 1, 1]}]),
    ("templates", [{name: [1, 1, 1] for name in PLACES}] * 2),
    ("templates", [{**{name: [1, 1, 1] for name in PLACES}, "spacing": [0, 1, 1]}]),
    ("templates", [{**{name: [1, 1, 1] for name in PLACES}, "label_origin": [float("nan"), 1, 1]}]),
    ("format", "medmeta-task-1"),
    ("tensors", None),
]


def test_a_file_of_the_version_before_is_read_without_templates(task, tmp_path, replace_header):
    replace(task, templates=()).save(tmp_path / "new.safetensors")

    def older(header):
        return {**{name: value for name, value in header.items() if name != "templates"}, "format": "medmeta-task-2"}

    found = load(replace_header((tmp_path / "new.safetensors").read_bytes(), older))
    assert found.templates == ()
    assert same(found, replace(task, templates=()))


def test_a_file_without_fine_grey_values_is_read_and_predicts(task, tmp_path, replace_header, scan, checkpoint):
    former = replace(task, templates=tuple(replace(template, near=None) for template in task.templates))
    former.save(tmp_path / "new.safetensors")
    content = (tmp_path / "new.safetensors").read_bytes()
    found = load(replace_header(content, lambda header: {**header, "format": "medmeta-task-3"}))
    assert len(found.templates) == len(task.templates) > 0
    assert predict(found, scan()[0], device="cpu", checkpoint=checkpoint).labels.array.any()


@pytest.mark.parametrize(("field", "value"), IMPOSSIBLE, ids=lambda v: str(v)[:40])
def test_fields_that_cannot_be_are_refused_quickly(content, replace_header, frugal, field, value):
    changed = replace_header(content, lambda header: {**header, field: value})
    with frugal(), pytest.raises(CheckpointError):
        load(changed)


@pytest.mark.parametrize("field", ["segments", "tile", "pixel", "direction", "grey", "checkpoint", "provenance"])
def test_a_missing_field_is_named(content, replace_header, field):
    changed = replace_header(content, lambda header: {k: v for k, v in header.items() if k != field})
    with pytest.raises(CheckpointError, match=field):
        load(changed)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: replace(t, states=(t.states[0], {"x": torch.tensor([float("nan")])})), "not finite"),
        (lambda t: replace(t, signatures=torch.zeros(0, 32)), "signatures"),
        (lambda t: replace(t, signatures=torch.zeros(3)), "signatures"),
        (lambda t: replace(t, signatures=torch.zeros(1, 32, dtype=torch.float64)), "single precision"),
        (lambda t: replace(t, states=(*t.states, {"x": torch.zeros(1)})), "belongs to no segment"),
        (lambda t: replace(t, templates=(replace(template(), image=np.zeros((6, 7, 8), np.float32)),)), "not bytes"),
        (lambda t: replace(t, templates=(replace(template(), labels=np.full((2, 2, 2), 3, np.uint8)),)), "more labels"),
    ],
)
def test_tensors_that_cannot_be_are_refused(task, tmp_path, change, message):
    change(task).save(tmp_path / "odd.safetensors")
    with pytest.raises(CheckpointError, match=message):
        AdaptedTask.load(tmp_path / "odd.safetensors")


def other_shape(state):
    name = next(iter(state))
    return {**state, name: torch.zeros(3, 5, 7)}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: replace(t, states=(t.states[0], other_shape(t.states[1]))), "segment 2"),
        (lambda t: replace(t, states=(t.states[0], {"nonsense": torch.zeros(2)})), "segment 2"),
        (lambda t: replace(t, shared=other_shape(t.shared)), "shared"),
        (lambda t: replace(t, shared={"module.head.bias": torch.zeros(1)}), "shared"),
    ],
)
def test_weights_that_do_not_fit_the_learner_are_refused(task, scan, checkpoint, tmp_path, change, message):
    change(task).save(tmp_path / "odd.safetensors")
    odd = AdaptedTask.load(tmp_path / "odd.safetensors")
    with pytest.raises(CheckpointError, match=message):
        predict(odd, scan()[0], device="cpu", checkpoint=checkpoint)


def test_pixels_so_fine_that_memory_would_not_do_are_refused_before_it_is_taken(task, scan, checkpoint, frugal):
    volume, _ = scan()
    predict(task, volume, device="cpu", checkpoint=checkpoint)  # whatever that takes is taken
    with frugal(), pytest.raises(VolumeError, match="a side work"):
        predict(replace(task, pixel=1e-5), volume, device="cpu", checkpoint=checkpoint)


def test_more_segments_than_memory_has_room_for_are_refused(task, scan, checkpoint, monkeypatch):
    volume, _ = scan()
    monkeypatch.setattr(claims, "machine_memory", lambda: 4 * 14 * 40 * 48)  # the scan at 1.2 mm fits once
    with pytest.raises(VolumeError, match="for each of 2 segments"):
        predict(task, volume, device="cpu", checkpoint=checkpoint)


def test_signatures_of_another_width_are_refused(task, scan):
    with pytest.raises(CheckpointError, match="1 numbers, not 32"):
        compare(replace(task, signatures=torch.zeros(1, 1)), scan()[0], "cpu")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from([10**9, -1, 1e-9]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def places_in(value, path=()):
    """Paths to all parts of nested JSON."""
    yield path
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from places_in(value[key], (*path, key))


def changed_at(value, path, new):
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = changed_at(value[path[0]], path[1:], new)
    return copy


@pytest.fixture(scope="module")
def valid(checkpoint, tmp_path_factory):
    """The bytes of a small task's file."""
    task = AdaptedTask(
        (Segment(1, "organ", (0.5, 0.5, 0.1)),), ({"w": torch.arange(3.0)},), {"backbone.b": torch.ones(2)},
        {"name": "maml.safetensors", "sha256": "0" * 64}, np.eye(3), 1.2, (64, 64), GreyWindow(0.5, 0.25),
        torch.ones(1, 4), {"slices": [[3, 6]]}, (replace(template(), labels=np.ones((2, 2, 2), np.uint8)),),
    )  # fmt: skip
    path = tmp_path_factory.mktemp("tasks") / "task.safetensors"
    task.save(path)
    return path.read_bytes()


def loads_or_is_refused(content):
    try:
        task = load(content)
    except CheckpointError as error:
        refusal = str(error)
    else:
        check_whole(task)
        return
    assert "task.safetensors" in refusal
    assert "\n" not in refusal


def check_whole(task):
    """What loads is a task: it can be kept, and is the same again."""
    with tempfile.TemporaryDirectory() as folder:
        task.save(Path(folder) / "again.safetensors")
        assert same(AdaptedTask.load(Path(folder) / "again.safetensors"), task)


@FUZZ
@given(data=st.data())
def test_any_header_loads_or_is_refused(valid, replace_header, data):
    def change(header):
        for _ in range(data.draw(st.integers(1, 3))):
            path = data.draw(st.sampled_from(list(places_in(header))))
            header = changed_at(header, path, data.draw(JSON))
        return header

    loads_or_is_refused(replace_header(valid, change))


@FUZZ
@given(flips=st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 255)), max_size=8), cut=st.integers(0, 200))
def test_any_bytes_load_or_are_refused(valid, flips, cut):
    content = bytearray(valid[: len(valid) - cut])
    for place, bits in flips:
        content[place % len(content)] ^= bits
    loads_or_is_refused(bytes(content))


@FUZZ
@given(
    header=st.dictionaries(st.sampled_from(["x", "__metadata__", "signatures", "0.w"]), JSON),
    data=st.binary(max_size=64),
)
def test_any_safetensors_header_loads_or_is_refused(header, data):
    text = json.dumps(header).encode()
    loads_or_is_refused(len(text).to_bytes(8, "little") + text + data)
