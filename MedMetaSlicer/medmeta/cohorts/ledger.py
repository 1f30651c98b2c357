"""What is known of every case of a cohort: a file to which a line is added for each, so that a run can go on."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import NoneType
from typing import Any, BinaryIO

from medmeta import __version__
from medmeta.cohorts.cases import Case, input_hash, stamp
from medmeta.cohorts.recipe import Recipe
from medmeta.disk import replacing
from medmeta.errors import CohortError, VolumeError

FILE = "cohort.jsonl"
FORMAT = "medmeta-cohort-1"
WAITING, DONE, FAILED = "waiting", "done", "failed"

_NUMBER = (int, float)
KINDS: Mapping[str, Any] = {
    "input_sha256": str,
    "output": str,
    "output_sha256": str,
    "seconds": _NUMBER,
    "confidence": (*_NUMBER, NoneType),
    "expected_dice": (*_NUMBER, NoneType),
    "distance": (*_NUMBER, NoneType),
    "in_range": bool,
}
"""What a case that is done has, apart from its segments."""

SEGMENT_KINDS: Mapping[str, Any] = {
    "segment": str,
    "label": int,
    "volume_ml": _NUMBER,
    "confidence": (*_NUMBER, NoneType),
    "expected_dice": (*_NUMBER, NoneType),
}
"""What each of its segments has."""


class Ledger:
    """The ledger of a folder, open for more lines.

    The first line has the format and the settings; each other one is a row, a dictionary with "case" and "status" at
    least. The last row of a case counts. A line is on the disk before the next case's is written; one that a crash cut
    off is as good as never written. A waiting case with "tries" was being tried so often when the process ended.

    Args:
        recipe: how the cases are predicted.
        cases: all of them; those that are not in the ledger yet are entered as waiting.
        overwrite: begin anew, whatever is there.

    Raises:
        CohortError: it was begun with other settings, is damaged, or outputs are there that it knows nothing of.
    """

    def __init__(self, recipe: Recipe, cases: Sequence[Case], overwrite: bool = False) -> None:
        self.recipe = recipe
        self.path = Path(recipe.out_dir) / FILE
        self.rows: dict[str, Mapping[str, Any]] = {}
        self._before: dict[str, Mapping[str, Any]] = {}  # rows of the cases that are being tried
        fresh = overwrite or not self.path.exists()
        if not fresh:
            self.rows, length = read_ledger(self.path, recipe.settings())
        new = [case for case in cases if case.name not in self.rows]
        if not overwrite:
            for path in (output for case in new for output in recipe.outputs(case.name)):
                if path.exists():
                    raise CohortError(f"{path} is there already: choose another --out-dir, or give --overwrite.")
        try:
            if fresh:
                length = _begin(self.path, {"format": FORMAT, "medmeta": __version__, "settings": recipe.settings()})
            self._file: BinaryIO = self.path.open("r+b")
            self._file.truncate(length)  # what a crash cut off
            self._file.seek(length)
        except OSError as error:
            raise self._not_written(error) from error
        self.record(*({"case": case.name, "status": WAITING} for case in new))

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self.withdraw()
        with suppress(OSError):  # what could not be written was told of by `record`
            self._file.close()

    def record(self, *rows: Mapping[str, Any]) -> None:
        """Adds rows; when it returns they are on the disk.

        Raises:
            CohortError: they cannot be written.
        """
        try:
            self._file.write(b"".join(_line(row) for row in rows))
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise self._not_written(error) from error
        for row in rows:
            self.rows[row["case"]] = row
            self._before.pop(row["case"], None)

    def begin(self, case: Case) -> None:
        """Notes that a case is going to be tried: if the process does not live through it, the next one knows.

        Raises:
            CohortError: it cannot be written.
        """
        before = self.rows[case.name]
        self.record({"case": case.name, "status": WAITING, "tries": self.tries(case) + 1})
        self._before[case.name] = before

    def withdraw(self) -> None:
        """Takes back what `begin` noted of cases that were not recorded since: none of them ended the process."""
        with suppress(CohortError):  # what cannot be written was told of by `record`
            self.record(*self._before.values())

    def tries(self, case: Case) -> int:
        """How many processes ended while they tried a case, and never got to its end."""
        return self.rows[case.name].get("tries", 0)

    def _not_written(self, error: OSError) -> CohortError:
        return CohortError(f"{self.path} cannot be written ({error.strerror}): make room, or choose another --out-dir.")

    def is_done(self, case: Case, verify: bool = False) -> bool:
        """True where a case needs no work: its outputs are those that were written, its input is what it was.

        Files are read only where their sizes or times are others than in the ledger, which then gets the new ones.

        Args:
            case: which.
            verify: read the files in any case.

        Raises:
            CohortError: the ledger cannot be written.
        """
        row = self.rows.get(case.name, {})
        if row.get("status") != DONE:
            return False
        paths = (case.path, *self.recipe.outputs(case.name))
        hashes = [row.get(name) for name in ("input_sha256", "output_sha256", "confidence_sha256")]
        try:
            stamps = [stamp(path) for path in paths]
            if stamps == row.get("stamps") and not verify:
                return True
            if [input_hash(path) for path in paths] != hashes[: len(paths)]:
                return False
        except VolumeError:
            return False
        if stamps != row.get("stamps"):  # touched, copied, or from a version that kept no stamps
            self.record({**row, "stamps": stamps})
        return True


def read_ledger(path: Path, settings: Mapping[str, Any]) -> tuple[dict[str, Mapping[str, Any]], int]:
    """Reads a ledger.

    Args:
        path: the file.
        settings: that it must have been begun with.

    Returns:
        The last row of each case, and how many bytes of the file are whole lines.

    Raises:
        CohortError: other settings, or not a whole ledger.
    """
    advice = "choose another --out-dir, or give --overwrite to begin anew."
    try:
        content = path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        header, *rows = [json.loads(line) for line in whole.splitlines()] or [None]
    except OSError as error:
        raise CohortError(f"{path} cannot be read ({error.strerror}): {advice}") from error
    except (ValueError, RecursionError) as error:
        raise CohortError(f"{path} is damaged ({error}): {advice}") from error
    if not isinstance(header, dict) or header.get("format") != FORMAT or not isinstance(header.get("settings"), dict):
        raise CohortError(f"{path} is not a {FORMAT} file, or is damaged: {advice}")
    if header["settings"] != settings:
        before = header["settings"]
        names = sorted(name for name in {*before, *settings} if before.get(name) != settings.get(name))
        if names == ["task_sha256"]:
            raise CohortError(f"{path} belongs to another task: {advice}")
        raise CohortError(f"{path} was begun otherwise ({', '.join(names)}): give the same options, or {advice}")
    for number, row in enumerate(rows, start=2):
        if not _is_row(row):
            raise CohortError(f"{path} is damaged (line {number} is no case): {advice}")
    return {row["case"]: row for row in rows}, len(whole)


def _is_row(row: Any) -> bool:
    if not isinstance(row, dict) or not isinstance(row.get("case"), str):
        return False
    if row.get("status") != DONE:
        return row.get("status") in (WAITING, FAILED) and type(row.get("tries", 0)) is int
    segments = row.get("segments")
    return (
        all(isinstance(row.get(name), kind) for name, kind in KINDS.items())
        and isinstance(segments, list)
        and all(
            isinstance(s, dict) and all(isinstance(s.get(n), k) for n, k in SEGMENT_KINDS.items()) for s in segments
        )
    )


def _line(entry: Mapping[str, Any]) -> bytes:
    return json.dumps(entry, allow_nan=False).encode() + b"\n"


def _begin(path: Path, header: Mapping[str, Any]) -> int:
    """Writes the first line, replacing an older ledger only when that is on the disk; returns its length in bytes.

    Raises:
        OSError: it cannot be written.
    """
    line = _line(header)
    with replacing(path) as temporary, temporary.open("wb") as file:
        file.write(line)
        file.flush()
        os.fsync(file.fileno())
    return len(line)
