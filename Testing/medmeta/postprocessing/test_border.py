import pytest
import torch

from medmeta.postprocessing.border import clearness, near_border, radius, usual_step


def square(side=8, size=32):
    mask = torch.zeros(1, size, size, dtype=torch.bool)
    low = (size - side) // 2
    mask[:, low : low + side, low : low + side] = True
    return mask


def noise(seed=0):
    return 0.1 * torch.randn(1, 32, 32, generator=torch.Generator().manual_seed(seed))


def test_a_border_that_the_image_shows_is_clear_and_one_that_it_does_not_show_is_like_what_lies_beside_it():
    shape = square()
    assert clearness(shape.float() + noise(), shape) > 4
    assert clearness(noise(), shape) == pytest.approx(1, abs=0.3)
    elsewhere = square(14).float()  # an edge beside the border, not at it
    assert clearness(elsewhere + 0.1 * noise(), shape) < 0.5


def test_clearness_does_not_depend_on_the_grey_values_scale():
    image = square().float() + noise()
    assert clearness(3 * image, square()) == pytest.approx(clearness(image, square()), rel=1e-4)


@pytest.mark.parametrize("shape", [torch.ones(1, 8, 8), torch.zeros(1, 8, 8)])
def test_a_shape_without_border_and_a_flat_image_are_neither_clear_nor_faint(shape):
    assert clearness(torch.rand(1, 8, 8), shape.bool()) == 1
    assert clearness(torch.zeros(1, 32, 32), square()) == 1


def test_near_the_border_lies_within_five_pixels_of_it():
    near = near_border(square(12))[0]
    assert near[16, 10]
    assert near[16, 5]
    assert not near[16, 4]
    assert not near[16, 16]


def test_the_usual_step_is_that_of_the_border_where_it_is_told_so():
    image = square().float()
    assert usual_step(image, near_border(square())) > usual_step(image) > 0


def test_the_radius_is_that_of_the_largest_disc_and_at_least_half_a_pixel():
    assert radius(square(9)) == pytest.approx(4.5)
    assert radius(square(1)) == 0.5
