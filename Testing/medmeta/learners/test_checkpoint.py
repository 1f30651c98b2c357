import json

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from medmeta.errors import CheckpointError
from medmeta.learners.checkpoint import load_checkpoint, save_checkpoint
from medmeta.learners.factory import LEARNERS, create_learner


@pytest.fixture(params=LEARNERS)
def saved(tmp_path, request):
    torch.manual_seed(0)
    learner = create_learner(
        request.param,
        network={"encoder_channels": [8, 8], "branch_channels": [8, 8]},
    )
    path = tmp_path / "small.safetensors"
    save_checkpoint(learner, path, {"seed": 5})
    return learner, path


def test_a_learner_comes_back_as_it_was_saved(saved):
    learner, path = saved
    again, header = load_checkpoint(path)
    assert header["provenance"] == {"seed": 5}
    assert type(again) is type(learner)
    assert again.settings() == learner.settings()
    for (name, value), (other, restored) in zip(learner.state_dict().items(), again.state_dict().items(), strict=True):
        assert name == other
        assert torch.equal(value, restored)


def test_a_missing_checkpoint_is_named(tmp_path):
    with pytest.raises(CheckpointError, match=r"nowhere\.safetensors"):
        load_checkpoint(tmp_path / "nowhere.safetensors")


def test_a_damaged_checkpoint_is_refused(saved):
    _, path = saved
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match="damaged"):
        load_checkpoint(path)


def test_a_foreign_safetensors_file_is_refused(tmp_path):
    save_file({"x": torch.zeros(2)}, tmp_path / "other.safetensors")
    with pytest.raises(CheckpointError, match="medmeta-checkpoint"):
        load_checkpoint(tmp_path / "other.safetensors")


def test_hostile_files_are_refused_quickly_and_execute_nothing(tmp_path, hostile_files, frugal):
    path, marker = tmp_path / "weights.safetensors", tmp_path / "executed"
    for name, content in hostile_files(marker).items():
        path.write_bytes(content)
        with frugal(), pytest.raises(CheckpointError, match=r"weights\.safetensors"):
            load_checkpoint(path)
        assert not marker.exists(), name


def rewritten(path, change):
    with safe_open(path, framework="pt") as file:
        header = json.loads(file.metadata()["medmeta"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    change(header, tensors)
    save_file(tensors, path, metadata={"medmeta": json.dumps(header)})


def test_weights_that_do_not_fit_their_settings_are_refused(saved):
    _, path = saved
    rewritten(path, lambda header, tensors: header["network"].update(branch_channels=[16, 16]))
    with pytest.raises(CheckpointError, match="does not fit"):
        load_checkpoint(path)


def test_weights_that_are_not_finite_are_refused(saved):
    _, path = saved
    rewritten(path, lambda header, tensors: tensors["module.head.bias"].fill_(float("nan")))
    with pytest.raises(CheckpointError, match="not finite"):
        load_checkpoint(path)


def test_an_unknown_learner_is_refused(saved):
    _, path = saved
    rewritten(path, lambda header, tensors: header.update(learner="oracle"))
    with pytest.raises(CheckpointError, match="oracle"):
        load_checkpoint(path)
