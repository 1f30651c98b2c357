"""Why a case failed, in words that may be passed on: folders are often called after patients, so none is named."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from medmeta.errors import MedMetaError

LONGEST = 500
"""Characters."""

FOLDER = "a folder"
"""What a folder is called that is neither a case nor an output."""

_ELSEWHERE = re.compile(r"""(?<![\w.:/\\])(?:[A-Za-z]:)?[\\/][^'"<>|:*?\n]*[\\/]""")
"""The folders of any other absolute path; up to the last slash, as folders' names may have spaces."""


def reason_of(error: BaseException, places: Iterable[Path]) -> str:
    """One line that says why a case failed, with names of files and no path of a folder.

    Args:
        error: what happened; anything but a `MedMetaError` is told as unexpected.
        places: files and folders that it may name: those keep their own names.
    """
    text = str(error) if isinstance(error, MedMetaError) else f"unexpected {type(error).__name__}: {error}"
    own = {path for place in places for path in (place.absolute(), place.resolve())}
    homes = own | {path.parent for path in own}
    folders = {folder for path in own for folder in path.parents if folder.name}
    for path in sorted(own | folders, key=lambda path: len(str(path)), reverse=True):
        for written in {str(path), repr(str(path))[1:-1]}:  # an OSError has its path as a literal
            if path in homes:
                text = re.sub(re.escape(written) + r"[\\/]+(?=\S)", "", text)
            name = path.name if path in own else FOLDER
            text = re.sub(re.escape(written) + r"(?![\w\\/-])", lambda _, name=name: name, text)
    return " ".join(_ELSEWHERE.sub("", text).split())[:LONGEST]
