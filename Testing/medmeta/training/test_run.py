import pytest
import torch

from medmeta.learners.checkpoint import load_checkpoint, save_checkpoint
from medmeta.learners.factory import create_learner
from medmeta.training.run import MetaTraining, commit
from medmeta.training.trainer import Schedule

SMALL = {"encoder_channels": [8, 16], "branch_channels": [8, 16]}
STEPS = {"steps": 3, "step_weights": (0.2, 0.0, 0.0, 1.0)}


@pytest.fixture
def started(tmp_path):
    """Makes a checkpoint whose weights are all told apart from fresh ones."""

    def make(name, **settings):
        learner = create_learner(name, SMALL, settings)
        with torch.no_grad():
            for p in learner.parameters():
                p.add_(0.01)
        save_checkpoint(learner, tmp_path / f"{name}.safetensors", {"command": "first"})
        return learner, tmp_path / f"{name}.safetensors"

    return make


def trained_on(stage, init, tmp_path):
    """What it begins with: a step so small that nothing changes."""
    out = tmp_path / "out.safetensors"
    schedule = Schedule(0, 1e-12, warm_up=1, decay=0, steps=1)
    MetaTraining(stage, out, 0, init=init, batch=1, workers=0, sizes=(32,), schedule=schedule).run(lambda _: None)
    return load_checkpoint(out)


def test_a_learner_goes_on_with_all_that_it_learned(started, tmp_path):
    before, path = started("maml", **STEPS)
    after, header = trained_on("maml", path, tmp_path)
    for (name, one), other in zip(before.named_parameters(), after.parameters(), strict=True):
        torch.testing.assert_close(one, other, msg=name)
    assert [entry["command"] for entry in header["provenance"]["history"]] == ["first"]


def test_another_learner_takes_over_the_network_and_learns_its_inner_loop_itself(started, tmp_path):
    before, path = started("maml", **STEPS)
    after, _ = trained_on("lstm", path, tmp_path)
    torch.testing.assert_close(dict(before.backbone.named_parameters()), dict(after.backbone.named_parameters()))
    torch.testing.assert_close(before.warm_start.ridge.scale, after.warm_start.ridge.scale)


def test_the_commit_can_be_named_where_there_is_no_repository(monkeypatch):
    monkeypatch.setenv("MEDMETA_COMMIT", "abc")
    assert commit() == "abc"
