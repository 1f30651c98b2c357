"""The cases of a cohort: what is read, and what it is called."""

from __future__ import annotations

import hashlib
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from medmeta.errors import CohortError, VolumeError
from medmeta.volumes import dicom_seg
from medmeta.volumes.files import EXTENSIONS
from medmeta.volumes.intact import dicom_class
from medmeta.volumes.parts import voxel_files

MOST_CASES = 100_000
"""So many rows still fit into memory and into a report."""

LONGEST_NAME = 160
"""Bytes; with what is added to it a name stays below the 255 bytes that file systems allow."""

PEEKED = 20
"""Files of a subfolder that are looked at for DICOM."""

_FORBIDDEN = frozenset('<>:"/\\|?*')
_UNSEEN = ("Cc", "Cf", "Cs", "Zl", "Zp")
_RESERVED = frozenset({"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))})


@dataclass(frozen=True)
class Case:
    """A volume of the cohort.

    Attributes:
        name: no other case's, whatever the file system; its outputs are called after it.
        path: a file, or a folder with a DICOM series.
    """

    name: str
    path: Path


def same_name(name: str) -> str:
    """What two names have in common that some file system takes for one."""
    return unicodedata.normalize("NFC", name).casefold()


def usable(name: str) -> str:
    """The name itself where files can be called after it on every system, else the nearest one that they can."""
    plain = "".join("_" if c in _FORBIDDEN or unicodedata.category(c) in _UNSEEN else c for c in name)
    plain = plain.encode()[:LONGEST_NAME].decode(errors="ignore").strip(" .") or "_"
    return f"_{plain}" if plain.split(".")[0].strip().lower() in _RESERVED else plain


def stem(file_name: str) -> str:
    """A file's name without its ending."""
    for extension in sorted(EXTENSIONS, key=len, reverse=True):
        if file_name.lower().endswith(extension):
            return file_name[: -len(extension)]
    return file_name


def volumes_in(folder: Path, out_dir: Path) -> tuple[tuple[Case, ...], int]:
    """Every volume of a folder, and every subfolder of it with DICOM files, by name.

    Hidden files, segmentations (.seg.nrrd) and NAME_label or NAME_confidence beside NAME are left out.

    Args:
        folder: where to look; not deeper than one folder down.
        out_dir: where the outputs go; never a case.

    Returns:
        The cases, and how many files were left out as label maps or the like.

    Raises:
        CohortError: not readable, no volume, too many, or the outputs' folder itself.
    """
    if folder.resolve() == out_dir.resolve():
        raise CohortError(f"{folder} is the input and would be filled with outputs: choose another --out-dir.")
    try:
        found = [path for path in sorted(folder.iterdir(), key=lambda path: path.name) if _may_be_case(path, out_dir)]
    except OSError as error:
        raise CohortError(f"{folder} cannot be read ({error.strerror}): check the path and its permissions.") from error
    stems = {same_name(stem(path.name)) for path in found}
    paths = [path for path in found if not _is_output(path, stems)]
    if not paths:
        raise CohortError(
            f"{folder} holds no volume ({', '.join(EXTENSIONS)}) and no subfolder with DICOM files: "
            "give the folder with the cohort's volumes."
        )
    cases = named((stem(path.name) if path.is_file() else path.name, path.name, path) for path in paths)
    return cases, len(found) - len(paths)


def named(found: Iterable[tuple[str, str, Path]]) -> tuple[Case, ...]:
    """Cases with names of their own.

    Args:
        found: for each case its name, the longer one that it gets where others have the same, and its path. Both are
            made `usable`.

    Raises:
        CohortError: more than `MOST_CASES`, or the same name twice.
    """
    entries = [(usable(name), usable(longer), path) for name, longer, path in found]
    if len(entries) > MOST_CASES:
        raise CohortError(f"The cohort has {len(entries)} cases, more than {MOST_CASES}: take it in parts.")
    often = Counter(same_name(name) for name, _, _ in entries)
    cases, seen = [], set()
    for name, longer, path in entries:
        name = name if often[same_name(name)] == 1 else longer
        if same_name(name) in seen:
            raise CohortError(f"Two cases are called {name!r}: their outputs would be one file; rename one of them.")
        seen.add(same_name(name))
        cases.append(Case(name, path))
    return tuple(cases)


def input_hash(path: Path) -> str:
    """SHA-256 of all that a case is read from, hexadecimal; of a file without others that of its bytes.

    Raises:
        VolumeError: missing, not readable, or its header names voxels in another folder.
    """
    try:
        digest, files = hashlib.sha256(), _files_of(path)
        for file in files:
            if len(files) > 1:
                digest.update(f"\0{file.name}\0{file.stat().st_size}\0".encode("utf-8", "surrogateescape"))
            add_file(digest, file)
    except OSError as error:
        raise VolumeError(f"{path} cannot be read ({error.strerror}): check the path and its permissions.") from error
    return digest.hexdigest()


def stamp(path: Path) -> str:
    """What tells without reading a file whether it was changed: its size, and when it was written last (ns).

    Of a case with several files it is a SHA-256 of their names, sizes and times.

    Raises:
        VolumeError: as `input_hash`.
    """
    try:
        states = [(file.name, file.stat()) for file in _files_of(path)]
    except OSError as error:
        raise VolumeError(f"{path} cannot be read ({error.strerror}): check the path and its permissions.") from error
    lines = [(name, f"{state.st_size} {state.st_mtime_ns}") for name, state in states]
    if len(lines) == 1 and not path.is_dir():
        return lines[0][1]
    text = "".join(f"\0{name}\0{line}\0" for name, line in lines)
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def _files_of(path: Path) -> list[Path]:
    """All files that a case is read from.

    Raises:
        OSError, VolumeError: as `input_hash`.
    """
    if path.is_dir():
        return sorted(file for file in path.iterdir() if file.is_file() and _stays(file, path.resolve(), path))
    if not path.is_file():
        raise VolumeError(f"{path} does not exist: check the path.")
    return [path, *(file for file in voxel_files(path) if _stays(file, path.resolve().parent, path))]


def _stays(file: Path, home: Path, case: Path) -> bool:
    """True for a file inside a folder.

    Raises:
        VolumeError: it is a link out of it.
    """
    if not file.resolve().is_relative_to(home):
        raise VolumeError(f"{case} has voxels in another folder: put them beside it.")
    return True


def add_file(digest: hashlib._Hash, file: Path) -> None:
    """Adds a file's bytes to a hash, a part at a time.

    Raises:
        OSError: not readable.
    """
    with file.open("rb") as source:
        for block in iter(lambda: source.read(1 << 20), b""):
            digest.update(block)


def _may_be_case(path: Path, out_dir: Path) -> bool:
    """True for a volume's file by its ending, and for a folder with DICOM files; never for the outputs' folder."""
    if path.name.startswith(".") or path.resolve() == out_dir.resolve():
        return False
    return _holds_dicom(path) if path.is_dir() else path.is_file() and path.name.lower().endswith(EXTENSIONS)


def _is_output(path: Path, stems: set[str]) -> bool:
    if path.name.lower().endswith(".seg.nrrd"):
        return True
    name = same_name(stem(path.name))
    return any(name.endswith(end) and name.removesuffix(end) in stems for end in ("_label", "_confidence"))


def _holds_dicom(folder: Path) -> bool:
    """True where one of the first files has the four letters of DICOM and is no segmentation."""
    try:
        files = [path for path in sorted(folder.iterdir())[:PEEKED] if path.is_file()]
        for path in files:
            with path.open("rb") as file:
                found = file.read(132)[128:] == b"DICM"
            if found and dicom_class(path) != dicom_seg.STORAGE:
                return True
    except OSError:
        return False
    return False
