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
    place, after = _place(path)
    if place is None:
        return []
    if place.split()[:1] == ["LIST"]:
        return _present(path, after.splitlines())
    if "%" in place:  # "slice%03d.raw 1 20 1"
        numbered = re.sub(r"%0?\d*d", "[0-9]*", glob.escape(Path(place.split()[0]).name))
        return sorted(path.parent.glob(numbered))
    return _present(path, [place])


def voxels_elsewhere(path: Path) -> bool:
    """True where a header says that the voxels lie in other files, whether those are there or not.

    Raises:
        OSError: the file cannot be read.
    """
    return _place(path)[0] is not None


def _place(path: Path) -> tuple[str | None, str]:
    """What a header says of where the voxels are, None for the file itself, and the header after that."""
    name = path.name.lower()
    if not name.endswith((".mha", ".mhd", ".nrrd")):
        return None, ""
    with path.open("rb") as file:
        header = file.read(LONGEST_HEADER).decode("latin-1")
    if name.endswith(".nrrd"):
        header = re.split(r"\r?\n\r?\n", header, maxsplit=1)[0]  # the voxels begin after an empty line
        found = re.search(r"^data ?file:[ \t]*(.*)$", header, re.MULTILINE | re.IGNORECASE)
    else:
        found = re.search(r"^ElementDataFile[ \t]*=[ \t]*(.*)$", header, re.MULTILINE)
    if found is None or found[1].strip().upper() == "LOCAL":
        return None, ""
    return found[1].strip(), header[found.end() :]


def _present(path: Path, names: list[str]) -> list[Path]:
    places = (path.parent / name.strip() for name in names if name.strip() and "\0" not in name)
    return [place for place in places if place.is_file()]
