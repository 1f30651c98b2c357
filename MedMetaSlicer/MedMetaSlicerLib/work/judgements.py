"""What the user thinks of results that lie in a folder: a small file beside them."""

import contextlib
import json
import os
from pathlib import Path

FILE = "judged.json"


class Judgements:
    """{case: (result's hash, "accepted" or "rejected")}, kept in a folder. Another result of a case is not judged yet.

    :param folder: with the results; made when the first judgement is written
    """

    def __init__(self, folder):
        self.path = Path(folder) / FILE

    def read(self):
        """What was judged; nothing where the file is not there or is damaged."""
        try:
            found = json.loads(self.path.read_text(encoding="utf-8"))
            pairs = {str(case): (result, status) for case, (result, status) in found.items()}
            return {case: pair for case, pair in pairs.items() if pair[1] in ("accepted", "rejected")}
        except (OSError, ValueError, TypeError, AttributeError, RecursionError):
            return {}

    def write(self, case, result, status):
        """Adds a judgement, in one step: the file is the old one or the new one.

        :param result: hash of what was judged
        :raises OSError: it cannot be written
        """
        found = {**self.read(), case: (result, status)}
        part = self.path.with_name(f".{FILE}.part")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            part.write_text(json.dumps(found, indent=1), encoding="utf-8")
            os.replace(part, self.path)
        finally:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
