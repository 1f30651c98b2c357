import builtins

import pytest
import torch
import torch.nn.functional as F

from medmeta.errors import MedMetaError
from medmeta.learners.maml import MAML
from medmeta.learners.readouts import READ_OUTS
from medmeta.learners.siamese import SiameseLearner
from medmeta.problems import DigitEncoder, Digits, RandomDigits, digit_classifier, digit_images
from medmeta.synthesis.random import Draw

TRAINING, HELD_OUT = (0, 1, 2, 3, 4), (5, 6, 7, 8, 9)


def whole(image):
    """An image as something that can be in a set."""
    return tuple(image.flatten().tolist())


def seen(random_digits, episodes=30):
    drawn = [random_digits(Draw.seeded(seed)) for seed in range(episodes)]
    return {whole(image) for one in drawn for part in (one.support, one.query) for image in part.inputs[0]}


def accuracy(learner, shots, episodes=25):
    random_digits, shares = RandomDigits(HELD_OUT, shots), []
    for seed in range(episodes):
        episode = random_digits(Draw.seeded(seed))
        found = learner.predict(learner.adapt([episode.support]), episode.query.inputs).argmax(1)
        shares.append(float((found == episode.query.targets.argmax(1)).float().mean()))
    return sum(shares) / len(shares)


def meta_train(learner, iterations, rate):
    random_digits = RandomDigits(TRAINING, shots=1, turns=range(4))
    optimizer = torch.optim.Adam(learner.parameters(), lr=rate)
    for iteration in range(iterations):
        draw = Draw.seeded(1_000_000 + iteration)
        optimizer.zero_grad()
        (sum(learner.meta_loss(random_digits(draw))[0] for _ in range(2)) / 2).backward()
        optimizer.step()


def test_there_are_1797_digits_between_0_and_1():
    images = digit_images()
    assert sum(map(len, images)) == 1797
    assert all(i.shape[1:] == (1, 8, 8) and i.min() == 0 and i.max() == 1 for i in images)


def test_a_class_is_a_digit_turned_and_its_label_is_its_place_in_the_task():
    examples = Digits(((7, 0), (4, 1)))([[3, 5], [8]])
    expected = [digit_images()[7][3], digit_images()[7][5], digit_images()[4][8].rot90(1, (1, 2))]
    assert torch.equal(examples.inputs[0], torch.stack(expected))
    assert examples.targets.flatten(1).tolist() == [[1, 0], [1, 0], [0, 1]]
    assert examples.targets.shape == (3, 2, 1, 1)


def test_held_out_digits_are_seen_in_meta_training_in_no_orientation():
    training = seen(RandomDigits(TRAINING, shots=5, turns=range(4)))
    images = [image for digit in HELD_OUT for image in digit_images()[digit]]
    held_out = {whole(image.rot90(turns, (1, 2))) for image in images for turns in range(4)}
    assert len(training) > 1000
    assert not training & held_out
    assert seen(RandomDigits(HELD_OUT, shots=5)) <= held_out


def test_no_image_is_both_in_the_support_and_in_the_query():
    episode = RandomDigits(HELD_OUT, shots=5)(Draw.seeded(0))
    support, query = ({whole(image) for image in part.inputs[0]} for part in (episode.support, episode.query))
    assert (len(support), len(query)) == (25, 75)
    assert not support & query
    assert episode.support.targets.sum((0, 2, 3)).tolist() == [5] * 5
    assert episode.query.targets.sum((0, 2, 3)).tolist() == [15] * 5


def test_the_same_digit_has_another_label_from_episode_to_episode_and_every_seed_its_own_episode():
    sevens = {whole(image) for image in digit_images()[7]}
    random_digits, labels = RandomDigits(HELD_OUT, shots=1), []
    for seed in range(100):
        support = random_digits(Draw.seeded(seed)).support
        (seven,) = (k for k, image in enumerate(support.inputs[0]) if whole(image) in sevens)
        labels.append(int(support.targets[seven].argmax()))
    assert all(8 <= labels.count(label) <= 35 for label in range(5))
    again = random_digits(Draw.seeded(99)).support
    assert torch.equal(again.inputs[0], support.inputs[0])


def test_in_meta_training_a_digit_in_another_orientation_is_another_class():
    random_digits = RandomDigits((0, 1), shots=1, ways=8, turns=range(4))
    assert set(random_digits.classes) == {(digit, turns) for digit in (0, 1) for turns in range(4)}
    with pytest.raises(ValueError, match="9 ways"):
        RandomDigits((0, 1), shots=1, ways=9, turns=range(4))


def test_without_scikit_learn_the_error_says_what_to_install(monkeypatch):
    def no_sklearn(name, *arguments, **others):
        if name.startswith("sklearn"):
            raise ImportError(name)
        return real(name, *arguments, **others)

    real = builtins.__import__
    monkeypatch.setattr(builtins, "__import__", no_sklearn)
    with pytest.raises(MedMetaError, match="pip install scikit-learn"):
        digit_images.__wrapped__()


def test_a_query_is_judged_alike_alone_and_among_others():
    torch.manual_seed(0)
    images = digit_images()[6][:10]
    network = digit_classifier()
    torch.testing.assert_close(network(images)[:1], network(images[:1]))


def test_a_short_meta_training_of_maml_beats_the_untrained_start_on_held_out_digits():
    torch.manual_seed(0)
    learner = MAML(digit_classifier(), F.cross_entropy, steps=3, step_size=0.05, second_order=True)
    before = accuracy(learner, shots=1)
    meta_train(learner, iterations=30, rate=1e-3)
    assert accuracy(learner, shots=1) > before + 0.1


@pytest.mark.parametrize("read_out", READ_OUTS)
def test_the_siamese_learner_tells_held_out_digits_apart_with_every_read_out(read_out):
    torch.manual_seed(0)
    assert accuracy(SiameseLearner(DigitEncoder(), F.cross_entropy, read_out=read_out), shots=5, episodes=5) > 0.7


def test_a_short_meta_training_of_the_siamese_learner_beats_the_untrained_start_on_held_out_digits():
    torch.manual_seed(0)
    learner = SiameseLearner(DigitEncoder(), F.cross_entropy)
    before = accuracy(learner, shots=1, episodes=60)
    meta_train(learner, iterations=30, rate=3e-4)
    assert accuracy(learner, shots=1, episodes=60) > before + 0.01
