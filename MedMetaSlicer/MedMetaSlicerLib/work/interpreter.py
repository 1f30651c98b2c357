"""The Python that runs processes of our own: inside Slicer its PythonSlicer, else the one that runs this."""

import os
import shutil
import sys
from pathlib import Path

from medmeta.errors import MedMetaError


def pythonExecutable(home=None, executable=None, system=os.name, which=shutil.which):
    """Path of the interpreter.

    :param home: Slicer's folder (slicer.app.slicerHome); None outside Slicer
    :param executable: what runs this process; None for sys.executable
    :param system: "nt" for Windows
    :param which: name -> path in PATH, or None
    :raises MedMetaError: Slicer has none, and this process is no Python itself
    """
    name = "PythonSlicer.exe" if system == "nt" else "PythonSlicer"
    executable = sys.executable if executable is None else executable
    folders = [Path(home) / "bin"] if home else []
    folders += [Path(executable).parent] if executable else []
    for folder in folders:
        if (folder / name).is_file():
            return str(folder / name)
    found = which(name) if home else None
    if found:
        return found
    if executable and Path(executable).name.lower().startswith("python"):
        return executable
    places = ", ".join(str(folder) for folder in folders) or "PATH"
    raise MedMetaError(f"{name} was not found in {places}: install Slicer again.")
