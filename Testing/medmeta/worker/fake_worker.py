"""A worker with an engine that computes nothing: quick to start, and told by the seed how to behave.

The protocol, the process and the folder are the real ones.
"""

import json
import os
import sys
import time
from dataclasses import dataclass, field, replace
from itertools import repeat

import numpy as np

from medmeta.adaptation.expectation import ExpectedDice
from medmeta.adaptation.results import Adaptation, Prediction, SegmentQuality, Similarity
from medmeta.cohorts.lock import FILE
from medmeta.errors import CheckpointError, DeviceError
from medmeta.progress import Progress
from medmeta.worker.server import serve

QUICK, SLOW, CRASH, KILLED, NO_MEMORY, BUG, REFUSED, CHATTY, NOTICE = range(9)
NO_MEMORY_LINUX, NO_MEMORY_WINDOWS, ENDLESS, FULL = range(9, 13)
"""Seeds."""

ALLOCATORS = {
    NO_MEMORY_LINUX: "[enforce fail at alloc_cpu.cpp:117] . DefaultCPUAllocator: can't allocate memory: you tried",
    NO_MEMORY_WINDOWS: "[enforce fail at alloc_cpu.cpp:116] data. DefaultCPUAllocator: not enough memory: you tried",
}
"""What torch says."""

STEPS, PAUSE = 2000, 0.005

FAKE = [sys.executable, __file__]
"""Its command."""


def left(client):
    """Endings of the files in the shared folder, but for its lock."""
    return sorted(path.suffix for path in client.folder.path.iterdir() if path.name != FILE)


def poll_until(client, condition, seconds=20.0):
    """Polls until something is so."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "nothing came of it"
        client.poll()
        time.sleep(0.002)


@dataclass
class FakeTask:
    segments: tuple
    provenance: dict = field(default_factory=lambda: {"device": "cpu"})


class FakeEngine:
    device = "cpu"

    def adapt(self, cases, *, seed, progress, preview, notice, start, **_):
        labels = [case.annotation.labels.astype(np.uint8) for case in cases]
        if os.name != "nt":
            _largest_file(labels[0].nbytes if seed == FULL else None)  # there is room for label maps alone
        if preview:
            for number, array in enumerate(labels):
                preview(number, array)
        for step in range(STEPS if seed == SLOW else 3):
            progress(Progress("adapt", step, STEPS, loss=1 / (1 + step)))
            time.sleep(PAUSE)
        if seed == CRASH:
            print("the driver is gone", file=sys.stderr, flush=True)
            os._exit(3)
        if seed == KILLED:
            os.kill(os.getpid(), 9)
        if seed == NO_MEMORY:
            raise MemoryError
        if seed in ALLOCATORS:
            raise RuntimeError(ALLOCATORS[seed])
        if seed == BUG:
            raise KeyError("what")
        if seed == REFUSED:
            raise DeviceError("Device 'cuda' is not available: choose auto or cpu.")
        if seed == CHATTY:
            print("a library talks")
            os.system("echo and so does its child")
        if seed == NOTICE:
            notice("Going on on the CPU.")
        segments = cases[0].annotation.segments
        quality = tuple(
            SegmentQuality(s, 0.5, None, "siamese", {"siamese": 0}, 8.0, {"siamese": 0.5}) for s in segments
        )
        predictions = tuple(
            Prediction(
                replace(case.volume, array=array),
                replace(case.volume, array=array.astype(np.float32)),
                ExpectedDice((0.9,) * len(segments), np.full((len(segments), 4), np.nan)),
            )
            for case, array in zip(cases, labels, strict=True)
        )
        if seed == ENDLESS:  # it is written until somebody ends it
            predictions = repeat(predictions[0])
        return Adaptation(FakeTask(segments), predictions, quality, 0.1)

    def predict(self, task, volume, *, progress, **_):
        progress(Progress("predict", 1, 1))
        labels = (volume.array > volume.array.mean()).astype(np.uint8)
        return Prediction(
            replace(volume, array=labels), replace(volume, array=labels.astype(np.float32)), None, Similarity(0.1, 0.4)
        )

    def match(self, paths, volume, *, progress, **_):
        """A file's distance is the length of its name."""
        found = []
        for number, path in enumerate(paths, 1):
            try:
                self.load(path)
                found.append(Similarity(len(path.stem) / 100, 0.4))
            except (OSError, ValueError):
                found.append(CheckpointError(f"Task {path} cannot be read: adapt again."))
            progress(Progress("match", number, len(paths)))
            time.sleep(PAUSE)
        return found

    def save(self, task, path):
        names = [[s.value, s.name, s.color] for s in task.segments]
        path.write_text(json.dumps(names), encoding="utf-8")

    def load(self, path):
        from medmeta.annotations import Segment

        return FakeTask(tuple(Segment(v, n, tuple(c)) for v, n, c in json.loads(path.read_text(encoding="utf-8"))))


def _largest_file(size):
    """Bytes that a file may have from now on; None for any."""
    import resource

    most = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (most if size is None else size, most))


if __name__ == "__main__":
    serve(FakeEngine, sys.argv[1])
