import pytest
import torch

from medmeta.adaptation.contenders import Contender
from medmeta.adaptation.settings import AdaptationSettings
from medmeta.adaptation.support import annotated_stacks
from medmeta.adaptation.trials import held_out_places, try_out, usual_steps
from medmeta.learners.base import Learner


class Oracle(Learner):
    """Knows the truth from the image, which is the mask; remembers what it was shown."""

    name = "oracle"

    def __init__(self, iterative=True):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.iterative = iterative
        self.supports = []

    def adapt(self, support, *, steps=None, on_step=None, **_):
        self.supports.append(support[0])
        for step in range(steps + 1):
            on_step(step, {"step": torch.tensor(step)})

    def predict(self, state, inputs):
        image = inputs[0][:, 2:3]
        return torch.where(image > image.mean(), 20.0, -20.0)

    def meta_loss(self, episode):
        raise NotImplementedError

    def settings(self):
        return {}


def contender(**options):
    return Contender("oracle", Oracle(**options), {}, 5)


@pytest.fixture
def stacks(scan, annotated):
    volume, labels = scan()
    volume.array[...] = 1000.0 * (labels == 1)
    return annotated_stacks([annotated(volume, labels, values=(1,))], AdaptationSettings().region)[0]


def test_every_drawn_slice_is_held_out_up_to_the_number_of_folds(stacks):
    assert [place[1] for place in held_out_places(stacks, 0, 5)] == [3, 6, 9]
    assert len(held_out_places(stacks, 0, 2)) == 2


def test_a_single_drawn_slice_is_not_held_out(scan, annotated):
    volume, labels = scan()
    case = annotated(volume, labels, slices=(6,), empty=(12,), values=(1,))
    stacks, _ = annotated_stacks([case], AdaptationSettings().region)
    assert held_out_places(stacks, 0, 5) == []


def test_a_trial_has_the_answer_after_every_number_of_steps_asked_for_and_the_drawing(stacks):
    found = try_out(contender(), stacks, 0, AdaptationSettings(steps=(0, 2)), lambda: None)
    assert len(found) == 3
    for trial in found:
        assert set(trial.logits) == {0, 2}
        # All but the border, which the resampling of image and drawing shifts.
        assert ((trial.logits[2] > 0) == trial.truth).float().mean() > 0.97


def test_the_held_out_drawing_enters_neither_support_nor_prior(stacks):
    oracle = contender()
    found = try_out(oracle, stacks, 0, AdaptationSettings(steps=(0,)), lambda: None)
    for trial, support in zip(found, oracle.learner.supports, strict=True):
        assert len(support.targets) == 2
        assert not any(torch.equal(target > 0.5, trial.truth[0]) for target in support.targets)
        # Its neighbours are other annotated slices, at a distance above zero.
        there = trial.channels[:, 8:10, 0, 0] > 0
        assert (trial.channels[:, 6:8, 0, 0][there] > 0).all()


def test_a_learner_without_inner_steps_has_one_answer(stacks):
    one = contender(iterative=False)
    (first, *_) = try_out(one, stacks, 0, AdaptationSettings(steps=(0, 2)), lambda: None)
    assert set(first.logits) == {0}
    assert usual_steps(one, AdaptationSettings()) == 0


def test_what_a_step_raises_stops_the_trial(stacks):
    def stop():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        try_out(contender(), stacks, 0, AdaptationSettings(), stop)
