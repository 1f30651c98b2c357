"""A list of cases in a file, JSON or CSV; it may come from anywhere, so nothing in it is trusted."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path, PureWindowsPath
from typing import Any

from medmeta.cohorts.cases import LONGEST_NAME, MOST_CASES, Case, named, stem, usable
from medmeta.errors import CohortError

LARGEST = 32 << 20
"""Bytes of a manifest."""

LONGEST_PATH = 1024
"""Characters of a path in a manifest."""

ENDINGS = (".json", ".csv")


def read_manifest(path: Path) -> tuple[Case, ...]:
    """Reads a manifest.

    Args:
        path: JSON, `{"cases": ["a.nii.gz", {"name": "x", "path": "sub/b.nrrd"}]}`, or CSV with the columns `path` and,
            where wanted, `name`. Paths are relative to the manifest's folder.

    Returns:
        The cases in the manifest's order. Whether their files are there is not looked at.

    Raises:
        CohortError: not such a file, too large, a path that leaves its folder, a name that outputs cannot have, or one
            that two cases have.
    """
    text = _text(path)
    rows = _json_rows(path, text) if path.name.lower().endswith(".json") else _csv_rows(path, text)
    entries, folder = [], path.resolve().parent
    for number, (name, place) in enumerate(rows, start=1):
        where = f"{path}: case {number}"
        parts = _parts(place, where)
        target = folder.joinpath(*parts)
        try:
            inside = target.resolve().is_relative_to(folder)
        except (OSError, RuntimeError, ValueError):  # a loop of links, or no path at all
            inside = False
        if not inside:
            raise CohortError(f"{where} is a link out of the manifest's folder: name files inside of it.")
        if name and usable(name) != name:
            fault = f"that files cannot have, or one longer than {LONGEST_NAME} bytes"
            raise CohortError(f"{where} has a name {fault}: give it another one.")
        entries.append((name or stem(parts[-1]), name or "__".join(parts), target))
    if not entries:
        raise CohortError(f"{path} lists no case: name at least one volume.")
    return named(entries)


def _text(path: Path) -> str:
    """The manifest's text; no more of it than allowed is ever in memory.

    Raises:
        CohortError: missing, too large, or not UTF-8.
    """
    if not path.name.lower().endswith(ENDINGS):
        raise CohortError(f"{path} is not a manifest: give a folder, or a {' or '.join(ENDINGS)} file.")
    if not path.is_file():
        raise CohortError(f"{path} does not exist: give a folder with volumes, or a manifest.")
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise CohortError(f"{path} is larger than {LARGEST >> 20} MB: take the cohort in parts.")
        return content.decode("utf-8-sig")
    except OSError as error:
        raise CohortError(f"{path} cannot be read ({error.strerror}): check its permissions.") from error
    except UnicodeDecodeError as error:
        raise CohortError(f"{path} is not UTF-8 (byte {error.start}): save it as UTF-8.") from error


def _json_rows(path: Path, text: str) -> Iterator[tuple[str, str]]:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CohortError(f"{path} is not JSON ({error}): see `medmeta cohort --help`.") from error
    cases = content.get("cases") if isinstance(content, dict) else None
    if not isinstance(cases, list):
        raise CohortError(f'{path} is not a manifest: write {{"cases": ["a.nii.gz", ...]}}.')
    _check_count(path, len(cases))
    for number, case in enumerate(cases, start=1):
        entry: Any = {"path": case} if isinstance(case, str) else case
        if not isinstance(entry, dict) or not entry.keys() <= {"name", "path"} or "path" not in entry:
            raise CohortError(f'{path}: case {number} is not a path, nor {{"name": ..., "path": ...}}: correct it.')
        if not all(isinstance(value, str) for value in entry.values()):
            raise CohortError(f"{path}: case {number} has a name or a path that is no text: correct it.")
        if entry.get("name") == "":
            raise CohortError(f"{path}: case {number} has an empty name: give one, or leave it out.")
        yield entry.get("name", ""), entry["path"]


def _csv_rows(path: Path, text: str) -> Iterator[tuple[str, str]]:
    try:
        reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
        columns = [column.strip().lower() for column in reader.fieldnames or ()]
        if columns.count("path") != 1 or columns.count("name") > 1:
            raise CohortError(f"{path} has no column 'path', or has one twice: its first line names the columns.")
        reader.fieldnames = columns
        rows = list(islice(reader, MOST_CASES + 1))
    except csv.Error as error:
        raise CohortError(f"{path} is not CSV ({error}): put quotes round fields with commas or quotes.") from error
    _check_count(path, len(rows))
    for number, row in enumerate(rows, start=1):
        if None in row or row["path"] is None:
            raise CohortError(f"{path}: case {number} has more or fewer fields than the first line: correct it.")
        yield (row.get("name") or "").strip(), row["path"].strip()


def _check_count(path: Path, count: int) -> None:
    if count > MOST_CASES:
        raise CohortError(f"{path} lists more than {MOST_CASES} cases: take the cohort in parts.")


def _parts(place: str, where: str) -> list[str]:
    """The folders and the file of a relative path, written with slashes of either kind.

    Raises:
        CohortError: an absolute path, one with "..", or no path.
    """
    if not place or len(place) > LONGEST_PATH:
        raise CohortError(f"{where} has no path, or one longer than {LONGEST_PATH} characters: correct it.")
    if place.startswith(("/", "\\", "~")) or PureWindowsPath(place).drive:
        raise CohortError(f"{where} is not relative: name files inside of the manifest's folder.")
    parts = [part for part in re.split(r"[\\/]", place) if part not in ("", ".")]
    if ".." in parts:
        raise CohortError(f"{where} leaves the manifest's folder: name files inside of it.")
    if not parts or any(ord(c) < 32 or 0xD800 <= ord(c) < 0xE000 for c in place):
        raise CohortError(f"{where} is not the path of a file: correct it.")
    return parts
