"""What client and worker say to each other: one JSON object a line, small, typed and of one version.

Arrays do not travel in messages: an `Array` names a file of the folder that both share.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from medmeta.errors import MedMetaError

VERSION = 3
"""Of the protocol; a client and a worker of different versions do not talk."""

LONGEST = 8 << 20
"""Bytes of the longest message that is read: expected Dice of some thousand slices takes some hundred thousand."""

Name = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{32}\Z")]
"""Of files and tasks: no path can be made of it."""

Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Side = Annotated[int, msgspec.Meta(ge=1, le=100_000)]
Three = tuple[float, float, float]


class WorkerError(MedMetaError):
    """The worker cannot be reached, died, or does not understand."""


class Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Anything that is said. `id` is the request's number, 0 where a message belongs to none."""

    id: Count = 0


class Array(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An array in a file of the shared folder, in C order, or in Fortran's: as it lay in memory."""

    file: Name
    dtype: str
    shape: Annotated[tuple[Side, ...], msgspec.Meta(max_length=4)]
    fortran: bool = False


class Grid(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A volume: (I, J, K) array; spacing in mm, origin and direction (by rows) LPS. It has no name."""

    array: Array
    spacing: Three
    origin: Three
    direction: Annotated[tuple[float, ...], msgspec.Meta(min_length=9, max_length=9)]


class SegmentFields(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """As `medmeta.annotations.Segment`."""

    value: Annotated[int, msgspec.Meta(ge=1)]
    name: str
    color: Three
    terminology: str = ""


class Drawn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An annotated volume."""

    volume: Grid
    labels: Array
    axis: Annotated[int, msgspec.Meta(ge=0, le=2)]
    slices: tuple[Count, ...]


class Predicted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """As `medmeta.adaptation.Prediction`; its geometry is that of the volume that was sent."""

    labels: Array
    confidence: Array
    expected_cases: tuple[float | None, ...] = ()
    expected_slices: tuple[tuple[float | None, ...], ...] = ()
    distance: float | None = None
    threshold: float | None = None


class QualityFields(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """As `medmeta.adaptation.SegmentQuality`; no reach stands for one without end."""

    segment: SegmentFields
    held_out_dice: float | None
    interpolation_dice: float | None
    learner: str
    steps: dict[str, int]
    reach: float | None
    scores: dict[str, float]
    expected_dice: float | None = None


class Next(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """As `medmeta.adaptation.Suggestion`."""

    slice: Count
    score: float
    distance: int
    expected_wrong: float


class Fit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """As `medmeta.adaptation.Similarity`; or why there is none: a file that is missing or damaged."""

    distance: float | None = None
    threshold: float | None = None
    problem: str = ""


class Adapt(Message, tag="adapt", frozen=True):
    """Adapt to annotated volumes and complete them. With `start`, a task's name, go on from it (continue)."""

    cases: Annotated[tuple[Drawn, ...], msgspec.Meta(min_length=1, max_length=1000)]
    segments: Annotated[tuple[SegmentFields, ...], msgspec.Meta(min_length=1, max_length=1000)]
    learner: str = "auto"
    checkpoint: str | None = None
    budget: float | None = None
    device: str = "auto"
    seed: Count = 0
    for_other_volumes: bool = True
    clean_up: bool = True
    preview: bool = False
    start: Name | None = None


class Predict(Message, tag="predict", frozen=True):
    """Predict a volume in which nothing is drawn."""

    task: Name
    volume: Grid
    checkpoint: str | None = None
    device: str = "auto"
    clean_up: bool = True


class Suggest(Message, tag="suggest", frozen=True):
    """Which slices to draw next in an annotated volume, told from its prediction."""

    prediction: Predicted
    drawn: Drawn
    segments: tuple[SegmentFields, ...]
    count: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 1


class Match(Message, tag="match", frozen=True):
    """How close a volume is to the annotated ones of saved tasks."""

    paths: Annotated[tuple[str, ...], msgspec.Meta(max_length=10_000)]
    volume: Grid
    device: str = "auto"


class Save(Message, tag="save", frozen=True):
    """Write a task to a file of the user's."""

    task: Name
    path: str


class Load(Message, tag="load", frozen=True):
    """Read a task from a file of the user's."""

    path: str


class Forget(Message, tag="forget", frozen=True):
    """A task is not needed any more."""

    task: Name


class Cancel(Message, tag="cancel", frozen=True):
    """Stop a request, whether it waits or is computed."""

    target: Count


class Status(Message, tag="status", frozen=True):
    """What is it doing?"""


Request = Adapt | Predict | Suggest | Match | Save | Load | Forget | Cancel | Status


class Ready(Message, tag="ready", frozen=True):
    """The worker listens. `device` is what "auto" means there."""

    version: int
    process: int
    device: str


class Advanced(Message, tag="progress", frozen=True):
    """As `medmeta.progress.Progress`."""

    phase: str
    done: int
    total: int
    message: str = ""
    loss: float | None = None


class Previewed(Message, tag="preview", frozen=True):
    """A first answer of an annotated volume, before it is refined."""

    case: Count
    labels: Array


class Noticed(Message, tag="notice", frozen=True):
    """Something that the user should know: it goes on on the CPU, say."""

    text: str


class Adapted(Message, tag="adapted", frozen=True):
    """The answer to `Adapt`, and to `Load` without predictions."""

    task: Name
    segments: tuple[SegmentFields, ...]
    predictions: tuple[Predicted, ...] = ()
    quality: tuple[QualityFields, ...] = ()
    left_out: tuple[str, ...] = ()
    device: str = ""
    seconds: float = 0.0


class Answered(Message, tag="answered", frozen=True):
    """The answer to `Predict`."""

    prediction: Predicted
    seconds: float


class Suggested(Message, tag="suggested", frozen=True):
    """The answer to `Suggest`."""

    slices: tuple[Next, ...]


class Matched(Message, tag="matched", frozen=True):
    """The answer to `Match`: one fit for each path, in their order."""

    fits: tuple[Fit, ...]


class Done(Message, tag="done", frozen=True):
    """The answer to `Save`, `Forget` and `Cancel`."""


class Reported(Message, tag="reported", frozen=True):
    """The answer to `Status`: the request that is computed (0 for none), those that wait, and what is held."""

    computing: Count
    waiting: tuple[Count, ...]
    tasks: tuple[Name, ...]
    memory: Count
    """Bytes that the process holds."""


class Failed(Message, tag="failed", frozen=True):
    """No answer: the name of the `MedMetaError`, or "bug", and what the user is told."""

    error: str
    text: str


Event = Ready | Advanced | Previewed | Noticed | Adapted | Answered | Suggested | Matched | Done | Reported | Failed

_ENCODER = msgspec.json.Encoder()
_REQUESTS = msgspec.json.Decoder(Request)
_EVENTS = msgspec.json.Decoder(Event)


def encode(message: Message) -> bytes:
    """A message as a line."""
    return _ENCODER.encode(message) + b"\n"


def decode_request(line: bytes) -> Request:
    """What a client said.

    Raises:
        WorkerError: it is no request of this version.
    """
    return _decoded(_REQUESTS, line)


def decode_event(line: bytes) -> Event:
    """What a worker said.

    Raises:
        WorkerError: it is no event of this version.
    """
    return _decoded(_EVENTS, line)


def _decoded(decoder: msgspec.json.Decoder, line: bytes) -> Message:
    if len(line) > LONGEST:
        raise WorkerError(f"A message of {len(line)} bytes is too long: client and worker do not fit each other.")
    try:
        return decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise WorkerError(f"A message cannot be read ({error}): client and worker do not fit each other.") from error
