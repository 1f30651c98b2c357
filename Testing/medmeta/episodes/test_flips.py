import torch

from medmeta.episodes import Examples
from medmeta.episodes.flips import flipped, support_versions


def examples():
    generator = torch.Generator().manual_seed(0)
    image, segment = torch.randn(2, 5, 8, 8, generator=generator), torch.randn(2, 13, 8, 8, generator=generator)
    return Examples((image, segment), (image[:, :1] > 0).float())


def test_image_channels_and_targets_turn_together():
    turned = flipped(examples(), (-1,))
    assert torch.equal(turned.targets, (turned.inputs[0][:, :1] > 0).float())
    assert torch.equal(turned.inputs[1], examples().inputs[1].flip(-1))


def test_the_first_version_is_the_drawing_itself_and_all_four_differ():
    versions = support_versions(examples())
    assert versions[0].targets.equal(examples().targets)
    for i, one in enumerate(versions):
        for other in versions[i + 1 :]:
            assert not torch.equal(one.inputs[0], other.inputs[0])
