import hashlib
from dataclasses import replace
from itertools import islice

from medmeta.synthesis import RandomCohort
from medmeta.training.task_sets import META_TEST, META_TRAINING, TASK_SETS, TaskSet

SMALL = RandomCohort(size=(32, 40), slices=(6, 8))


def voxels(tasks, count=5):
    cohorts = islice(replace(tasks, random_cohort=SMALL).cohorts(), count)
    return {hashlib.sha256(subject.image.numpy().tobytes()).hexdigest() for c in cohorts for subject in c.subjects}


def test_no_seed_is_in_both_sets():
    assert META_TEST.disjoint(META_TRAINING)
    assert META_TRAINING.disjoint(META_TEST)
    assert not META_TEST.disjoint(TaskSet("overlapping", 599_999, 5))


def test_no_volume_is_in_both_sets_and_each_draws_the_same_ones_again():
    test, training = voxels(META_TEST), voxels(META_TRAINING)
    assert len(test) == len(training) == 10
    assert not test & training
    assert voxels(META_TEST) == test


def test_the_hash_follows_the_manifest():
    assert META_TEST.sha256 == TaskSet("meta-test", 500_000, 100_000).sha256
    assert META_TEST.sha256 != META_TRAINING.sha256
    assert META_TEST.sha256 != replace(META_TEST, random_cohort=SMALL).sha256


def test_sets_are_found_by_their_names():
    assert all(tasks.manifest()["name"] == name for name, tasks in TASK_SETS.items())
