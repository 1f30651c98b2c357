import pytest
import torch

from medmeta.learners.step_sizes import StepSizes

PARAMETERS = {"weight": torch.zeros(3, 2), "bias": torch.zeros(3)}


@pytest.mark.parametrize(("granularity", "count"), [("constant", 0), ("layer", 2 * 2), ("parameter", 2 * 9)])
def test_the_granularity_says_how_many_numbers_are_learned(granularity, count):
    sizes = StepSizes(PARAMETERS, 2, 0.1, granularity)
    assert sum(p.numel() for p in sizes.parameters() if p.requires_grad) == count
    for name, size in sizes(0).items():
        assert torch.broadcast_shapes(size.shape, PARAMETERS[name].shape) == PARAMETERS[name].shape
        assert (size == 0.1).all()


def test_steps_beyond_the_last_use_its_step_sizes():
    sizes = StepSizes(PARAMETERS, 2, 0.1)
    with torch.no_grad():
        sizes.values[0][1] = 0.7
    assert float(sizes(0)["weight"].max()) == pytest.approx(0.1)
    assert float(sizes(9)["weight"].max()) == pytest.approx(0.7)


def test_an_unknown_granularity_is_refused():
    with pytest.raises(ValueError, match="voxel"):
        StepSizes(PARAMETERS, 2, 0.1, "voxel")
