"""A thousand procedural volumes in one run, with memory that does not grow."""

import os

import numpy as np
import pytest

from medmeta.cohorts.process import process
from medmeta.synthesis import RandomCohort
from medmeta.volumes import Geometry, Volume, write_volume

COUNT = 1000
MOST_GROWTH = 10
"""MB in the later half; its volumes alone, were they kept, would be 16 MB."""


def resident():
    """MB of this process's memory."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def write_volumes(folder):
    """All of them from ten procedural cohorts, each volume with noise and a brightness of its own."""
    random, draw = np.random.default_rng(0), RandomCohort(subjects=5, size=(32, 32), slices=(8, 8), thickness=((1, 1),))
    subjects = [subject for seed in range(10) for subject in draw(seed).subjects]
    for number in range(COUNT):
        image = subjects[number % len(subjects)].image.numpy().transpose(2, 1, 0)
        image = 1000 * random.uniform(0.5, 2) * (image + random.normal(0, 0.03, image.shape))
        geometry = Geometry(image.shape, (1.0, 1.0, 2.5), (0.0, 0.0, 0.0), (1, 0, 0, 0, 1, 0, 0, 0, 1))
        write_volume(Volume(image.astype(np.float32), geometry), folder / f"p{number:04d}.nii.gz")


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="needs Linux's account of memory")
def test_a_thousand_cases_in_one_run_and_memory_does_not_grow(recipe, tmp_path):
    write_volumes(tmp_path / "in")
    memory = []

    def sample(event):
        if event.phase == "cases":
            memory.append(resident())

    outcome = process(tmp_path / "in", recipe, progress=sample)
    assert len(outcome.rows) == COUNT
    assert {row["status"] for row in outcome.rows} == {"done"}
    assert len(memory) == COUNT + 1
    assert sum(path.stat().st_size > 0 for path in (tmp_path / "out").glob("*_label.nii.gz")) == COUNT
    shown = ", ".join(f"{memory[n]:.0f}" for n in range(0, COUNT + 1, COUNT // 10))
    print(f"{outcome.seconds:.0f} s; MB after each hundred: {shown}")  # shown with -s or -rP
    assert max(memory[COUNT // 2 :]) - memory[COUNT // 2] < MOST_GROWTH
    again = process(tmp_path / "in", recipe)
    assert again.kept == COUNT
