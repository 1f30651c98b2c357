"""A structure that the user draws."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

COLOURS = (
    (0.50, 0.68, 0.50),
    (0.95, 0.84, 0.57),
    (0.69, 0.48, 0.40),
    (0.44, 0.72, 0.82),
    (0.85, 0.40, 0.31),
    (0.87, 0.51, 0.40),
    (0.56, 0.93, 0.56),
    (0.75, 0.40, 0.34),
    (0.57, 0.40, 0.78),
    (0.31, 0.46, 0.78),
)
"""Taken in turn by segments that have no colour of their own."""


@dataclass(frozen=True)
class Segment:
    """A label and what it means.

    Attributes:
        value: its number in the label map, 1 or more.
        name: what the user calls it.
        color: red, green, blue, 0 to 1.
        terminology: Slicer's serialised terminology entry, or empty.
    """

    value: int
    name: str
    color: tuple[float, float, float]
    terminology: str = ""


def default_segments(values: Iterable[int]) -> tuple[Segment, ...]:
    """Segments with names and colours of ours, for label maps that carry none."""
    return tuple(Segment(int(v), f"Segment_{int(v)}", COLOURS[i % len(COLOURS)]) for i, v in enumerate(values))


def read_segments(path: str | Path, values: Iterable[int]) -> tuple[Segment, ...]:
    """Segments of a label-map file: names and colours from a NRRD file that Slicer wrote, else ours.

    Args:
        path: the label map's file.
        values: the values that are in it.
    """
    segments = default_segments(values)
    if not str(path).lower().endswith(".nrrd"):
        return segments
    import SimpleITK

    reader = SimpleITK.ImageFileReader()
    reader.SetFileName(str(path))
    reader.ReadImageInformation()
    # What is not UTF-8 comes as surrogates: as keys SimpleITK does not take them back, as names nobody can print them.
    keys = [key for key in reader.GetMetaDataKeys() if key.isascii()]
    header = {
        key: reader.GetMetaData(key).encode("utf-8", "surrogateescape").decode("utf-8", "replace") for key in keys
    }
    named = {}
    for key in header:
        if key.startswith("Segment") and key.endswith("_LabelValue") and header[key].strip().isdigit():
            value = int(header[key])
            ours = next((s for s in segments if s.value == value), None)
            if ours is not None:
                named[value] = _from_header(header, key.removesuffix("LabelValue"), ours)
    return tuple(named.get(segment.value, segment) for segment in segments)


def _from_header(header: Mapping[str, str], prefix: str, default: Segment) -> Segment:
    """A segment as its header entries have it; what is missing or unreadable is the default's."""
    try:
        red, green, blue = (float(c) for c in header[prefix + "Color"].split())
        colour = (red, green, blue)
        if not all(0 <= c <= 1 for c in colour):
            raise ValueError(f"no colour: {colour}")
    except (KeyError, ValueError):
        colour = default.color
    tags = dict(tag.split(":", 1) for tag in header.get(prefix + "Tags", "").split("|") if ":" in tag)
    terminology = tags.get("TerminologyEntry", default.terminology)
    return Segment(default.value, header.get(prefix + "Name") or default.name, colour, terminology)
