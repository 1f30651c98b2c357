import os

import pytest
import torch

from medmeta.adaptation import contenders
from medmeta.adaptation.contenders import AUTO, BUNDLED, KeptLearners, find_contenders
from medmeta.errors import CheckpointError

CPU = torch.device("cpu")


def test_auto_brings_all_learners_whose_weights_ship():
    found = find_contenders(AUTO, None, CPU)
    assert [contender.name for contender in found] == list(BUNDLED)
    assert len({contender.weights["sha256"] for contender in found}) == len(BUNDLED)


@pytest.mark.parametrize("name", BUNDLED)
def test_a_learner_is_found_by_its_name(name):
    (contender,) = find_contenders(name, None, CPU)
    assert contender.name == contender.learner.name == name
    assert contender.slices == 5


def test_a_checkpoint_is_used_alone(checkpoint):
    (contender,) = find_contenders(AUTO, checkpoint, CPU)
    assert contender.weights["name"] == checkpoint.name


def test_a_checkpoint_of_another_learner_is_refused(checkpoint):
    with pytest.raises(CheckpointError, match=r"small\.safetensors holds the learner 'maml', not 'lstm'"):
        find_contenders("lstm", checkpoint, CPU)


def test_an_unknown_learner_is_named_with_those_there_are():
    with pytest.raises(CheckpointError, match="'unet' is not known: choose one of auto, siamese, maml, lstm"):
        find_contenders("unet", None, CPU)


@pytest.fixture
def loaded(monkeypatch):
    """Paths that were loaded from the disk."""
    paths, load = [], contenders.load_checkpoint
    monkeypatch.setattr(contenders, "load_checkpoint", lambda path: paths.append(path) or load(path))
    return paths


def test_learners_are_loaded_once_for_a_device(loaded, checkpoint):
    keep = KeptLearners()
    first, again = (find_contenders(AUTO, None, CPU, keep) for _ in range(2))
    assert [one.learner is other.learner for one, other in zip(first, again, strict=True)] == [True] * len(BUNDLED)
    assert len(loaded) == len(BUNDLED)
    keep("siamese", torch.device("meta"))
    assert len(loaded) == len(BUNDLED) + 1


def test_weights_that_were_replaced_are_loaded_anew(loaded, checkpoint, tmp_path):
    path, keep = tmp_path / "w.safetensors", KeptLearners()
    path.write_bytes(checkpoint.read_bytes())
    before = keep(path, CPU)
    os.utime(path, (1, 1))
    assert keep(path, CPU) is not before
    assert len(loaded) == 2
    path.unlink()
    with pytest.raises(CheckpointError, match="does not exist"):
        keep(path, CPU)


def test_no_more_than_so_many_are_kept(loaded, checkpoint, tmp_path):
    keep = KeptLearners(most=2)
    paths = [tmp_path / f"{n}.safetensors" for n in range(3)]
    for path in paths:
        path.write_bytes(checkpoint.read_bytes())
    for number in (0, 1, 0, 2, 0, 1):
        keep(paths[number], CPU)
    assert [path.stem for path in loaded] == ["0", "1", "2", "1"]
