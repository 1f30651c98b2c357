import pytest
import torch
from monai.inferers import sliding_window_inference

from medmeta.errors import Cancelled
from medmeta.transfer.tiled import tiled


def local(tiles):
    """An answer that depends on where in its tile a pixel lies, as a network's does."""
    ramp = torch.linspace(0, 1, tiles.shape[-1])
    return torch.cat([tiles[:, :1] + ramp, 2 * tiles[:, :1] - ramp], dim=1)


@pytest.mark.parametrize("size", [(32, 32), (40, 72), (33, 57), (64, 96)])
def test_where_something_may_be_everywhere_it_is_a_sliding_window(size):
    inputs = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(0))
    whole = sliding_window_inference(inputs, (32, 32), 4, local, overlap=0.5, mode="gaussian")
    torch.testing.assert_close(tiled(inputs, (32, 32), 4, local), whole)


def test_tiles_overlap_only_where_something_may_be():
    inputs = torch.full((2, 1, 128, 128), -9.0)
    inputs[1, 0, 20:24, 20:24] = 9.0  # in the first corner of the second slice
    count = [0]

    def answer(tiles):
        count[0] += len(tiles)
        return tiles.clone()

    result = tiled(inputs, (32, 32), 4, answer)
    torch.testing.assert_close(result, inputs)
    # Side by side 2 x 16 tiles, and the three that overlap the corner's.
    assert count[0] == 2 * 16 + 3


def test_what_has_been_seen_decides_by_the_most_likely_segment():
    inputs = torch.full((1, 1, 64, 64), -9.0)
    count = [0]

    def answer(tiles):
        count[0] += len(tiles)
        return torch.cat([tiles, tiles + 18], dim=1)

    tiled(inputs, (32, 32), 4, answer)
    assert count[0] == 9


def test_it_can_be_stopped_after_any_few_tiles():
    def stop():
        raise Cancelled("cancelled")

    with pytest.raises(Cancelled):
        tiled(torch.zeros(1, 1, 64, 64), (32, 32), 1, lambda tiles: tiles, stop)
