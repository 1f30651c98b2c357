import torch

from medmeta.synthesis.anatomy import AIR, RandomAnatomy, RandomWarp
from medmeta.synthesis.random import Draw

SHAPE = (24, 40, 48)


def test_labels_are_air_tissues_and_organs_and_nothing_else():
    for seed in range(4):
        anatomy = RandomAnatomy()(SHAPE, Draw.seeded(seed))
        assert anatomy.labels.shape == SHAPE
        assert set(anatomy.labels.unique().tolist()) <= {AIR, *anatomy.tissues, *anatomy.organs}
        assert len(anatomy.organs) >= 5


def test_a_warp_of_nothing_leaves_the_labels_alone():
    labels = RandomAnatomy()(SHAPE, Draw.seeded(1)).labels
    still = RandomWarp(degrees=0, scale=0, shift=0, displacement=0)(SHAPE, Draw.seeded(2))
    assert torch.equal(still(labels), labels)


def test_a_warp_keeps_most_structures_and_moves_their_border():
    labels = RandomAnatomy()(SHAPE, Draw.seeded(1)).labels
    warped = RandomWarp()(SHAPE, Draw.seeded(2))(labels)
    assert warped.dtype == labels.dtype
    same = float((warped == labels).float().mean())
    assert 0.2 < same < 0.99
