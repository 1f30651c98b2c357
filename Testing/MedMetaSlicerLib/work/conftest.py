import sys
import time
from pathlib import Path

import numpy as np
import pytest

from medmeta.annotations import AnnotatedVolume, SparseAnnotation
from medmeta.volumes import Geometry, Volume
from medmeta.worker.client import WorkerClient

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[2] / "medmeta" / "worker"))

from event_loop import Loop
from fake_worker import FAKE


def volume(seed=0, shape=(16, 12, 10)):
    array = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    return Volume(array, Geometry(shape, (1.0, 1.5, 2.0), (1.0, 2.0, 3.0), (1.0, 0, 0, 0, 1, 0, 0, 0, 1)), "Jane Doe")


@pytest.fixture(name="volume")
def volume_fixture():
    return volume


@pytest.fixture
def case():
    labels = np.zeros((16, 12, 10), np.uint8)
    labels[4:9, 4:9, [2, 6]] = 1
    return AnnotatedVolume(volume(), SparseAnnotation.from_labels(labels, axis=2))


@pytest.fixture
def loop():
    return Loop()


@pytest.fixture
def makeSession(loop, tmp_path):
    """Makes sessions on the fake worker."""
    from MedMetaSlicerLib.work.session import Session

    made = []

    def make(command=FAKE):
        made.append(Session(lambda: WorkerClient(command=command, parent=tmp_path), loop.timer()))
        return made[-1]

    yield make
    for session in made:
        session.close()


@pytest.fixture
def session(makeSession):
    return makeSession()


class Answers:
    """Takes callbacks down."""

    def __init__(self):
        self.done, self.errors, self.previews, self.cancelled, self.cancelledAt = [], [], [], 0, None

    def onCancelled(self):
        self.cancelled += 1
        self.cancelledAt = time.monotonic()

    @property
    def ended(self):
        return bool(self.done or self.errors or self.cancelled)


@pytest.fixture(name="Answers")
def answers_fixture():
    return Answers
