import numpy as np
import pytest
import torch

from medmeta.episodes import GreyWindow, SliceStack, Window, relative_range


def laid_out(window, values, shape, fill):
    """What is enlarged, in whole slices of `shape`."""
    whole = values.new_full((len(values), *shape), fill)
    whole[:, *window.visible(shape)] = window.enlarged(values, shape)
    return whole


def test_what_crop_took_is_enlarged_to_where_it_was():
    slices = torch.rand(3, 20, 30)
    window = Window(4, 6, 8, 16, 8, 16)
    whole = laid_out(window, window.crop(slices), (20, 30), fill=-1.0)
    assert torch.equal(whole[:, 4:12, 6:22], slices[:, 4:12, 6:22])
    whole[:, 4:12, 6:22] = -1
    assert (whole == -1).all()


@pytest.mark.parametrize("zoom", [0.5, 2])
def test_a_smooth_image_survives_the_way_there_and_back_at_another_resolution(zoom):
    y, x = torch.meshgrid(torch.arange(48.0), torch.arange(48.0), indexing="ij")
    slices = torch.sin(x / 9)[None] + torch.cos(y / 7)[None]
    window = Window(0, 0, 48, 48, int(48 * zoom), int(48 * zoom))
    there_and_back = laid_out(window, window.crop(slices), (48, 48), fill=0.0)
    assert (there_and_back - slices)[:, 4:-4, 4:-4].abs().max() < 0.03


def test_a_window_that_reaches_outside_repeats_the_edge_and_shows_only_what_is_inside():
    slices = torch.arange(16.0).reshape(1, 4, 4)
    window = Window(-2, 1, 8, 4, 8, 4)
    cut = window.crop(slices)
    assert cut.shape == (1, 8, 4)
    assert torch.equal(cut[0, 0], cut[0, 2])
    whole = laid_out(window, cut, (4, 4), fill=-1.0)
    assert torch.equal(whole[0, :, 1:], slices[0, :, 1:])
    assert (whole[0, :, 0] == -1).all()


def test_positions_are_those_in_the_whole_volume():
    stack = SliceStack.cut(torch.zeros(10, 40, 40), Window(20, 0, 20, 40, 20, 40), pitch=1.0)
    z, y, x = stack.coordinates
    assert z[0] == pytest.approx(-0.9)
    assert y[0] == pytest.approx(0.025)
    assert x[0] == pytest.approx(-0.975)


def test_neighbours_of_thin_slices_lie_about_a_pixel_apart():
    stack = SliceStack.cut(torch.zeros(10, 32, 32), Window(0, 0, 32, 32, 32, 32), pitch=0.25)
    assert stack.stride == 4


def test_a_volume_of_integers_is_cut_as_if_it_were_normalised_whole():
    slices = np.random.default_rng(0).integers(-1000, 2000, (40, 12, 14), dtype=np.int16)[::-1]
    window, grey, own = Window(2, 3, 8, 10, 16, 20), GreyWindow(0.1, 0.4), relative_range(slices)
    whole = grey((torch.from_numpy(slices.astype(np.float32)) - own[0]) / own[1])
    cut = SliceStack.cut(slices, window, 1.0, grey.of(own))
    torch.testing.assert_close(cut.image, SliceStack.cut(whole, window, 1.0).image)


@pytest.mark.parametrize("window", [Window(3, 5, 40, 30, 16, 24), Window(-4, 2, 24, 30, 48, 32)])
def test_a_box_holds_all_that_pixels_are_enlarged_to_and_is_cut_out_of_the_whole(window):
    where, shape = torch.zeros(window.rows, window.columns), (48, 40)
    where[6:9, 10:12] = 1
    rows, columns = window.reached(where > 0, shape)
    whole = laid_out(window, where[None], shape, 0.0)
    outside = whole.clone()
    outside[:, rows, columns] = 0
    assert whole.any()
    assert not outside.any()
    assert rows.stop - rows.start < 24
    torch.testing.assert_close(window.enlarged(where[None], shape, (rows, columns)), whole[:, rows, columns])


def test_a_box_of_nothing_is_empty():
    window = Window(0, 0, 8, 8, 16, 16)
    box = window.reached(torch.zeros(16, 16, dtype=torch.bool), (8, 8))
    assert window.enlarged(torch.zeros(2, 16, 16), (8, 8), box).shape == (2, 0, 0)


def test_a_stack_of_wanted_slices_is_the_same_there():
    slices = np.random.default_rng(1).integers(0, 99, (40, 12, 14), dtype=np.int16)
    window = Window(2, 3, 8, 10, 16, 20)
    whole = SliceStack.cut(slices, window, 0.5).image
    some = SliceStack.cut(slices, window, 0.5, wanted=lambda stride: [1, 5, 5 + stride]).image
    torch.testing.assert_close(some[[1, 5]], whole[[1, 5]])
    assert (some.flatten(1).any(1)).sum() == 3
