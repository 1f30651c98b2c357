"""SimpleITK without its chatter: no warnings on the console, reasons of failures in one line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def quiet() -> Iterator[Any]:
    """SimpleITK, without ITK's own warnings on the console: what matters becomes an error message of ours."""
    import SimpleITK

    before = SimpleITK.ProcessObject.GetGlobalWarningDisplay()
    SimpleITK.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        yield SimpleITK
    finally:
        SimpleITK.ProcessObject.SetGlobalWarningDisplay(before)


def reason(error: Exception) -> str:
    """The line of an error message that says what is wrong."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip() and not line.startswith("Reason:")]
    last = lines[-1] if lines else type(error).__name__
    return re.sub(r"^(sitk::ERROR|ITK ERROR): (\w+\(0x\w+\): )?", "", last)
