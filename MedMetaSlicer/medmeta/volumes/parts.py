"""Which other files a volume's header names: a MetaImage and a NRRD file may have their voxels beside them.

Headers are taken as ITK takes them, or a cohort would read files that nobody looked at.
"""

from __future__ import annotations

import glob
import os
import re
from pathlib import Path

from medmeta.errors import VolumeError

LONGEST_HEADER = 1 << 20
"""Bytes of a file that are searched for names."""

_METAIMAGE = re.compile(r"ElementDataFile[ \t\v\f\r]*[=:][=: \t\v\f\r]*([^\n]*)")
_NRRD = re.compile(r"data ?file:(?!=)[ \t]*(.*)", re.IGNORECASE)  # "key:=value" is a remark
_NUMBER = re.compile(r"%(%|\d*d)")


def voxel_files(path: Path) -> list[Path]:
    """The files with a volume's voxels, apart from the one itself, in their order; only those that are there.

    Args:
        path: a file of a known ending.

    Raises:
        OSError: the file cannot be read.
        VolumeError: its header has no end, or names files in a way that cannot be followed.
    """
    place, after = _place(path)
    if place is None:
        return []
    found = _present(path, [place, *after] if place.startswith("LIST") else [place])
    return found + _numbered(path, place) if "%" in place else found


def voxels_elsewhere(path: Path) -> bool:
    """True where a header says that the voxels lie in other files, whether those are there or not.

    Raises:
        OSError, VolumeError: as `voxel_files`.
    """
    return _place(path)[0] is not None


def nrrd_header(path: Path) -> tuple[list[str], int | None]:
    """The lines of a NRRD file's header, and at which byte its voxels begin; None where there are none after it.

    Raises:
        OSError: the file cannot be read.
        VolumeError: the header has no end.
    """
    with path.open("rb") as file:
        content = file.read(LONGEST_HEADER)
        more = file.read(1)
    lines, start = [], 0
    for end in re.finditer(rb"\r\n|\r|\n", content):  # any of them ends a line
        if end.start() == start:  # the voxels begin after an empty line
            return lines, end.end()
        lines.append(content[start : end.start()].decode("latin-1"))
        start = end.end()
    if more:
        raise VolumeError(f"{path} cannot be read (its header has no end): it is damaged, or not what its name says.")
    return [*lines, content[start:].decode("latin-1")], None


def _place(path: Path) -> tuple[str | None, list[str]]:
    """What a header says of where the voxels are, None for the file itself, and the lines after that."""
    name = path.name.lower()
    if name.endswith(".nrrd"):
        lines, _ = nrrd_header(path)
        for number, line in enumerate(lines, start=1):
            if found := _NRRD.match(line):
                return found[1], lines[number:]
    elif name.endswith((".mha", ".mhd")):
        with path.open("rb") as file:
            header = file.read(LONGEST_HEADER).decode("latin-1")
        found = _METAIMAGE.search(header)
        if found and found[1].strip().upper() != "LOCAL":
            return found[1].strip(), header[found.end() :].split("\n")
    return None, []


def _present(path: Path, names: list[str]) -> list[Path]:
    """Files of the names, with and without the blanks round them, which not every reader takes away."""
    names = [name.split("\0")[0] for name in names]  # where it ends for ITK
    places = dict.fromkeys(path.parent / part for name in names for part in (name, name.strip()) if part)
    return [place for place in places if place.exists()]


def _numbered(path: Path, place: str) -> list[Path]:
    """Files of a pattern, such as "slice%03d.raw 1 20 1"; all of them, whichever numbers it asks for.

    Raises:
        VolumeError: other than plain numbers are put in, which can change the folder.
    """
    pattern = re.split(r"[ \t\0]", place)[0]
    if "%" in _NUMBER.sub("", pattern):
        raise VolumeError(f"{path} names its voxels' files by {pattern[:40]}: number them by %d or the like.")
    numbered = _NUMBER.sub(lambda found: "%" if found[1] == "%" else "[- 0-9]*", glob.escape(pattern))
    return [Path(file) for file in sorted(glob.glob(os.path.join(glob.escape(str(path.parent)), numbered)))]
