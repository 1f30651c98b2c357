"""A worker whose engine repeats the nearest drawn slice: quick, and its answer is known.

Seeds mean what they mean to fake_worker.
"""

import json
import struct
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "medmeta" / "worker"))

from fake_worker import FakeEngine, FakeTask

from medmeta.adaptation.results import Similarity
from medmeta.adaptation.task_header import FORMAT, read_task_header
from medmeta.errors import VolumeError
from medmeta.progress import Progress
from medmeta.worker.server import serve

FILLING = [sys.executable, __file__]
"""Its command."""


def nearest(annotation):
    """The label map with each slice that is not drawn like the nearest one that is."""
    slices = np.moveaxis(annotation.labels, annotation.axis, 0)
    drawn = np.array(annotation.slices)
    chosen = drawn[np.abs(np.arange(len(slices))[:, None] - drawn).argmin(axis=1)]
    return np.moveaxis(slices[chosen], 0, annotation.axis).astype(np.uint8)


class FillingEngine(FakeEngine):
    """Fills; predicts volumes by a threshold, and fails at a constant one."""

    def adapt(self, cases, *, start, **options):
        filled = [replace(c, annotation=replace(c.annotation, labels=nearest(c.annotation))) for c in cases]
        adaptation = super().adapt(filled, start=start, **options)
        adaptation.task.provenance["started"] = start is not None
        return adaptation

    def predict(self, task, volume, *, progress, **_):
        if np.ptp(volume.array) == 0:
            raise VolumeError("The volume is constant.")
        prediction = super().predict(task, volume, progress=lambda event: None)
        for step in range(20):
            progress(Progress("predict", step, 20))
        return replace(prediction, similarity=Similarity(float(volume.array.min() < -1000), 0.4))

    def save(self, task, path):
        """A file whose header is as a task's."""
        segments = [{"value": s.value, "name": s.name, "color": s.color, "terminology": ""} for s in task.segments]
        provenance = {"learner": "nearest", "for_other_volumes": True}
        header = {"format": FORMAT, "segments": segments, "provenance": provenance}
        fields = json.dumps({"__metadata__": {"medmeta": json.dumps(header)}}).encode()
        path.write_bytes(struct.pack("<Q", len(fields)) + fields)

    def load(self, path):
        return FakeTask(read_task_header(path).segments)


if __name__ == "__main__":
    serve(FillingEngine, sys.argv[1])
