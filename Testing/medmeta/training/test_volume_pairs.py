import torch

from medmeta.synthesis import RandomCohort
from medmeta.synthesis.random import Draw
from medmeta.training.volume_pairs import DIFFERENT, SAME, VolumePairs

SMALL = RandomCohort(size=(40, 48), slices=(12, 14))


def pairs(**more):
    return VolumePairs(3_000_000, 1000, tasks=2, places=3, sizes=(32,), random_cohort=SMALL, **more)


def test_a_batch_holds_one_annotated_volume_a_task_and_queries_of_both_kinds():
    batch = next(iter(pairs()))
    assert batch.support.inputs[0].shape == (2, 1, 3, 5, 32, 32)
    assert batch.query.inputs[0].shape == (2, SAME + DIFFERENT, 3, 5, 32, 32)
    assert batch.query.targets.tolist() == [[1.0] * SAME + [0.0] * DIFFERENT] * 2
    assert torch.isfinite(batch.query.inputs[0]).all()


def test_the_same_seed_gives_the_same_episode_and_another_does_not():
    cohorts = [SMALL(seed) for seed in (1, 2, 3)]
    one, again, other = (pairs().episode(cohorts, 32, Draw.seeded(seed)) for seed in (5, 5, 6))
    assert torch.equal(one.query.inputs[0], again.query.inputs[0])
    assert not torch.equal(one.query.inputs[0], other.query.inputs[0])


def test_no_query_volume_is_the_annotated_one():
    cohorts = [SMALL(seed) for seed in (1, 2, 3)]
    one = pairs().episode(cohorts, 32, Draw.seeded(5))
    for volume in one.query.inputs[0]:
        assert not torch.equal(volume, one.support.inputs[0][0])
