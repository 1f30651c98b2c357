"""Whether a header in words can be true, before ITK reads it: on some that cannot it crashes, hangs or overflows."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path

from medmeta.volumes.claims import check_memory
from medmeta.volumes.parts import LONGEST_HEADER, nrrd_header, voxel_files

MOST_DIMENSIONS = 10
MOST_CHANNELS = 1024
LARGEST = 1e9
"""mm, or parts of a direction."""

_VECTORS = ("elementspacing", "elementsize", "offset", "origin", "position", "centerofrotation")
_MATRICES = ("transformmatrix", "rotation", "orientation")


def check_metaimage_header(path: Path) -> None:
    """Checks the header of a MetaImage.

    Raises:
        OSError: the file cannot be read.
        ValueError: it cannot be true.
        VolumeError: it claims more than the machine has.
    """
    dimensions, sizes = 0, None
    for key, value in _metaimage_lines(path):
        if key == "ndims":
            if dimensions:
                raise ValueError("NDims is there twice")
            dimensions = _whole(key, value, 1, MOST_DIMENSIONS)
        elif key == "dimsize":
            sizes = [_whole(key, word, 1, 2**31 - 1) for word in value.split()]
            if len(sizes) != dimensions:
                raise ValueError(f"DimSize has {len(sizes)} numbers of {dimensions}")
        elif key in _VECTORS or key in _MATRICES:
            _numbers(key, value, dimensions if key in _VECTORS else dimensions**2)
        elif key == "elementnumberofchannels":
            _whole(key, value, 1, MOST_CHANNELS)
        elif key in ("compresseddatasize", "headersize"):
            _whole(
                key, value, -1 if key == "headersize" else 0, 2**40 if key == "headersize" else max(2**16, _size(path))
            )
        elif key == "elementdatafile" and (not value or "\0" in value):
            raise ValueError("ElementDataFile names no file")
    if sizes is None:
        raise ValueError("no DimSize")
    check_memory(sizes, 1, path)


def check_nrrd_header(path: Path) -> None:
    """Checks the header of a NRRD file.

    Raises:
        OSError: the file cannot be read.
        ValueError: it cannot be true.
        VolumeError: it has no end, or claims more than the machine has.
    """
    for line in nrrd_header(path)[0]:
        key, _, value = line.partition(":")
        key, value = key.strip().lower(), value.strip()
        if key == "dimension":
            _whole(key, value, 1, 16)
        elif key == "sizes":
            check_memory([_whole(key, word, 1, 2**31 - 1) for word in value.split()], 1, path)
        elif key in ("space directions", "space origin", "spacings", "measurement frame"):
            for word in re.split(r"[\s(),]+", value):
                # Axes that are not of space have nan or none.
                if word and word.lower() not in ("none", "nan") and not abs(float(word)) <= LARGEST:
                    raise ValueError(f"{key} has {word}")


def _metaimage_lines(path: Path) -> Iterator[tuple[str, str]]:
    """The entries of the header, keys in small letters, to the last one, which says where the voxels are.

    Raises:
        ValueError: there is no such end, or more than one.
    """
    with path.open("rb") as file:
        header = file.read(LONGEST_HEADER).decode("latin-1")
    if header.count("ElementDataFile") > 1:  # of which readers take one or the other
        raise ValueError("ElementDataFile is there twice")
    for line in header.split("\n"):
        key, _, value = re.sub(r"[=:]", "=", line, count=1).partition("=")
        key = key.strip().lower()
        yield key, value.strip()
        if key == "elementdatafile":
            return
    raise ValueError("its header has no end")


def _whole(key: str, text: str, low: int, high: int) -> int:
    if not re.fullmatch(r"[+-]?\d{1,18}", text) or not low <= int(text) <= high:
        raise ValueError(f"{key} is {text[:40]}")
    return int(text)


def _numbers(key: str, text: str, count: int) -> None:
    found = [float(word) for word in text.split()]
    if len(found) != count or not all(math.isfinite(x) and abs(x) <= LARGEST for x in found):
        raise ValueError(f"{key} is {text[:80]}, not {count} numbers")


def _size(path: Path) -> int:
    """Bytes of all files that voxels may be in: the compressed ones may lie beside the header."""
    return sum(file.stat().st_size for file in (path, *voxel_files(path)))
