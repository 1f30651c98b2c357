import pytest

from medmeta.evaluation.cancel import cancel_latencies
from medmeta.evaluation.speed import SpeedCase


@pytest.mark.slow
def test_a_small_case_is_cancelled_in_its_phases():
    found = cancel_latencies(SpeedCase(64, 20, 3, 1), learner="siamese", device="cpu", threads=1, moments=1)
    assert {latency.request for latency in found} <= {"adapt", "predict"}
    assert len({latency.phase for latency in found if latency.request == "adapt"}) >= 2
    assert all(latency.after >= 0 and 0 < latency.seconds < 10 for latency in found)
