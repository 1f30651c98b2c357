import os
from pathlib import Path

import numpy as np
import pytest

# ITK's thread pool can outlive the interpreter and crash at exit; its platform threads do not.
os.environ.setdefault("ITK_GLOBAL_DEFAULT_THREADER", "Platform")
os.environ.setdefault("VTK_DEFAULT_OPENGL_WINDOW", "vtkOSOpenGLRenderWindow")


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


@pytest.fixture
def interpolation():
    return Interpolation()
