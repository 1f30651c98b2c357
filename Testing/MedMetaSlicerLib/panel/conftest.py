"""The panel with its real .ui file in a real Qt, over a real scene, with a worker whose answer is known."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from filling_worker import FILLING


@pytest.fixture
def workplace(slicerPython, monkeypatch, tmp_path):
    """Where the panel finds its worker and its saved tasks; nothing needs to be installed."""
    from medmeta.worker.client import WorkerClient
    from MedMetaSlicerLib import application
    from MedMetaSlicerLib.work.shared import SharedClient

    folder = tmp_path / "workplace"
    folder.mkdir()
    monkeypatch.setattr(application, "CLIENT", SharedClient(lambda: WorkerClient(command=FILLING, parent=folder)))
    monkeypatch.setattr(application, "taskFolder", lambda: folder / "tasks")
    return folder


@pytest.fixture
def ball(scene):
    """Volume node, segmentation node, truth: a ball that is drawn on slices 4, 7 and 10."""
    from MedMetaSlicerLib.selftest import ballInAVolume

    return ballInAVolume()


@pytest.fixture
def panel(workplace, openDesk):
    """The module's panel over an empty scene."""
    return openDesk()


@pytest.fixture
def ready(panel, ball):
    """The panel with a ball's volume and drawing chosen."""
    panel.choose("volumeSelector", ball[0])
    panel.choose("segmentationSelector", ball[1])
    panel.wait(lambda: panel.ui.slicesTable.rowCount == 3)
    panel.ball = ball
    return panel


@pytest.fixture
def adapted(ready):
    """The panel with a result."""
    ready.click("adaptButton")
    ready.wait(lambda: not ready.logic.bench.busy, 30)
    assert ready.logic.bench.result.shown
    return ready
