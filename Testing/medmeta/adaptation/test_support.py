import numpy as np
import torch

from medmeta.adaptation.settings import AdaptationSettings
from medmeta.adaptation.support import annotated_stacks, support_examples, support_places
from medmeta.episodes.channels import SEGMENT_CHANNELS

PRIOR = SEGMENT_CHANNELS.index("has an annotated slice before")
SHAPE = 0


def stacks_of(*cases):
    return annotated_stacks(cases, AdaptationSettings().region)


def test_every_drawn_slice_of_every_volume_is_a_place(scan, annotated):
    (first, one), (second, two) = scan(), scan(size=(48, 40, 12), shift=0.1)
    stacks, _ = stacks_of(annotated(first, one), annotated(second, two, slices=(4, 8)))
    assert support_places(stacks) == [(0, 3), (0, 6), (0, 9), (1, 4), (1, 8)]


def test_a_drawn_slice_never_sees_its_own_drawing(scan, annotated):
    volume, labels = scan()
    windows, inputs = [], []
    for middle in (slice(10, 22), slice(14, 26)):  # of another place, within what the others span
        drawing = np.zeros_like(labels)
        drawing[8:28, 8:28, [3, 9]] = 1
        drawing[middle, middle, 6] = 1
        stacks, _ = stacks_of(annotated(volume, drawing, values=(1,)))
        windows.append((stacks[0].window.top, stacks[0].window.left, stacks[0].window.rows))
        inputs.append(support_examples(stacks, 0, [(0, 6)], 5, prior=True).inputs[1])
    assert windows[0] == windows[1]
    assert inputs[0][:, PRIOR].any()
    torch.testing.assert_close(inputs[0][:, SHAPE], inputs[1][:, SHAPE])


def test_a_held_out_slice_is_kept_from_the_other_slices_too(scan, annotated):
    volume, labels = scan()
    stacks, _ = stacks_of(annotated(volume, labels, values=(1,)))
    with_it = support_examples(stacks, 0, [(0, 3)], 5, prior=True).inputs[1]
    without = support_examples(stacks, 0, [(0, 3)], 5, prior=True, held_out=(0, 6)).inputs[1]
    assert not torch.equal(with_it, without)


def test_without_a_prior_nothing_of_the_drawing_is_among_the_inputs(scan, annotated):
    volume, labels = scan()
    stacks, _ = stacks_of(annotated(volume, labels, values=(1,)))
    examples = support_examples(stacks, 0, support_places(stacks), 5, prior=False)
    drawing = [i for i, name in enumerate(SEGMENT_CHANNELS) if name not in ("image", "z", "y", "x")]
    assert not examples.inputs[1][:, drawing].any()
    assert examples.targets.any()


def test_windows_of_unlike_size_are_padded_to_the_largest(scan, annotated):
    (first, one), (second, two) = scan(), scan(size=(64, 40, 12))
    stacks, _ = stacks_of(annotated(first, one), annotated(second, two, slices=(4, 8)))
    examples = support_examples(stacks, 0, support_places(stacks), 5, prior=True)
    assert examples.inputs[0].shape[0] == examples.targets.shape[0] == 5
    assert examples.inputs[0].shape[2:] == examples.targets.shape[2:]
