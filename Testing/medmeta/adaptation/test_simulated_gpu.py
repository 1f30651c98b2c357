"""Everything is computed on one device, shown where there is no GPU."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest
import simulated_gpu


@pytest.fixture(scope="module")
def apart():
    """Calls a function in a process of its own, the same for all tests."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        yield lambda function, *arguments: pool.submit(function, *arguments).result()


def test_a_simulated_gpu_refuses_tensors_of_the_cpu(apart):
    assert "expected all tensors to be on the same device" in apart(simulated_gpu.mixed)


@pytest.mark.parametrize(
    ("learner", "slices", "others"),
    [("auto", (4,), False), ("auto", (2, 4, 6), True), ("lstm", (3, 5), False)],
)
def test_nothing_is_left_on_the_cpu_when_a_gpu_computes(apart, scan, annotated, learner, slices, others):
    small = (24, 26, 9)
    case = annotated(*scan(small), slices=slices)
    found = apart(simulated_gpu.compare, [case], scan(small, shift=0.1)[0] if others else None, learner)
    (there, name), (here, cpu) = found[simulated_gpu.NAME], found["cpu"]
    assert (name, cpu) == ("simulated:0", "cpu")
    assert len(there) == len(here) == (4 if others else 2)
    for labels, other in zip(there[::2], here[::2], strict=True):
        assert set(np.unique(labels)) == {0, 1, 2}
        assert (labels == other).mean() > 0.999
    for sure, other in zip(there[1::2], here[1::2], strict=True):
        assert np.abs(sure - other).mean() < 1e-3
