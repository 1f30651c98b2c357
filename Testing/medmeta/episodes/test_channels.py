import numpy as np
import torch

from medmeta.episodes import SEGMENT_CHANNELS, SliceStack, Window, image_channels, segment_channels, without_prior
from medmeta.priors import ShapePrior

CHANNEL = {name: index for index, name in enumerate(SEGMENT_CHANNELS)}


def stack_of(slices=12, size=16):
    return SliceStack.cut(torch.rand(slices, size, size), Window(0, 0, size, size, size, size), pitch=2.0)


def masks_of(*radii, size=16):
    y, x = np.mgrid[:size, :size] - size / 2 + 0.5
    return np.stack([x**2 + y**2 <= r**2 for r in radii])


def test_image_channels_are_the_neighbours_with_the_ends_repeated():
    stack = stack_of()
    channels = image_channels(stack, [0, 6], 5)
    assert torch.equal(channels[0, 0], stack.image[0])
    assert torch.equal(channels[0, 4], stack.image[2])
    assert torch.equal(channels[1], stack.image[4:9])


def test_an_annotated_slice_that_leaves_itself_out_does_not_see_its_own_drawing():
    stack = stack_of()
    one, other = (ShapePrior.from_masks(masks_of(4, radius, 4), (2, 5, 9)) for radius in (6, 1))
    seen = [segment_channels(stack, [5], prior, [(5,)]) for prior in (one, other)]
    assert torch.equal(*seen)
    copied = [segment_channels(stack, [5], prior) for prior in (one, other)]
    assert not torch.equal(*copied)


def test_without_a_prior_only_image_and_position_are_left():
    channels = segment_channels(stack_of(), [3])
    filled = {SEGMENT_CHANNELS[i] for i in range(channels.shape[1]) if bool(channels[:, i].any())}
    assert filled == {"image", "z", "y", "x"}


def test_a_prior_taken_from_channels_leaves_them_as_if_there_had_been_none():
    stack = stack_of()
    told = segment_channels(stack, [3, 5], ShapePrior.from_masks(masks_of(4, 6), (2, 9)))
    before = told.clone()
    assert torch.equal(without_prior(told), segment_channels(stack, [3, 5]))
    assert torch.equal(told, before)
    assert not torch.equal(told, without_prior(told))


def test_between_two_annotated_slices_both_are_shown_with_their_distance():
    stack = stack_of()
    prior = ShapePrior.from_masks(masks_of(4, 6), (2, 9))
    channels = segment_channels(stack, [4], prior)[0]
    assert torch.equal(channels[CHANNEL["image on the annotated slice before"]], stack.image[2])
    assert torch.equal(channels[CHANNEL["image on the annotated slice after"]], stack.image[9])
    before = channels[CHANNEL["distance to the annotated slice before"], 0, 0]
    after = channels[CHANNEL["distance to the annotated slice after"], 0, 0]
    assert before == 2 * 2.0 / 32
    assert after == 5 * 2.0 / 32


def test_beyond_the_ends_one_side_is_missing():
    prior = ShapePrior.from_masks(masks_of(4), (2,))
    channels = segment_channels(stack_of(), [6], prior)[0]
    assert channels[CHANNEL["has an annotated slice before"]].all()
    assert not channels[CHANNEL["has an annotated slice after"]].any()
