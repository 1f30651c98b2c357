"""Which other files a volume's header names: a MetaImage and a NRRD file may have their voxels beside them."""

from __future__ import annotations

import glob
import re
from pathlib import Path

LONGEST_HEADER = 1 << 20
"""Bytes of a file that are searched for names."""


def voxel_files(path: Path) -> list[Path]:
    """The files with a volume's voxels, apart from the one itself, in their order; only those that are there.

    Args:
        path: a file of a known ending.

    Raises:
        OSError: the file cannot be read.
    """
    name = path.name.lower()
    if not name.endswith((".mha", ".mhd", ".nrrd")):
        return []
    with path.open("rb") as file:
        header = file.read(LONGEST_HEADER).decode("latin-1")
    if name.endswith(".nrrd"):
        header = re.split(r"\r?\n\r?\n", header, maxsplit=1)[0]  # the voxels begin after an empty line
        found = re.search(r"^data ?file:[ \t]*(.*)$", header, re.MULTILINE | re.IGNORECASE)
    else:
        found = re.search(r"^ElementDataFile[ \t]*=[ \t]*(.*)$", header, re.MULTILINE)
    if found is None or found[1].strip().upper() == "LOCAL":
        return []
    first = found[1].strip()
    if first.split()[:1] == ["LIST"]:
        return _present(path, header[found.end() :].splitlines())
    if "%" in first:  # "slice%03d.raw 1 20 1"
        numbered = re.sub(r"%0?\d*d", "[0-9]*", glob.escape(Path(first.split()[0]).name))
        return sorted(path.parent.glob(numbered))
    return _present(path, [first])


def _present(path: Path, names: list[str]) -> list[Path]:
    places = (path.parent / name.strip() for name in names if name.strip() and "\0" not in name)
    return [place for place in places if place.is_file()]
