import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medmeta.worker import messages as m

NAME = "0123456789abcdef" * 2
ARRAY = m.Array(NAME, "<f4", (2, 3, 4))
GRID = m.Grid(ARRAY, (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0))
SEGMENT = m.SegmentFields(1, "Niere", (0.1, 0.2, 0.3))
REQUESTS = [
    m.Adapt(id=1, cases=(m.Drawn(GRID, ARRAY, 2, (1, 2)),), segments=(SEGMENT,), start=NAME),
    m.Predict(id=2, task=NAME, volume=GRID),
    m.Match(id=8, paths=("a.safetensors", "b.safetensors"), volume=GRID),
    m.Save(id=3, task=NAME, path="x.task"),
    m.Load(id=4, path="x.task"),
    m.Forget(id=5, task=NAME),
    m.Cancel(id=6, target=2),
    m.Status(id=7),
]
EVENTS = [
    m.Ready(version=m.VERSION, process=1, device="cpu"),
    m.Advanced(id=1, phase="adapt", done=1, total=2),
    m.Advanced(id=1, phase="cohort", done=1, total=2, loss=0.25),
    m.Matched(id=8, fits=(m.Fit(0.1, 0.4), m.Fit(problem="b.safetensors is damaged"))),
    m.Noticed(id=1, text="on the CPU"),
    m.Answered(id=2, prediction=m.Predicted(ARRAY, ARRAY, (None, 0.5), ((None, 0.5),)), seconds=1.0),
    m.Done(id=3),
    m.Failed(id=4, error="bug", text="so it is"),
]


@pytest.mark.parametrize("message", REQUESTS, ids=lambda message: type(message).__name__)
def test_a_request_is_one_line_and_read_as_it_was_said(message):
    line = m.encode(message)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert m.decode_request(line) == message


@pytest.mark.parametrize("message", EVENTS, ids=lambda message: type(message).__name__)
def test_an_event_is_read_as_it_was_said(message):
    assert m.decode_event(m.encode(message)) == message


def test_every_request_has_an_answer_but_those_that_the_reader_answers_at_once():
    from medmeta.worker.server import ANSWERS

    assert set(ANSWERS) | {m.Cancel, m.Status} == set(m.Request.__args__)


@pytest.mark.parametrize(
    "change",
    [
        {"task": "../../etc/passwd"},
        {"task": NAME.upper()},
        {"task": NAME + "\n"},
        {"id": -1},
        {"id": 2**70},
        {"more": 1},
        {"type": "explode"},
        {"volume": None},
        {"device": 3},
    ],
)
def test_what_is_no_request_of_this_version_is_refused(change):
    fields = json.loads(m.encode(REQUESTS[1])) | change
    with pytest.raises(m.WorkerError, match="cannot be read"):
        m.decode_request(json.dumps(fields).encode())


@pytest.mark.parametrize("shape", [[0, 1], [-1], [10**9], [1, 1, 1, 1, 1], [1.5], "1"])
def test_shapes_out_of_range_are_refused_before_anything_is_read(shape):
    fields = json.loads(m.encode(REQUESTS[1]))
    fields["volume"]["array"]["shape"] = shape
    with pytest.raises(m.WorkerError):
        m.decode_request(json.dumps(fields).encode())


def test_a_message_without_end_is_not_read():
    with pytest.raises(m.WorkerError, match="too long"):
        m.decode_event(b" " * (m.LONGEST + 1))


@given(st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_no_bytes_do_anything_but_be_refused(line):
    for decode in (m.decode_request, m.decode_event):
        with pytest.raises(m.WorkerError):
            decode(line)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=8,
)


def _paths(value, path=()):
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from _paths(inner, (*path, key))


@given(st.sampled_from([*REQUESTS, *EVENTS]), st.data(), JSON)
@settings(max_examples=500, deadline=None)
def test_a_message_with_anything_in_it_is_read_or_refused(message, data, anything):
    decode = m.decode_request if isinstance(message, m.Request) else m.decode_event
    fields = json.loads(m.encode(message))
    *way, last = data.draw(st.sampled_from([path for path in _paths(fields) if path]))
    place = fields
    for key in way:
        place = place[key]
    place[last] = anything
    try:
        read = decode(json.dumps(fields).encode())
    except m.WorkerError:
        return
    # What was read is well-typed: it says itself again.
    assert isinstance(read, msgspec.Struct)
    assert decode(m.encode(read)) == read
