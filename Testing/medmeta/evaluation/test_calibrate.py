import pytest
import torch

from medmeta.adaptation.calibration import Calibration
from medmeta.evaluation.calibrate import Samples, calibrate, same_volume


def samples(count=40_000, base=0.5, slope=1.0, beyond=0.4):
    """Pixels whose logits are too large by a known temperature."""
    torch.manual_seed(0)
    true = 2 * torch.randn(count)
    distance, side = torch.rand(count), (torch.rand(count) < 0.5).float()
    truth = (torch.rand(count) < torch.sigmoid(true)).float()
    return Samples(true * torch.exp(base + slope * distance + beyond * side), truth, distance, side)


def test_the_temperature_that_made_logits_too_large_is_found():
    found = calibrate(samples(), samples(slope=0.0, beyond=0.0))
    assert abs(found.base - 0.5) < 0.1
    assert abs(found.slope - 1.0) < 0.15
    assert abs(found.beyond - 0.4) < 0.1
    assert abs(found.other - 0.5) < 0.1


def test_the_calibration_error_falls():
    seen = samples()
    found = calibrate(seen)
    after = seen.error(seen.log_temperature(found.base, found.slope, found.beyond))
    assert after < 0.02 < seen.error(0.0)


def test_what_is_calibrated_already_stays_about_as_it_is():
    found = calibrate(samples(base=0.0, slope=0.0, beyond=0.0))
    assert max(abs(value) for value in (found.base, found.slope, found.beyond)) < 0.1
    assert found.other == Calibration().other


@pytest.mark.parametrize("walked", [False, True])
def test_samples_of_procedural_cohorts_are_taken_where_the_network_and_where_the_walk_decides(walked):
    found = same_volume([3], counts=(1,), walked=walked)
    assert len(found.logits) == len(found.truth) == len(found.distance) == len(found.beyond) > 1000
    assert ((found.logits > 0) == (found.truth > 0.5)).float().mean() > 0.7
    assert (found.distance > 0).all()  # none of the drawn slice
