"""Slicer for tests: its libraries, its scene, and a module opened in front of a user."""

import os
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

with suppress(ImportError):  # Windows has none
    import fcntl

# ITK's thread pool can outlive the interpreter and crash at exit; its platform threads do not.
os.environ.setdefault("ITK_GLOBAL_DEFAULT_THREADER", "Platform")
os.environ.setdefault("VTK_DEFAULT_OPENGL_WINDOW", "vtkOSOpenGLRenderWindow")
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

ROOT = Path(__file__).parents[1]
MODULE = ROOT / "MedMetaSlicer" / "MedMetaSlicer.py"


@contextmanager
def turn(alone):
    """Among processes that share the tests: no other test runs at the same time, or none that must be alone."""
    with (ROOT / "pyproject.toml").open("rb") as queue, Path(__file__).open("rb") as room:
        fcntl.flock(queue, fcntl.LOCK_EX)  # nobody passes one who waits to be alone
        fcntl.flock(room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(queue, fcntl.LOCK_UN)
        try:
            yield
        finally:
            fcntl.flock(room, fcntl.LOCK_UN)  # closing it is not enough where a forked child has it open


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    if "PYTEST_XDIST_WORKER" not in os.environ or os.name == "nt":
        return (yield)
    with turn(item.get_closest_marker("alone") is not None):
        return (yield)


@pytest.fixture(scope="session")
def application():
    """Slicer's own libraries, without its Qt application."""
    core = pytest.importorskip("trame_slicer.core", reason="needs the optional dependency 'scene'")
    return core.SlicerApp()


@pytest.fixture
def scene(application):
    """An empty scene that slicer.util works on."""
    from types import SimpleNamespace

    import slicer

    slicer.mrmlScene = application.scene
    slicer.modules = SimpleNamespace(
        segmentations=SimpleNamespace(logic=lambda: application.segmentations_logic),
        volumes=SimpleNamespace(logic=lambda: application.volumes_logic),
    )
    application.scene.Clear()
    slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(application.scene)  # Slicer's scene always has one
    yield application.scene
    application.scene.Clear()


@pytest.fixture
def slicerPython(application, scene, monkeypatch):
    """qt, ctk and slicer as a module in Slicer finds them; what fails in a slot or an observer fails the test."""
    pytest.importorskip(
        "PySide6.QtWidgets", reason="needs PySide6, of the optional dependency 'test'", exc_type=ImportError
    )
    from slicer_stand_ins import installation
    from slicer_stand_ins.python_qt import faults

    installation.install(monkeypatch, application)
    with faults.watched():
        yield


@pytest.fixture
def openDesk(slicerPython, scene):
    """Opens the module's panel, as Slicer does when a user chooses it; see slicer_stand_ins.desk.Desk."""
    from slicer_stand_ins.desk import Desk

    opened = []

    def open(path=MODULE):
        opened.append(Desk(path, scene))
        return opened[-1]

    yield open
    for desk in opened:
        desk.close()


@pytest.fixture
def desk(openDesk):
    """The module's panel over an empty scene."""
    return openDesk()
