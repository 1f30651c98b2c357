from dataclasses import replace

import numpy as np
import pytest
import torch

from medmeta.adaptation import AdaptationSettings, adapt, predict
from medmeta.adaptation.contenders import KeptLearners
from medmeta.errors import AnnotationError, Cancelled, CheckpointError
from medmeta.transfer.fine_tuning import FineTuning


def settings(**more):
    return AdaptationSettings(steps=(0, 2), usual_steps=2, folds=2, **more)


def dice(one, two):
    return 2 * (one & two).sum() / (one.sum() + two.sum())


def test_fine_tuning_teaches_even_an_untrained_network_to_segment_another_volume(scan, annotated, checkpoint):
    volume, labels = scan()
    other, truth = scan(shift=0.1)

    def found(steps):
        how = settings(**steps, template=False)  # the network alone
        task = adapt([annotated(volume, labels)], checkpoint=checkpoint, device="cpu", settings=how).task
        predicted = predict(task, other, device="cpu", checkpoint=checkpoint).labels.array
        return min(dice(predicted == value, truth == value) for value in (1, 2))

    little, much = found({"other_steps": 1}), found({"other_steps": 40})
    assert much > 0.7
    assert much > little + 0.1


def test_fine_tuning_changes_what_segments_share_and_leaves_the_bundled_weights_alone(scan, annotated, checkpoint):
    volume, labels = scan()
    before = checkpoint.read_bytes()
    task = adapt(
        [annotated(volume, labels)], checkpoint=checkpoint, device="cpu", settings=settings(other_steps=2)
    ).task
    assert task.shared
    assert all(name.startswith("backbone.") for name in task.shared)
    assert checkpoint.read_bytes() == before


def test_a_structure_larger_than_a_tile_and_a_volume_smaller_than_one_work(scan, annotated, checkpoint):
    volume, labels = scan(size=(20, 24, 14))
    case = annotated(volume, labels, values=(1,))
    task = adapt([case], checkpoint=checkpoint, device="cpu", settings=settings(other_steps=2, other_tile=32)).task
    assert max(task.tile) <= 32
    assert predict(task, volume, device="cpu", checkpoint=checkpoint).labels.array.shape == volume.array.shape


def test_inner_loops_and_fine_tuning_tell_their_losses_which_fall(scan, annotated, checkpoint):
    volume, labels = scan()
    events = []
    adapt(
        [annotated(volume, labels)], checkpoint=checkpoint, device="cpu", settings=settings(other_steps=24),
        progress=events.append,
    )  # fmt: skip
    losses = {phase: [e.loss for e in events if e.phase == phase] for phase in {e.phase for e in events}}
    told = [loss for loss in losses["cohort"] if loss is not None]
    assert len(told) == 24
    assert np.mean(told[-8:]) < np.mean(told[:8]) < 10
    assert any(loss is not None for loss in losses["adapt"])
    assert set(losses["predict"]) | set(losses["refine"]) | set(losses["check"]) == {None}


def test_an_adaptation_leaves_learners_that_are_kept_as_they_were(scan, annotated, checkpoint):
    volume, labels = scan()
    keep = KeptLearners()
    learner = keep(checkpoint, torch.device("cpu")).learner
    before = {name: value.clone() for name, value in learner.state_dict().items()}
    adapt([annotated(volume, labels)], checkpoint=checkpoint, device="cpu", settings=settings(other_steps=3), load=keep)
    assert keep(checkpoint, torch.device("cpu")).learner is learner
    assert all(torch.equal(value, before[name]) for name, value in learner.state_dict().items())
    assert not learner.training
    assert all(parameter.grad is None for parameter in learner.parameters())


def test_fine_tuning_can_be_cancelled_between_steps(scan, annotated, checkpoint):
    volume, labels = scan()
    seen = []

    def cancel(event):
        if event.phase == "cohort" and event.done == 2:
            seen.append(event)
            raise Cancelled("cancelled")

    with pytest.raises(Cancelled):
        adapt(
            [annotated(volume, labels)], checkpoint=checkpoint, device="cpu", settings=settings(other_steps=9),
            progress=cancel,
        )  # fmt: skip
    assert len(seen) == 1


def test_the_same_seed_gives_the_same_task_and_another_seed_another(scan, annotated, checkpoint):
    volume, labels = scan()
    tasks = [
        adapt(
            [annotated(volume, labels)], checkpoint=checkpoint, device="cpu", settings=settings(other_steps=2), seed=s
        ).task
        for s in (1, 1, 2)
    ]
    weights = [task.states[0]["head.weight"] for task in tasks]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    assert np.isfinite(weights[0].numpy()).all()


def test_going_on_from_a_task_takes_a_third_of_the_steps_and_starts_from_its_weights(scan, annotated, checkpoint):
    volume, labels = scan()
    case, phases = annotated(volume, labels), []
    options = {"checkpoint": checkpoint, "device": "cpu"}
    first = adapt([case], settings=settings(other_steps=6), **options).task
    still = settings(other_steps=3, other_rate=0.0)
    again = adapt([case], settings=still, start=first, progress=phases.append, **options).task
    assert {event.total for event in phases if event.phase == "cohort"} == {1}
    for before, after in zip(first.states, again.states, strict=True):
        assert all(torch.equal(before[name], after[name]) for name in before)
    assert again.pixel == first.pixel


def test_a_task_of_other_segments_is_no_start(scan, annotated, checkpoint):
    volume, labels = scan()
    options = {"checkpoint": checkpoint, "device": "cpu", "settings": settings(other_steps=2)}
    first = adapt([annotated(volume, labels)], **options).task
    with pytest.raises(AnnotationError, match="adapt anew"):
        adapt([annotated(volume, labels, values=(1,))], start=first, **options)


@pytest.mark.parametrize(
    "change",
    [
        lambda t: {"shared": {**t.shared, next(iter(t.shared)): torch.zeros(3, 5, 7)}},
        lambda t: {"states": ({"x": torch.zeros(1)}, *t.states[1:])},
    ],
)
def test_a_task_whose_weights_do_not_fit_is_no_start(scan, annotated, checkpoint, change):
    case = annotated(*scan())
    options = {"checkpoint": checkpoint, "device": "cpu", "settings": settings(other_steps=2)}
    first = adapt([case], **options).task
    with pytest.raises(CheckpointError, match="does not fit"):
        adapt([case], start=replace(first, **change(first)), **options)


def test_each_of_several_segments_learns_first_from_the_tiles_laid_round_it(monkeypatch, scan, annotated, checkpoint):
    volume, labels = scan()
    seen = []
    step = FineTuning.step

    def watched(tuning, batch, *others):
        seen.append(batch)
        return step(tuning, batch, *others)

    monkeypatch.setattr(FineTuning, "step", watched)
    how = settings(other_steps=20, other_batch=2, other_tiles=4, other_tile=16)
    adapt([annotated(volume, labels)], checkpoint=checkpoint, device="cpu", settings=how)
    assert {batch.shares.shape for batch in seen} == {(2, 2)}
    assert {batch.targets.shape[:2] for batch in seen} == {(4, 2)}

    def share_of(i):
        """How much of a segment is in its own tiles, and in all."""
        mine = sum(batch.targets[batch.shares[i], i].sum() for batch in seen)
        return float(mine / sum(batch.targets[:, i].sum() for batch in seen))

    assert min(share_of(0), share_of(1)) > 0.55  # half by chance
