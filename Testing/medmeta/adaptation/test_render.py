import numpy as np
import pytest
import torch

from medmeta.adaptation.render import OUTSIDE, labels_and_confidence, render
from medmeta.episodes import Window
from medmeta.errors import Cancelled


def test_the_most_probable_segment_has_the_voxel_and_background_where_none_is_likely():
    logits = torch.tensor([[[[2.0, -1.0, 0.5]]], [[[1.0, -3.0, 4.0]]]])
    labels, confidence = labels_and_confidence(logits, [3, 7])
    assert labels.flatten().tolist() == [3, 0, 7]
    background = torch.sigmoid(torch.tensor(1.0)) * torch.sigmoid(torch.tensor(3.0))
    expected = [torch.sigmoid(torch.tensor(2.0)), background, torch.sigmoid(torch.tensor(4.0))]
    torch.testing.assert_close(confidence.flatten(), torch.stack(expected))


def test_no_gap_opens_between_two_segments_that_are_both_likely():
    logits = torch.logit(torch.tensor([0.45, 0.4]))[:, None, None, None]
    labels, confidence = labels_and_confidence(logits, [3, 7])
    assert labels.item() == 3
    assert abs(confidence.item() - 0.45) < 1e-6


def test_outside_the_window_is_background_and_sure():
    window = Window(2, 3, 4, 5, 4, 5)
    labels, confidence, overlap = render(
        lambda p: torch.full((1, len(p), 4, 5), 3.0), window, (5, 10, 10), [300], 2, lambda n: 0
    )
    expected = np.zeros((5, 10, 10))
    expected[:, 2:6, 3:8] = 300
    np.testing.assert_array_equal(labels, expected)
    assert labels.dtype == np.uint16
    assert confidence[:, 0].min() > 0.999
    # Sums over the window: 20 pixels, all of them found.
    both = 20 * float(torch.sigmoid(torch.tensor(3.0)))
    np.testing.assert_allclose(overlap, np.broadcast_to([both, both + 20], (1, 5, 2)), rtol=1e-5)


def test_every_slice_is_asked_for_once_and_counted():
    asked, ticks = [], []

    def logits(positions):
        asked.extend(positions)
        return torch.zeros(1, len(positions), 8, 8)

    render(logits, Window(0, 0, 8, 8, 8, 8), (7, 8, 8), [1], 3, ticks.append)
    assert asked == list(range(7))
    assert ticks == [3, 3, 1]


def test_a_cancelled_tick_stops_it():
    def tick(_):
        raise Cancelled("cancelled")

    with pytest.raises(Cancelled):
        render(lambda p: torch.zeros(1, len(p), 8, 8), Window(0, 0, 8, 8, 8, 8), (7, 8, 8), [1], 3, tick)


def test_slices_in_which_nothing_was_looked_for_are_as_what_is_outside_of_the_window():
    logits = torch.full((2, 4, 8, 8), OUTSIDE)
    logits[1, 2] = 5.0
    labels, confidence, overlap = render(lambda p: logits[:, list(p)], Window(1, 1, 8, 8, 8, 8), (4, 10, 10), [1, 2], 1,
                                         lambda n: 0)  # fmt: skip
    assert labels[2, 1:9, 1:9].min() == 2
    assert not labels[[0, 1, 3]].any()
    np.testing.assert_allclose(confidence[0], confidence[2, 0, 0], rtol=1e-6)
    assert overlap[:, [0, 1, 3]].sum() == 0
