import torch

from medmeta.synthesis.anatomy import RandomAnatomy
from medmeta.synthesis.appearance import Appearance, RandomAppearance
from medmeta.synthesis.random import Draw


def test_without_texture_every_label_has_its_own_grey_value():
    labels = torch.tensor([[[0, 1], [2, 1]]], dtype=torch.int16)
    plain = Appearance(torch.tensor([0.0, 0.4, 0.9]), torch.zeros(3, 3), (1.5, 4.0, 10.0))
    torch.testing.assert_close(plain(labels, Draw.seeded(0)), torch.tensor([[[0.0, 0.4], [0.9, 0.4]]]))


def test_texture_varies_within_its_label_only():
    labels = torch.zeros(8, 16, 16, dtype=torch.int16)
    labels[:, :, 8:] = 1
    textured = Appearance(torch.tensor([0.2, 0.6]), torch.tensor([[0.0, 0.1]] * 3), (1.5, 4.0, 10.0))
    image = textured(labels, Draw.seeded(0))
    assert float(image[:, :, :8].std()) < 1e-5
    assert float(image[:, :, 8:].std()) > 0.05


def test_another_image_of_the_cohort_has_nearly_the_same_grey_values():
    anatomy = RandomAnatomy()((16, 24, 24), Draw.seeded(3))
    appearance = RandomAppearance()(anatomy, Draw.seeded(4))
    other = appearance.jittered(0.02, Draw.seeded(5))
    moved = (other.means - appearance.means).abs()
    assert 0 < float(moved.max()) < 0.15
    assert torch.equal(other.textures, appearance.textures)
