import numpy as np
import pytest
import torch

from medmeta.adaptation import AdaptationSettings, adapt
from medmeta.annotations import AnnotatedVolume, SparseAnnotation
from medmeta.cohorts.cases import Case
from medmeta.cohorts.recipe import Recipe
from medmeta.learners.checkpoint import file_hash, save_checkpoint
from medmeta.learners.factory import create_learner
from medmeta.volumes import Geometry, Volume, write_volume

GEOMETRY = Geometry((24, 24, 6), (1.0, 1.0, 2.5), (3.0, -20.0, 7.5), (1, 0, 0, 0, 1, 0, 0, 0, 1))


def scan(number):
    """A bright ellipsoid in noise, each number another place and noise; and its labels."""
    random = np.random.default_rng(number)
    i, j, k = np.meshgrid(*(np.linspace(-1, 1, n) for n in GEOMETRY.size), indexing="ij")
    y, x = random.uniform(-0.2, 0.2, 2)
    labels = (((i - y) / 0.5) ** 2 + ((j - x) / 0.4) ** 2 + (k / 0.9) ** 2 < 1).astype(np.uint8)
    image = 100 * labels + random.normal(0, 5, GEOMETRY.size)
    return Volume(image.astype(np.int16), GEOMETRY, f"scan {number}"), labels


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    """Folder with a task of one structure, and the weights that it was adapted from, which were never trained."""
    torch.manual_seed(0)
    network = {"encoder_channels": [8, 16], "branch_channels": [8, 16]}
    learner = create_learner(network=network, settings={"steps": 1, "step_weights": (0.0, 1.0)})
    folder = tmp_path_factory.mktemp("task")
    save_checkpoint(learner, folder / "weights.safetensors", {})
    volume, labels = scan(0)
    case = AnnotatedVolume(volume, SparseAnnotation.from_labels(labels, axis=2, slices=[1, 3, 4]))
    quick = AdaptationSettings(steps=(0,), usual_steps=0, folds=1, other_steps=30)
    adapted = adapt([case], checkpoint=folder / "weights.safetensors", device="cpu", settings=quick)
    adapted.task.save(folder / "task.safetensors")
    return folder


@pytest.fixture
def recipe(files, tmp_path):
    """Predicts into the folder `out`."""
    task = files / "task.safetensors"
    weights = str(files / "weights.safetensors")
    return Recipe(str(task), file_hash(task), str(tmp_path / "out"), checkpoint=weights, device="cpu")


@pytest.fixture
def write_cases(tmp_path):
    """Writes volumes of other numbers into the folder `in`; returns it."""

    def write(count, ending=".nii.gz"):
        for number in range(1, count + 1):
            write_volume(scan(number)[0], tmp_path / "in" / f"p{number:04d}{ending}")
        return tmp_path / "in"

    return write


@pytest.fixture
def cases(write_cases):
    """Four cases."""
    return tuple(Case(path.name.split(".")[0], path) for path in sorted(write_cases(4).iterdir()))


@pytest.fixture(name="scan")
def scan_fixture():
    return scan
