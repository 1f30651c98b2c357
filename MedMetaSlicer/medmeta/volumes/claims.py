"""What a header says about the size of its volume, held against the file and the machine before memory is taken."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from medmeta.errors import VolumeError
from medmeta.volumes.parts import voxels_elsewhere
from medmeta.volumes.volume import IN_PLANE, SLICES

MOST_VOXELS = IN_PLANE[1] ** 2 * SLICES[1]
"""More can never be worked on."""

TIGHTEST = 1040
"""Bytes that one byte of a compressed file can stand for, at most (deflate's limit is 1032)."""


def check_memory(size: Sequence[int], voxel_bytes: int, source: str | Path) -> None:
    """Refuses a volume that is too large to be worked on or for the machine.

    Args:
        size: voxels along the axes.
        voxel_bytes: bytes a voxel.
        source: what messages call the volume.

    Raises:
        VolumeError: it is too large.
    """
    voxels = math.prod(int(n) for n in size)
    shape = " x ".join(str(n) for n in size)
    if voxels > MOST_VOXELS:
        raise VolumeError(
            f"{source} claims {shape} voxels; up to {MOST_VOXELS:.1e} work: it is damaged, or crop or resample it."
        )
    needed, there = voxels * voxel_bytes, machine_memory()
    if there is not None and needed > there:
        raise VolumeError(
            f"{source} claims {shape} voxels, {needed / 2**30:.1f} GiB; this machine has {there / 2**30:.1f} GiB of "
            "memory: crop or resample it."
        )


def machine_memory() -> int | None:
    """Bytes of memory that the machine has; None where it does not say."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return _windows_memory()


def _windows_memory() -> int | None:
    import ctypes

    if not hasattr(ctypes, "windll"):
        return None

    class Status(ctypes.Structure):
        _fields_ = (
            ("length", ctypes.c_ulong),
            ("load", ctypes.c_ulong),
            *((name, ctypes.c_ulonglong) for name in ("total", "free", "pages", "free_pages", "space", "left", "more")),
        )

    status = Status(length=ctypes.sizeof(Status))
    return int(status.total) if ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status)) else None


def check_file(sitk: Any, path: Path) -> None:
    """Reads a file's header alone and refuses it where it claims more than the file can hold.

    Raises:
        RuntimeError: the header cannot be read.
        VolumeError: it claims too much.
    """
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    reader.ReadImageInformation()
    size = reader.GetSize()
    voxel = reader.GetNumberOfComponents() * _pixel_bytes(sitk.GetPixelIDValueAsString(reader.GetPixelID()))
    check_memory(size, voxel, path)
    # A header may keep its voxels in other files, which ITK checks.
    if voxels_elsewhere(path):
        return
    claimed, held = math.prod(size) * voxel, path.stat().st_size
    if claimed > held * (1 if path.suffix.lower() == ".nii" else TIGHTEST):
        raise VolumeError(
            f"{path} cannot be read (it claims {' x '.join(map(str, size))} voxels and has {held} bytes): it is "
            "damaged or incomplete."
        )


def _pixel_bytes(kind: str) -> int:
    """Bytes of one number of a SimpleITK pixel type, such as "vector of 32-bit float"."""
    bits = re.search(r"(\d+)-bit", kind)
    return int(bits[1]) // 8 if bits else 1
