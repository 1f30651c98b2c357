"""Fixtures: a small scan with two organs, its annotation, a small network, and what it adapts to."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from medmeta.adaptation import AdaptationSettings, adapt
from medmeta.annotations import AnnotatedVolume, Segment, SparseAnnotation
from medmeta.learners.checkpoint import save_checkpoint
from medmeta.learners.factory import create_learner
from medmeta.volumes import Geometry, Volume

AXES = (1.0, 0, 0, 0, 1, 0, 0, 0, 1)


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory):
    """A small network that was never trained: enough for everything but accuracy."""
    torch.manual_seed(0)
    learner = create_learner(
        network={"encoder_channels": [8, 16, 16, 16], "branch_channels": [8, 16, 16, 16]},
        settings={"steps": 2, "step_weights": (0.0, 0.0, 1.0)},
    )
    path = tmp_path_factory.mktemp("weights") / "small.safetensors"
    save_checkpoint(learner, path, {})
    return path


def scan(size=(40, 44, 14), spacing=(1.0, 1.0, 2.5), direction=AXES, shift=0.0, dtype=np.float32):
    """A bright and a grey ellipsoid in noise, and their labels 1 and 2."""
    rng = np.random.default_rng(1)
    i, j, k = np.meshgrid(*(np.linspace(-1, 1, n) for n in size), indexing="ij")
    labels = np.zeros(size, np.uint8)
    labels[((i + 0.3 - shift) / 0.35) ** 2 + (j / 0.5) ** 2 + (k / 0.8) ** 2 < 1] = 1
    labels[((i - 0.45 - shift) / 0.25) ** 2 + (j / 0.3) ** 2 + (k / 0.7) ** 2 < 1] = 2
    image = np.array([0.0, 100.0, 50.0])[labels] + rng.normal(0, 8, size)
    geometry = Geometry(size, spacing, (3.0, -20.0, 7.5), direction)
    return Volume(image.astype(dtype), geometry, "scan"), labels


def annotated(volume, labels, axis=2, slices=(3, 6, 9), values=(1, 2), empty=()):
    segments = tuple(Segment(v, f"organ {v}", (0.5, 0.5, 0.1 * v)) for v in values)
    return AnnotatedVolume(
        volume, SparseAnnotation.from_labels(labels, axis=axis, slices=[*slices, *empty], segments=segments)
    )


@pytest.fixture(name="scan", scope="session")
def scan_fixture():
    return scan


@pytest.fixture(name="annotated", scope="session")
def annotated_fixture():
    return annotated


QUICK = AdaptationSettings(steps=(0, 2), usual_steps=2, folds=2, other_steps=3)


@pytest.fixture(scope="session")
def adapted(checkpoint):
    """What `adapt` makes of `scan()` in few steps, for tests that look at it and leave it as it is."""
    return adapt([annotated(*scan())], checkpoint=checkpoint, device="cpu", settings=QUICK)


@pytest.fixture
def task(adapted):
    """Its task, with a header of the test's own."""
    return replace(adapted.task, checkpoint=dict(adapted.task.checkpoint))
