import torch

from medmeta.episodes import Examples


def test_parts_of_examples_are_the_examples_encoded_or_not():
    image, targets = torch.arange(5.0).reshape(5, 1, 1, 1), torch.ones(5, 1, 1, 1)
    plain = Examples((image, image + 1), targets).split(2)
    encoded = Examples(((image, 2 * image), image + 1), targets).split(2)
    assert [len(part.targets) for part in plain] == [len(part.targets) for part in encoded] == [2, 2, 1]
    assert torch.equal(torch.cat([part.inputs[1] for part in plain]), image + 1)
    assert torch.equal(torch.cat([part.inputs[0][1] for part in encoded]), 2 * image)
