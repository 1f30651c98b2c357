"""What a task file says of itself, read without its tensors and without torch, so that many can be listed."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medmeta.annotations import Segment
from medmeta.errors import CheckpointError
from medmeta.volumes.files import LARGEST_LABEL

FORMAT = "medmeta-task-4"
FORMER = ("medmeta-task-3", "medmeta-task-2")
"""Still read: without fine grey values round the segments; without templates."""
LARGEST_HEADER = 1 << 24
"""Bytes of a file's header: a task's has some thousand."""

MOST_SEGMENTS = 10_000
LONGEST_TEXT = 10_000


@dataclass(frozen=True)
class TaskHeader:
    """Of a task file.

    Attributes:
        segments: names, colours and label values.
        provenance: annotated slices, seed, version and the like.
    """

    segments: tuple[Segment, ...]
    provenance: Mapping[str, Any]

    @property
    def for_other_volumes(self) -> bool:
        """False where nothing was adapted for other volumes: it predicts none."""
        return bool(self.provenance.get("for_other_volumes", True))


def read_task_header(path: str | Path) -> TaskHeader:
    """Reads the header of a task file; whether its tensors are whole is seen when it is loaded.

    Raises:
        CheckpointError: missing, not readable, damaged, cut off, or not a task file.
    """
    path = Path(path)
    try:
        whole = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(8)
            size = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
            if not 2 <= size <= min(LARGEST_HEADER, whole - 8):
                raise ValueError("no header of a tensor file")
            fields = json.loads(file.read(size))
        places = [_end(fields, name) for name in fields if name != "__metadata__"]
        if whole != 8 + size + max(places, default=0):
            raise ValueError("it was not written to its end, or has more")
        header = json.loads(fields["__metadata__"]["medmeta"])
        if header["format"] not in (FORMAT, *FORMER):
            raise ValueError(f"it is not a {FORMAT} file")
        if not isinstance(header["provenance"], dict):
            raise ValueError("provenance is no table")
        return TaskHeader(segments_of(header["segments"]), header["provenance"])
    except OSError as error:
        raise CheckpointError(f"Task {path} cannot be read ({error.strerror}): check the file.") from error
    except (LookupError, MemoryError, OverflowError, RecursionError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise CheckpointError(f"{path} is no task file, or is damaged ({reason}): adapt again.") from error


def _end(fields: Mapping[str, Any], name: str) -> int:
    """Where a tensor ends in the data."""
    end = fields[name]["data_offsets"][1]
    if isinstance(end, bool) or not isinstance(end, int) or end < 0:
        raise ValueError(f"{name[:100]!r} ends nowhere")
    return end


def segments_of(rows: Any) -> tuple[Segment, ...]:
    """The segments of a task's header.

    Raises:
        ValueError: there is none, too many, or one makes no sense.
    """
    if not isinstance(rows, list) or not 1 <= len(rows) <= MOST_SEGMENTS:
        raise ValueError(f"it has no list of 1 to {MOST_SEGMENTS} segments")
    segments = tuple(_segment(row) for row in rows)
    if len({segment.value for segment in segments}) < len(segments):
        raise ValueError("two segments have the same label value")
    return segments


def _segment(row: Any) -> Segment:
    if not isinstance(row, dict) or row.keys() != {"value", "name", "color", "terminology"}:
        raise ValueError("a segment lacks value, name, color or terminology, or has more")
    value, color = row["value"], row["color"]
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= LARGEST_LABEL:
        raise ValueError(f"a segment has the label value {str(value)[:50]}")
    for text in (row["name"], row["terminology"]):
        if not isinstance(text, str) or len(text) > LONGEST_TEXT:
            raise ValueError(f"segment {value} has a name or terminology that is no text of reasonable length")
    red, green, blue = numbers(f"colour of segment {value}", color, 3, 0, 1)
    return Segment(value, row["name"], (red, green, blue), row["terminology"])


def numbers(what: str, values: Any, count: int, least: float, most: float) -> tuple[float, ...]:
    """So many finite numbers within a range.

    Raises:
        ValueError: they are not.
    """
    if not isinstance(values, list) or len(values) != count:
        raise ValueError(f"{what} is no list of {count} numbers")
    return tuple(number(what, value, least, most) for value in values)


def number(what: str, value: Any, least: float, most: float) -> float:
    """A finite number within a range.

    Raises:
        ValueError: it is not.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise ValueError(f"{what} is {str(value)[:50]}, not {least:g} to {most:g}")
    return float(value)
