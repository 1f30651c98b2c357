import numpy as np
import pytest

from medmeta.adaptation import Predictor, predict
from medmeta.errors import CheckpointError, VolumeError
from medmeta.volumes import Geometry, Volume


def test_a_volume_stored_the_other_way_round_gets_the_same_labels(scan, task, checkpoint):
    other, _ = scan(shift=0.1)
    g = other.geometry
    turned = Volume(
        other.array.transpose(2, 0, 1)[::-1],
        Geometry(
            (g.size[2], g.size[0], g.size[1]),
            (g.spacing[2], g.spacing[0], g.spacing[1]),
            g.origin,
            (0, 1, 0, 0, 0, 1, -1, 0, 0),
        ),
    )
    straight = predict(task, other, device="cpu", checkpoint=checkpoint).labels.array
    back = predict(task, turned, device="cpu", checkpoint=checkpoint).labels.array[::-1].transpose(1, 2, 0)
    np.testing.assert_array_equal(back, straight)


def test_a_predictor_remembers_nothing_of_the_volume_before(scan, task, checkpoint):
    volume, _ = scan()
    other, _ = scan(size=(50, 38, 9), spacing=(0.9, 1.1, 4.0), shift=0.1)
    predictor = Predictor(task, "cpu", checkpoint)
    predictor(volume)
    warm, cold = predictor(other), predict(task, other, device="cpu", checkpoint=checkpoint)
    np.testing.assert_array_equal(warm.labels.array, cold.labels.array)
    np.testing.assert_array_equal(warm.confidence.array, cold.confidence.array)
    assert warm.similarity == cold.similarity


def test_a_task_of_other_weights_is_refused(scan, task, checkpoint):
    volume, _ = scan()
    task.checkpoint["sha256"] = "0"
    with pytest.raises(CheckpointError, match="other weights"):
        predict(task, volume, device="cpu", checkpoint=checkpoint)


def test_the_prediction_lies_on_the_grid_of_its_own_volume(scan, task, checkpoint):
    other, _ = scan(size=(50, 38, 9), spacing=(0.9, 1.1, 4.0), shift=0.1)
    result = predict(task, other, device="cpu", checkpoint=checkpoint)
    assert result.labels.geometry == result.confidence.geometry == other.geometry
    assert result.labels.array.shape == other.array.shape


def test_a_constant_volume_is_refused_by_name(scan, task, checkpoint):
    volume, _ = scan()
    with pytest.raises(VolumeError, match=r"flat\.nii"):
        predict(task, Volume(np.ones_like(volume.array), volume.geometry, "flat.nii"), checkpoint=checkpoint)


def test_random_walks_take_part_unless_told_not_to(scan, task, checkpoint):
    other, _ = scan(shift=0.1)
    where = {"device": "cpu", "checkpoint": checkpoint}
    walked = predict(task, other, **where).confidence.array
    plain = predict(task, other, **where, walk=None).confidence.array
    assert np.abs(walked - plain).max() > 0.05
