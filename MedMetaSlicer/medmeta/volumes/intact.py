"""Whether a file's voxels are all there and undamaged: ITK gives wrong voxels without a word where they are not."""

from __future__ import annotations

import gzip
import mmap
import re
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from medmeta.volumes.parts import nrrd_header

if TYPE_CHECKING:
    import SimpleITK


def check_nifti(image: SimpleITK.Image, path: Path) -> None:
    """Checks a NIfTI file, compressed or not, of which ITK has read the image.

    Raises:
        EOFError, OSError, zlib.error: not all the voxels are there, or the compressed file is damaged.
    """
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    length = path.stat().st_size
    if packed:
        with gzip.open(path) as file:
            length = sum(map(len, iter(lambda: file.read(1 << 22), b"")))
    bits = float(image.GetMetaData("bitpix")) * image.GetNumberOfPixels()
    needed = round(float(image.GetMetaData("vox_offset")) + bits / 8)
    if length < needed:
        raise EOFError(f"{length} bytes of {needed}")


def check_metaimage(path: Path) -> None:
    """Checks the compressed voxels of a MetaImage; others ITK checks.

    Raises:
        EOFError, OSError, zlib.error: the file with the voxels is missing, or they are cut off or damaged.
    """
    header: dict[str, str] = {}
    with path.open("rb") as file:
        while "ElementDataFile" not in header and (line := file.readline()):  # its last entry
            key, _, value = re.sub("[=:]", "=", line.decode("latin-1"), count=1).partition("=")
            header[key.strip()] = value.strip()
        start = file.tell()
    place = header.get("ElementDataFile", "LIST")
    if place.split()[:1] == ["LIST"] or "%" in place:
        return  # a file for each slice
    local = place.upper() == "LOCAL"
    with (path if local else path.parent / place).open("rb") as file:
        if header.get("CompressedData", "").lower() == "true":
            file.seek(start if local else 0)
            _check_packed(file)


def check_nrrd(path: Path) -> None:
    """Checks the compressed voxels of a NRRD file; others ITK checks.

    Raises:
        EOFError, OSError, zlib.error: the header or the voxels are cut off or damaged.
        VolumeError: as `nrrd_header`.
    """
    lines, start = nrrd_header(path)
    header = {key.lower(): value.strip().lower() for key, _, value in (line.partition(":") for line in lines)}
    if {"data file", "datafile"} & header.keys():
        return
    if start is None:
        raise EOFError("its header has no end")
    if header.get("encoding") in ("gz", "gzip") and not {"line skip", "byte skip"} & header.keys():
        with path.open("rb") as file:
            file.seek(start)
            _check_packed(file)


UNPACKED = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1")
"""DICOM transfer syntaxes that do not compress, lower bytes first; decoders notice what is cut off in others."""

_PIXELS = b"\xe0\x7f\x10\x00"
_CLASS = b"\x02\x00\x02\x00UI"
_SYNTAX = b"\x02\x00\x10\x00UI"


def check_dicom(path: Path, pixels: int, bits: int) -> None:
    """Checks that a DICOM file that is not compressed holds all its pixels.

    Args:
        path: the file.
        pixels: of all frames together.
        bits: of a pixel.

    Raises:
        EOFError: not all the pixels are there.
        OSError, ValueError: the file cannot be read, or is empty.
    """
    needed = -(-pixels * bits // 8)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        # A file without a preamble is not compressed.
        if (_meta(content[:4096], _SYNTAX) or UNPACKED[0]) not in UNPACKED:
            return
        place = content.find(_PIXELS)
        while place >= 0:  # icons have pixels too
            named = content[place + 4 : place + 6] in (b"OW", b"OB")
            start = place + (12 if named else 8)
            length = int.from_bytes(content[start - 4 : start], "little")
            if length in (needed, needed + 1):
                there = len(content) - start
                if there < needed:
                    raise EOFError(f"{path.name} has {there} bytes of {needed} of its pixels")
                return
            place = content.find(_PIXELS, place + 1)
    raise EOFError(f"{path.name} lacks the {needed} bytes of its pixels")


def dicom_class(path: Path) -> str:
    """What kind of DICOM object a file's preamble says it is; empty where it has none."""
    with path.open("rb") as file:
        return _meta(file.read(4096), _CLASS)


def _meta(head: bytes, tag: bytes) -> str:
    """An entry of a DICOM file's preamble; empty where there is none."""
    place = head.find(tag)
    if place < 0:
        return ""
    length = int.from_bytes(head[place + 6 : place + 8], "little")
    return head[place + 8 : place + 8 + length].decode("latin-1").strip(" \0")


def _check_packed(file: BinaryIO) -> None:
    """Unpacks zlib's or gzip's data from here, which checks them."""
    unpacker = zlib.decompressobj(wbits=47)  # either of the two
    while not unpacker.eof and (part := file.read(1 << 16)):
        unpacker.decompress(part)
    if not unpacker.eof:
        raise EOFError("its compressed voxels end too early")
