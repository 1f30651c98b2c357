import numpy as np
import pytest
import torch

from medmeta.adaptation.frame import SliceFrame
from medmeta.adaptation.render import OUTSIDE, Canvas, in_volume, turned
from medmeta.episodes import Window
from medmeta.errors import Cancelled


def test_outside_the_window_is_background_and_sure():
    window = Window(2, 3, 4, 5, 4, 5)
    found = Canvas(window, (5, 10, 10), [300], 2).render(lambda p: torch.full((1, len(p), 4, 5), 3.0), lambda n: 0)
    expected = torch.zeros(5, 10, 10, dtype=torch.int64)
    expected[:, 2:6, 3:8] = 300
    assert torch.equal(found.labels, expected)
    assert found.confidence[:, 0].min() > 0.999
    # Sums over the window: 20 pixels, all of them found.
    both = 20 * float(torch.sigmoid(torch.tensor(3.0)))
    np.testing.assert_allclose(found.overlap, np.broadcast_to([both, both + 20, 20, 40], (1, 5, 4)), rtol=1e-5)


def test_every_slice_is_asked_for_once_and_counted():
    asked, ticks = [], []

    def logits(positions):
        asked.extend(positions)
        return torch.zeros(1, len(positions), 8, 8)

    Canvas(Window(0, 0, 8, 8, 8, 8), (7, 8, 8), [1], 3).render(logits, ticks.append)
    assert asked == list(range(7))
    assert ticks == [3, 3, 1]


def test_a_cancelled_tick_stops_it():
    def tick(_):
        raise Cancelled("cancelled")

    with pytest.raises(Cancelled):
        Canvas(Window(0, 0, 8, 8, 8, 8), (7, 8, 8), [1], 3).render(lambda p: torch.zeros(1, len(p), 8, 8), tick)


def test_slices_in_which_nothing_was_looked_for_are_as_what_is_outside_of_the_window():
    logits = torch.full((2, 4, 8, 8), OUTSIDE)
    logits[1, 2] = 5.0
    canvas = Canvas(Window(1, 1, 8, 8, 8, 8), (4, 10, 10), [1, 2], 1)
    found = canvas.render(lambda p: logits[:, list(p)], lambda n: 0)
    assert found.labels[2, 1:9, 1:9].min() == 2
    assert not found.labels[[0, 1, 3]].any()
    assert (found.confidence[0] - found.confidence[2, 0, 0]).abs().max() < 1e-6
    assert found.overlap[:, [0, 1, 3]].sum() == 0


def blob_logits(shape):
    """Two round structures side by side."""
    z, y, x = torch.meshgrid(*(torch.linspace(-1, 1, n) for n in shape), indexing="ij")
    return torch.stack([6 - 20 * (z**2 + y**2 + (x - middle) ** 2) for middle in (-0.4, 0.3)])


def test_labels_alone_are_those_of_what_is_rendered():
    logits = blob_logits((6, 12, 16))
    canvas = Canvas(Window(2, 3, 18, 24, 12, 16), (6, 30, 30), [1, 2], 4)
    labels = canvas.labels(lambda p: logits[:, p.start : p.stop], lambda n: 0)
    assert set(labels.unique().tolist()) == {0, 1, 2}
    assert torch.equal(labels, canvas.render(lambda p: logits[:, p.start : p.stop], lambda n: 0).labels)


def test_slices_of_which_there_are_no_logits_are_background_for_sure():
    logits, window = blob_logits((6, 12, 16)), Window(2, 3, 18, 24, 12, 16)
    told = (lambda p: logits[:, p.start : p.stop], lambda n: 0)
    alone = Canvas(window, (6, 30, 30), [1, 2], 4).render(*told)
    found = Canvas(window, (11, 30, 30), [1, 2], 4, slices=range(3, 9)).render(*told)
    assert torch.equal(found.labels[3:9], alone.labels)
    assert torch.equal(found.confidence[3:9], alone.confidence)
    np.testing.assert_array_equal(found.overlap[:, 3:9], alone.overlap)
    for part in (found.labels[:3], found.labels[9:], 1 - found.confidence[:3], 1 - found.confidence[9:]):
        assert not part.any()
    assert found.overlap[:, :3].sum() == found.overlap[:, 9:].sum() == 0


@pytest.mark.parametrize("order", ["C", "F"])
def test_slices_come_back_into_the_volume_as_it_lies_in_memory(order):
    volume = np.asarray(np.arange(24.0).reshape(2, 3, 4), order=order)
    frame = SliceFrame((2, 0, 1), (True, False, True), (1.0, 1.0, 1.0), np.eye(3))
    slices = torch.from_numpy(frame.to_slices(volume).copy())
    found = in_volume(slices, frame, volume, np.uint16)
    np.testing.assert_array_equal(found, volume)
    assert found.dtype == np.uint16
    assert found.strides == volume.astype(np.uint16, order="K").strides
    on_device = turned(slices, frame, volume)  # as on a GPU
    np.testing.assert_array_equal(on_device, volume)
    assert on_device.strides == volume.strides
