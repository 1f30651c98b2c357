"""Copies the bundled weights into the package, so that a wheel carries them; all else is in pyproject.toml."""

from pathlib import Path
from shutil import copy2

from setuptools import setup
from setuptools.command.build_py import build_py

WEIGHTS = Path(__file__).parent / "Resources" / "Weights"


class BuildWithWeights(build_py):
    """build_py, and the weights."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        target = Path(self.build_lib) / "medmeta" / "weights"
        target.mkdir(parents=True, exist_ok=True)
        for path in WEIGHTS.iterdir():
            copy2(path, target / path.name)


setup(cmdclass={"build_py": BuildWithWeights})
