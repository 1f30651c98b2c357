import itertools

import pytest
import torch

from medmeta.episodes import SEGMENT_CHANNELS
from medmeta.synthesis import RandomCohort
from medmeta.synthesis.random import Draw
from medmeta.training.sampler import EpisodeShape, RandomEpisode, SyntheticBatches

PRIOR = slice(8, 10)


@pytest.fixture(scope="module")
def cohort():
    return RandomCohort(size=(48, 56), slices=(14, 16))(2)


def episodes(cohort, shape, count=6):
    draw = Draw.seeded(0)
    found = (RandomEpisode()(cohort, shape, 5, draw) for _ in itertools.count())
    return list(itertools.islice((e for e in found if e is not None), count))


def test_an_episode_has_the_shape_it_was_asked_for(cohort):
    for episode in episodes(cohort, EpisodeShape(3, 4, 48, True)):
        assert episode.support.inputs[0].shape == (3, 5, 48, 48)
        assert episode.query.inputs[1].shape == (4, len(SEGMENT_CHANNELS), 48, 48)
        assert episode.support.targets.any()


def test_within_a_volume_the_prior_is_there_and_in_another_it_is_not(cohort):
    for episode in episodes(cohort, EpisodeShape(3, 4, 48, True)):
        assert episode.query.inputs[1][:, PRIOR].any()
    for episode in episodes(cohort, EpisodeShape(3, 4, 48, False)):
        assert not episode.query.inputs[1][:, PRIOR].any()
        assert not episode.support.inputs[1][:, PRIOR].any()


def test_a_lone_support_slice_has_no_prior_since_it_leaves_itself_out(cohort):
    for episode in episodes(cohort, EpisodeShape(1, 4, 48, True)):
        assert not episode.support.inputs[1][:, PRIOR].any()
        assert episode.query.inputs[1][:, PRIOR].any()


def test_batches_repeat_with_their_seed():
    def first(seed):
        batches = SyntheticBatches(seed, 100, 2, random_cohort=RandomCohort(size=(48, 48), slices=(12, 13)))
        return next(iter(batches))

    one, again, other = first(5), first(5), first(6)
    assert torch.equal(one.query.inputs[0], again.query.inputs[0])
    assert one.query.inputs[0].shape != other.query.inputs[0].shape or not torch.equal(
        one.query.inputs[0], other.query.inputs[0]
    )
