from functools import partial

import numpy as np
import pytest
import torch

from medmeta.learners.checkpoint import save_checkpoint
from medmeta.learners.factory import create_learner
from medmeta.volumes import Geometry, Volume, write_volume

GEOMETRY = Geometry((36, 40, 12), (1.0, 1.0, 2.5), (3.0, -20.0, 7.5), (1, 0, 0, 0, 0, 1, 0, -1, 0))
"""Slices 1 to 10 show the structure."""


@pytest.fixture(scope="module", autouse=True)
def quick():
    """Fine-tunes for other volumes in a tenth of the steps: how good the answer is, is tested elsewhere."""
    from medmeta import adaptation

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(adaptation, "AdaptationSettings", partial(adaptation.AdaptationSettings, other_steps=15))
        yield


@pytest.fixture
def geometry():
    """Of what `write_case` writes."""
    return GEOMETRY


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """Weights that were never trained."""
    torch.manual_seed(0)
    learner = create_learner(
        network={"encoder_channels": [8, 16], "branch_channels": [8, 16]},
        settings={"steps": 1, "step_weights": (0.0, 1.0)},
    )
    path = tmp_path_factory.mktemp("weights") / "small.safetensors"
    save_checkpoint(learner, path, {})
    return path


def write_case(folder, drawn_slices):
    """Writes a volume, a label map with the given slices drawn, and the full label map; returns their folder."""
    i, j, k = np.meshgrid(*(np.linspace(-1, 1, n) for n in GEOMETRY.size), indexing="ij")
    labels = ((i / 0.5) ** 2 + (j / 0.4) ** 2 + (k / 0.9) ** 2 < 1).astype(np.uint8)
    image = 100 * labels + np.random.default_rng(0).normal(0, 5, GEOMETRY.size)
    drawn = np.zeros_like(labels)
    drawn[:, :, drawn_slices] = labels[:, :, drawn_slices]
    for name, array in (("volume", image.astype(np.float32)), ("drawn", drawn), ("full", labels)):
        write_volume(Volume(array, GEOMETRY), folder / f"{name}.nii.gz")
    return folder


@pytest.fixture(name="write_case", scope="session")
def write_case_fixture():
    return write_case
