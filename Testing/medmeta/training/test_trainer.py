import pytest
import torch

from medmeta.errors import CheckpointError
from medmeta.learners.checkpoint import load_checkpoint
from medmeta.learners.factory import create_learner
from medmeta.synthesis import RandomCohort
from medmeta.training.joint import joint_loss
from medmeta.training.meta import meta_loss
from medmeta.training.sampler import RandomEpisodeShape, SyntheticBatches
from medmeta.training.trainer import Schedule, Trainer, dice


@pytest.fixture(scope="module")
def batch():
    stream = SyntheticBatches(
        7,
        100,
        2,
        random_shape=RandomEpisodeShape(without_prior=0.0, query=3, sizes=(32,)),
        random_cohort=RandomCohort(size=(40, 44), slices=(12, 13)),
    )
    return next(iter(stream)).to("cpu")


def small_learner():
    torch.manual_seed(0)
    return create_learner(
        network={"encoder_channels": [8, 16], "branch_channels": [8, 16]},
        settings={"steps": 2, "step_weights": (0.0, 0.0, 1.0)},
    )


@pytest.mark.parametrize("loss", [joint_loss, meta_loss])
def test_training_on_one_batch_lowers_its_loss(batch, loss, tmp_path):
    learner = small_learner()
    trainer = Trainer(learner, loss, Schedule(1000, 3e-3, warm_up=1), tmp_path / "state", log=lambda _: None)
    before = float(loss(learner, batch)[0].detach())
    for _ in range(12):
        trainer.run(iter([batch]), minutes=1e-9)
    assert trainer.step == 12
    assert float(loss(learner, batch)[0].detach()) < 0.97 * before


def test_a_stopped_training_goes_on_where_it_was(batch, tmp_path):
    def trainer():
        return Trainer(small_learner(), joint_loss, Schedule(1000), tmp_path / "state", log=lambda _: None)

    first = trainer()
    first.run(iter([batch]), minutes=1e-9)
    second = trainer()
    assert second.step == 1
    assert second.seconds == first.seconds
    for one, other in zip(first.learner.parameters(), second.learner.parameters(), strict=True):
        assert torch.equal(one, other)


def test_a_stopped_training_takes_the_same_steps_as_one_that_was_not(batch, tmp_path):
    def trainer(name):
        return Trainer(small_learner(), joint_loss, Schedule(0, steps=100), tmp_path / name, log=lambda _: None)

    def steps(trainer, count):
        for _ in range(count):
            trainer.run(iter([batch]), minutes=1e-9)

    whole, stopped = trainer("whole"), trainer("stopped")
    steps(whole, 4), steps(stopped, 2)
    again = trainer("stopped")
    steps(again, 2)
    assert again.step == 4
    for part in ("learner", "average"):
        wanted = getattr(whole, part).state_dict()
        for name, value in getattr(again, part).state_dict().items():
            assert value.dtype == wanted[name].dtype
            assert torch.equal(value, wanted[name]), name


def test_hostile_states_and_those_of_other_learners_and_versions_are_refused_and_execute_nothing(
    batch, tmp_path, hostile_files, replace_header
):
    def trainer(learner):
        return Trainer(learner, joint_loss, Schedule(1000), tmp_path / "state", log=lambda _: None)

    first = trainer(small_learner())
    first.run(iter([batch]), minutes=1e-9)
    with pytest.raises(CheckpointError, match=r"does not fit .*: remove it"):
        trainer(create_learner(network={"encoder_channels": [8, 8], "branch_channels": [8, 8]}))
    state, marker = (tmp_path / "state").read_bytes(), tmp_path / "executed"
    older = replace_header(state, lambda header: {**header, "format": "medmeta-training-0"})
    for name, content in {"older": older, "cut": state[:-9], **hostile_files(marker)}.items():
        (tmp_path / "state").write_bytes(content)
        with pytest.raises(CheckpointError, match="remove it to begin anew"):
            trainer(small_learner())
        assert not marker.exists(), name


def test_the_averaged_weights_are_saved_with_their_provenance(batch, tmp_path):
    trainer = Trainer(small_learner(), joint_loss, Schedule(1000), tmp_path / "state", log=lambda _: None)
    trainer.run(iter([batch]), minutes=1e-9)
    trainer.save(tmp_path / "weights.safetensors", {"seed": 3})
    _, header = load_checkpoint(tmp_path / "weights.safetensors")
    assert header["provenance"]["seed"] == 3
    assert header["provenance"]["steps"] == 1


def test_the_learning_rate_rises_then_falls_to_almost_nothing():
    schedule = Schedule(minutes=10, learning_rate=1.0, warm_up=10)
    assert schedule.rate(0, 0) == pytest.approx(0.1)
    assert schedule.rate(50, 0) == pytest.approx(1.0)
    assert schedule.rate(500, 600) == pytest.approx(0.02)


def test_dice_of_two_empty_masks_is_one_and_of_a_miss_zero():
    empty, full = torch.full((1, 2, 1, 4, 4), -1.0), torch.ones(1, 2, 1, 4, 4)
    assert dice(empty, torch.zeros_like(full)).tolist() == [1.0]
    assert dice(empty, full).tolist() == [0.0]
    assert dice(full, full).tolist() == [1.0]
