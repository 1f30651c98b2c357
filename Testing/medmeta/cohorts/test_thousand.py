"""A thousand procedural volumes in one run, with memory that does not grow."""

import os

import numpy as np
import pytest

from medmeta.cohorts.process import process
from medmeta.synthesis import RandomCohort
from medmeta.volumes import Geometry, Volume, write_volume

COUNT = 1000
MOST_GROWTH = 30
"""MB in the later half: 0.06 MB a case; a single volume kept with what is computed of it would be more."""


def resident():
    """MB of this process's memory."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def write_volumes(folder):
    """All of them from ten procedural cohorts, each volume with noise and a brightness of its own."""
    random, draw = np.random.default_rng(0), RandomCohort(subjects=5, size=(24, 24), slices=(6, 6))
    subjects = [subject for seed in range(10) for subject in draw(seed).subjects]
    for number in range(COUNT):
        image = subjects[number % len(subjects)].image.numpy().transpose(2, 1, 0)
        image = 1000 * random.uniform(0.5, 2) * (image + random.normal(0, 0.03, image.shape))
        geometry = Geometry(image.shape, (1.0, 1.0, 2.5), (0.0, 0.0, 0.0), (1, 0, 0, 0, 1, 0, 0, 0, 1))
        write_volume(Volume(image.astype(np.int16), geometry), folder / f"p{number:04d}.nii.gz")


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="needs Linux's account of memory")
def test_a_thousand_cases_in_one_run_and_memory_does_not_grow(recipe, tmp_path, record_property):
    write_volumes(tmp_path / "in")
    memory = []

    def sample(event):
        if event.phase == "cases":
            memory.append(resident())

    outcome = process(tmp_path / "in", recipe, progress=sample)
    assert len(outcome.rows) == COUNT
    assert {row["status"] for row in outcome.rows} == {"done"}
    assert len(memory) == COUNT + 1
    for name, value in (("seconds", outcome.seconds), ("half", memory[COUNT // 2]), ("end", memory[-1])):
        record_property(name, round(value, 1))
    assert max(memory[COUNT // 2 :]) - memory[COUNT // 2] < MOST_GROWTH
    again = process(tmp_path / "in", recipe)
    assert again.kept == COUNT
