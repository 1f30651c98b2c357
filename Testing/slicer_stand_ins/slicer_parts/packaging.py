"""slicer.packaging: asks as Slicer asks; what is to be installed is written down, nothing is.

missing - names of packages that are not there, set by a test
installed - what would have been installed, requirement by requirement
fails - an exception that installing raises, or None
"""

from pathlib import Path

import slicer
from packaging.requirements import Requirement

missing = set()
installed = []
fails = None


def reset():
    global fails
    missing.clear()
    installed.clear()
    fails = None


def _requirements(given):
    if isinstance(given, str):
        given = given.split()
    if isinstance(given, Requirement):
        given = [given]
    return [one if isinstance(one, Requirement) else Requirement(one) for one in given]


def load_requirements(path):
    lines = [line.strip() for line in Path(path).read_text(encoding="utf-8").splitlines()]
    return [Requirement(line) for line in lines if line and not line.startswith(("#", "-"))]


def pip_check(req):
    return not {one.name for one in _requirements(req)} & missing


def pip_ensure(
    requirements,
    constraints=None,
    skip_packages=None,
    prompt_install=True,
    prompt_restart=True,
    requester=None,
    skip_in_testing=True,
    show_progress=True,
):
    """:raises RuntimeError: the user declined"""
    wanted = [str(one) for one in _requirements(requirements) if one.name in missing]
    if not wanted or (skip_in_testing and slicer.app.testingEnabled()):
        return None
    text = "The following packages will be installed:\n" + "\n".join(wanted)
    if prompt_install and not slicer.util.confirmOkCancelDisplay(text, f"{requester} - Install Python Packages"):
        raise RuntimeError("the user declined the installation of packages")
    return pip_install(wanted, constraints, skip_packages=skip_packages, requester=requester)


def pip_install(
    requirements,
    constraints=None,
    no_deps_requirements=None,
    skip_packages=None,
    blocking=True,
    show_progress=True,
    requester=None,
    logCallback=None,
    completedCallback=None,
):
    if fails is not None:
        raise fails
    for one in _requirements(requirements):
        installed.append(str(one))
        missing.discard(one.name)
    return [] if skip_packages else None
