import torch

from medmeta.synthesis.acquisition import RandomAcquisition
from medmeta.synthesis.noise import smooth_noise
from medmeta.synthesis.random import Draw


def test_thick_slices_average_and_take_the_label_of_their_middle():
    draw = Draw.seeded(0)
    scan = RandomAcquisition()(4, draw)
    labels = torch.arange(16, dtype=torch.int16)[:, None, None].expand(16, 24, 24).contiguous()
    image, thick = scan(torch.rand(16, 24, 24), labels, draw)
    assert image.shape == thick.shape == (4, 24, 24)
    assert thick[:, 0, 0].tolist() == [2, 6, 10, 14]


def test_smooth_noise_varies_over_its_scale():
    generator = torch.Generator().manual_seed(0)

    def roughness(scale):
        field = smooth_noise((32, 32, 32), scale, generator)[0]
        return float((field[1:] - field[:-1]).std())

    assert roughness(2) > 2 * roughness(8) > 4 * roughness(24) > 0


def test_smooth_noise_has_zero_mean_and_unit_deviation():
    field = smooth_noise((16, 20, 24), 5, torch.Generator().manual_seed(1), channels=3)
    assert field.shape == (3, 16, 20, 24)
    assert field.mean(dim=(1, 2, 3)).abs().max() < 1e-4
    assert (field.std(dim=(1, 2, 3)) - 1).abs().max() < 1e-3
