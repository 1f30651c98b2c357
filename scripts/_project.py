"""Imported first by the scripts that need the engine: where things are, and a Python that has the packages."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MANIFESTS = ROOT / "benchmarks"


def enter(extras: str = "benchmark,scene") -> None:
    """Makes medmeta importable: where this Python lacks its packages, goes on with that of `.venv`, made if need be.

    Args:
        extras: optional dependencies (pyproject.toml) that the script needs.
    """
    if find_spec("monai") is None:
        if os.name == "nt" or Path(sys.prefix) == ROOT / ".venv":
            sys.exit(f"{Path(sys.argv[0]).name}: error: packages are missing: pip install -e '{ROOT}[{extras}]'")
        prepare = f'source "$0/scripts/_environment.sh" && prepare {extras}'
        if subprocess.run(["bash", "-c", prepare, str(ROOT)], check=False).returncode:
            sys.exit(2)
        python = str(ROOT / ".venv" / "bin" / "python")
        os.execv(python, [python, *sys.argv])
    if find_spec("medmeta") is None:
        sys.path.insert(0, str(ROOT / "MedMetaSlicer"))


def data_folder(given: Path | None) -> Path:
    """The folder of the real volumes: as given, else $MEDMETA_DATA, else ../shared/data beside the project."""
    return given or Path(os.environ.get("MEDMETA_DATA") or ROOT.parent / "shared" / "data")
