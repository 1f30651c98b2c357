"""Results as they come: one JSON object a line, so that an interrupted benchmark goes on where it stopped."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from medmeta.evaluation.benchmark.jobs import Key

KEY_FIELDS = ("row", "case", "target", "structure", "k", "method", "checkpoint", "seed")


class RecordStore:
    """Records in a JSON-lines file; the last of several with the same key counts.

    Args:
        path: the file, made when the first record is added.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.records: dict[Key, dict[str, Any]] = {}
        # A line that is not whole was cut off when the machine stopped: its job is done again.
        self._starts_new_line = True
        if not self.path.is_file():
            return
        text = self.path.read_text(encoding="utf-8")
        self._starts_new_line = text.endswith("\n") or not text
        for line in text.splitlines():
            try:
                record = json.loads(line)
                self.records[tuple(record[field] for field in KEY_FIELDS)] = record
            except (ValueError, KeyError, TypeError):
                continue

    def __contains__(self, key: Key) -> bool:
        return key in self.records

    def __getitem__(self, key: Key) -> dict[str, Any]:
        return self.records[key]

    def forget(self, keys: Iterable[Key]) -> None:
        """Counts records as not there; their lines stay in the file until later ones take their place."""
        for key in keys:
            self.records.pop(key, None)

    def add(self, key: Key, values: dict[str, Any]) -> None:
        """Keeps a record and writes it at once."""
        record = dict(zip(KEY_FIELDS, key, strict=True)) | values
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(("" if self._starts_new_line else "\n") + json.dumps(record) + "\n")
        self._starts_new_line = True
        self.records[key] = record
