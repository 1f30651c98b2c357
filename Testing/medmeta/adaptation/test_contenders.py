import pytest
import torch

from medmeta.adaptation.contenders import AUTO, BUNDLED, find_contenders
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
