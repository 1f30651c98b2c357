import math

import torch

from medmeta.adaptation.calibration import FITTED, Calibration, places
from medmeta.episodes.channels import DISTANCES, FAR_SLICES, SEGMENT_CHANNELS, THERE


def slices(*neighbours):
    """Segment channels of slices with neighbours so many network pixels before and after; None for no neighbour."""
    segment = torch.zeros(len(neighbours), len(SEGMENT_CHANNELS), 4, 4)
    for row, pair in enumerate(neighbours):
        for distance, far, there in zip(pair, DISTANCES, THERE, strict=True):
            if distance is not None:
                segment[row, far], segment[row, there] = distance / FAR_SLICES, 1.0
    return segment


def test_places_are_told_by_the_nearest_annotated_slice():
    distance, beyond, known = places(slices((8, 4), (None, 16), (None, None)))
    assert torch.allclose(distance[:2], torch.tensor([4, 16]) / FAR_SLICES)
    assert beyond[:2].tolist() == [0, 1]
    assert known.tolist() == [True, True, False]


def test_the_temperature_follows_its_formula():
    calibration = Calibration(base=0.1, slope=0.8, beyond=0.3, other=-0.5)
    logits = torch.full((3, 1, 4, 4), 2.0)
    found = calibration(logits, slices((8, 4), (None, 16), (None, None)))[:, 0, 0, 0]
    expected = [2 * math.exp(-(0.1 + 0.8 * 4 / 32)), 2 * math.exp(-(0.1 + 0.8 * 0.5 + 0.3)), 2 * math.exp(0.5)]
    assert torch.allclose(found, torch.tensor(expected))
    assert torch.allclose(calibration.without_prior(logits), logits * math.exp(0.5))


def test_no_decision_is_turned_over():
    logits = torch.randn(2, 1, 4, 4)
    found = FITTED(logits, slices((3, 9), (None, 20)))
    assert torch.equal(found > 0, logits > 0)


def test_a_whole_volume_is_calibrated_as_its_slices_are():
    calibration = Calibration(base=0.1, slope=0.8, beyond=0.3, other=-0.5)
    logits = torch.randn(2, 3, 4, 4)
    # Slices 0 and 2 are drawn, or slice 1 alone; slices lie 4 network pixels apart.
    for positions, neighbours in (((0, 2), ((0, 8), (4, 4), (8, 0))), ((1,), ((None, 4), (0, 0), (4, None)))):
        found = calibration.of_volume(logits.clone(), positions, 4.0)
        for own, calibrated in zip(logits, found, strict=True):
            torch.testing.assert_close(calibrated[:, None], calibration(own[:, None], slices(*neighbours)))


def test_a_volume_in_which_nothing_is_drawn_has_a_temperature_of_its_own():
    calibration = Calibration(base=0.1, other=-0.5)
    logits = torch.randn(1, 3, 4, 4)
    torch.testing.assert_close(calibration.of_volume(logits.clone(), (), 4.0), calibration.without_prior(logits))
