from pathlib import Path

import numpy as np
import pytest


@pytest.fixture
def checkpoint(tmp_path_factory):
    """Weights that were never trained: quick, and enough for everything but accuracy."""
    import torch

    from medmeta.learners.checkpoint import save_checkpoint
    from medmeta.learners.factory import create_learner

    torch.manual_seed(0)
    learner = create_learner(
        network={"encoder_channels": [8, 16], "branch_channels": [8, 16]},
        settings={"steps": 1, "step_weights": (0.0, 1.0)},
    )
    path = Path(tmp_path_factory.mktemp("weights")) / "small.safetensors"
    save_checkpoint(learner, path, {})
    return path


class Interpolation:
    """An engine that fills between the drawn slices; quick, and its answer is known."""

    def __init__(self):
        self.cases = []
        self.forOtherVolumes = []
        self.inRange = True
        self.forgotten = []

    def adapt(self, cases, *, forOtherVolumes, progress=None, **_):
        from types import SimpleNamespace

        from medmeta.evaluation.baselines import interpolate
        from medmeta.progress import Progress
        from medmeta.volumes import Volume

        self.cases += cases
        self.forOtherVolumes.append(forOtherVolumes)
        if progress is not None:
            progress(Progress("adapt", 1, 2))
        (case,) = cases
        drawn = case.annotation
        filled = interpolate(drawn.labels, axis=drawn.axis, slices=drawn.slices)
        sure = np.ones(filled.shape, np.float32)
        prediction = SimpleNamespace(
            labels=Volume(filled, case.volume.geometry), confidence=Volume(sure, case.volume.geometry)
        )
        return SimpleNamespace(task=filled, predictions=(prediction,), quality=(), left_out=(), seconds=0.0)

    def predict(self, task, volume, **_):
        from types import SimpleNamespace

        from medmeta.volumes import Volume

        return SimpleNamespace(
            labels=Volume(task, volume.geometry),
            confidence=Volume(np.ones(task.shape, np.float32), volume.geometry),
            similarity=SimpleNamespace(in_range=self.inRange),
        )

    def forget(self, task):
        self.forgotten.append(task)


@pytest.fixture
def interpolation():
    return Interpolation()
