from dataclasses import replace

import numpy as np
import pytest

from medmeta.adaptation import AdaptationSettings, adapt, predict
from medmeta.transfer.similarity import Similarity, compare, rank

QUICK = AdaptationSettings(steps=(0,), usual_steps=0, folds=2, other_steps=2)


@pytest.fixture(scope="module")
def task(scan, annotated, checkpoint):
    volume, labels = scan()
    return adapt([annotated(volume, labels)], checkpoint=checkpoint, device="cpu", settings=QUICK).task


def stripes(volume):
    """Another image on the same grid."""
    i = np.arange(volume.array.shape[0])[:, None, None]
    return replace(volume, array=np.broadcast_to(100.0 * (i % 8 < 4), volume.array.shape).astype(np.float32))


def test_the_annotated_volume_itself_is_in_range_and_nearest(task, scan):
    volume, _ = scan()
    own = compare(task, volume, "cpu")
    assert own.distance < 1e-3
    assert own.in_range


def test_another_subject_is_nearer_than_another_image(task, scan):
    alike, _ = scan(shift=0.1)
    assert compare(task, alike, "cpu").distance < compare(task, stripes(alike), "cpu").distance


def test_a_volume_that_lies_otherwise_gives_the_same_distance(task, scan):
    volume, _ = scan(shift=0.1)
    flipped = replace(
        volume,
        array=np.ascontiguousarray(volume.array[::-1]),
        geometry=replace(volume.geometry, direction=(-1.0, 0, 0, 0, 1, 0, 0, 0, 1)),
    )
    assert compare(task, flipped, "cpu").distance == pytest.approx(compare(task, volume, "cpu").distance, abs=1e-5)


def test_the_threshold_is_still_in_range():
    assert Similarity(0.5, 0.5).in_range
    assert not Similarity(0.51, 0.5).in_range


def test_a_prediction_says_how_far_the_volume_is(task, scan, checkpoint):
    volume, _ = scan(shift=0.1)
    prediction = predict(task, volume, device="cpu", checkpoint=checkpoint)
    assert prediction.similarity == compare(task, volume, "cpu")


def test_the_saved_task_that_suits_a_volume_comes_first(task, scan, annotated, checkpoint):
    volume, labels = scan()
    other = adapt([annotated(stripes(volume), labels)], checkpoint=checkpoint, device="cpu", settings=QUICK).task
    alike, _ = scan(shift=0.1)
    assert [name for name, _ in rank({"stripes": other, "organs": task}, alike, "cpu")] == ["organs", "stripes"]
    found = rank({"stripes": other, "organs": task}, stripes(alike), "cpu")
    assert [name for name, _ in found] == ["stripes", "organs"]
