import numpy as np
import pytest

from medmeta.evaluation.benchmark.measures import PeakMemory, calibration, surfaces


def ball(shift=0):
    i, j, k = np.mgrid[:24, :24, :24]
    return ((i - 12 - shift) ** 2 + (j - 12) ** 2 + (k - 12) ** 2 <= 36).astype(np.uint8)


def test_the_same_ball_has_a_perfect_surface():
    found = surfaces(ball(), ball(), (1,), (1.0, 1.0, 1.0))
    assert found == {"surface_dice_1mm": 1.0, "surface_dice_2mm": 1.0, "hausdorff95_mm": 0.0}


def test_a_shift_is_told_in_millimetres():
    found = surfaces(ball(2), ball(), (1,), (1.0, 1.0, 1.0))
    assert found["hausdorff95_mm"] == pytest.approx(2.0, abs=0.3)
    assert found["surface_dice_1mm"] < found["surface_dice_2mm"]
    assert surfaces(ball(2), ball(), (1,), (2.0, 1.0, 1.0))["hausdorff95_mm"] > 3


def test_a_label_that_was_not_found_has_no_distance():
    found = surfaces(0 * ball(), ball(), (1,), (1.0, 1.0, 1.0))
    assert found["hausdorff95_mm"] is None
    assert found["surface_dice_2mm"] == 0


def test_calibration_leaves_annotated_slices_out():
    reference, predicted = ball(), ball()
    predicted[:, :, 12] = 0
    confidence = np.ones(reference.shape)
    assert calibration(confidence, predicted, reference, axis=2, slices=(12,)) == 0
    assert calibration(confidence, predicted, reference, axis=2, slices=(3,)) > 0


def test_memory_that_is_taken_shows():
    memory = PeakMemory()
    if memory.gigabytes is None:
        pytest.skip("the largest memory is known on Linux alone")
    block = np.ones(40_000_000)
    assert memory.gigabytes >= block.nbytes / 1e9
