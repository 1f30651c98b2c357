"""Between two chances to cancel little is computed, whatever the phase."""

from collections import Counter

import pytest

from medmeta.adaptation import AdaptationSettings, adapt, predict
from medmeta.errors import Cancelled
from medmeta.networks.segmentation import ImageEncoder, SegmentBranch


@pytest.fixture
def forwards(monkeypatch):
    """Counts passes through parts of networks between two reports of progress, and keeps the most of each phase."""
    count, most = 0, Counter()

    def counted(forward):
        def call(*arguments):
            nonlocal count
            count += 1
            return forward(*arguments)

        return call

    for part in (ImageEncoder, SegmentBranch):
        monkeypatch.setattr(part, "forward", counted(part.forward))

    def progress(event):
        nonlocal count
        most[event.phase] = max(most[event.phase], count)
        count = 0

    return progress, most


def test_few_passes_through_a_network_lie_between_two_chances_to_cancel(scan, annotated, checkpoint, forwards):
    volume, labels = scan()
    progress, most = forwards
    settings = AdaptationSettings(steps=(0, 2), usual_steps=2, folds=2, other_steps=3)
    task = adapt(
        [annotated(volume, labels)], checkpoint=checkpoint, device="cpu", settings=settings, progress=progress
    ).task
    large, _ = scan(size=(120, 132, 10))  # several tiles a slice
    predict(task, large, device="cpu", checkpoint=checkpoint, progress=progress)
    assert {"adapt", "check", "predict", "cohort"} <= set(most)
    assert max(most.values()) <= 4, most  # a task's signature, and its check before it predicts


def test_the_clean_up_can_be_cancelled(scan, annotated, checkpoint):
    volume, labels = scan()
    settings, ended = AdaptationSettings(steps=(0,), usual_steps=0, folds=1, for_other_volumes=False), []

    def cancel(event):
        if event.phase == "refine" and event.done == event.total:
            ended.append(event)
            if len(ended) == 3:  # past the walks' own end
                raise Cancelled("enough")

    with pytest.raises(Cancelled):
        adapt([annotated(volume, labels)], checkpoint=checkpoint, device="cpu", settings=settings, progress=cancel)
