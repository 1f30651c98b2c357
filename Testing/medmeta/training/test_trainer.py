import pytest
import torch

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
