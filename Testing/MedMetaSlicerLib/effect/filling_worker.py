"""A worker whose engine fills between the drawn slices: quick, its answer is known, and slow when it is told so."""

import itertools
import sys
import time
from pathlib import Path
from types import SimpleNamespace

sys.path.insert(0, str(Path(__file__).parents[2] / "medmeta" / "worker"))

import numpy as np
from fake_worker import SLOW, FakeEngine

from medmeta.progress import Progress
from medmeta.worker.server import serve

COMMAND = [sys.executable, __file__]
STEPS, PAUSE = 4000, 0.005


def filled_between(labels, axis, slices):
    """(I, J, K) labels whose slices between two drawn ones are like the first of them: quicker than any other way."""
    labels = np.moveaxis(labels.copy(), axis, 0)
    for first, last in itertools.pairwise(slices):
        labels[first + 1 : last] = labels[first]
    return np.moveaxis(labels, 0, axis)


class FillingEngine(FakeEngine):
    """Fills with the drawn slice before; SLOW as seed takes its time, after a first answer."""

    def adapt(self, cases, *, seed, progress, preview, **options):
        filled = []
        for case in cases:
            drawn = case.annotation
            labels = filled_between(drawn.labels, drawn.axis, drawn.slices)
            answer = SimpleNamespace(labels=labels, segments=drawn.segments)
            filled.append(SimpleNamespace(volume=case.volume, annotation=answer))
        if seed == SLOW:
            preview(0, filled[0].annotation.labels.astype("uint8"))
            for step in range(STEPS):
                progress(Progress("adapt", step, STEPS))
                time.sleep(PAUSE)
        return super().adapt(filled, seed=0, progress=progress, preview=preview, **options)

    def suggest(self, *_, **__):
        return ()


if __name__ == "__main__":
    serve(FillingEngine, sys.argv[1])
