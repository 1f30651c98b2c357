from dataclasses import replace

import numpy as np
import pytest
import torch

from medmeta.adaptation import AdaptationSettings, AdaptedTask, adapt, predict
from medmeta.errors import CheckpointError

QUICK = AdaptationSettings(steps=(0, 2), usual_steps=2, folds=2, other_steps=3)


def run(cases, checkpoint, settings=QUICK, **more):
    return adapt(cases, checkpoint=checkpoint, device="cpu", settings=settings, **more)


def test_a_saved_task_predicts_as_the_task_itself(scan, checkpoint, tmp_path, task):
    task.save(tmp_path / "task.safetensors")
    loaded = AdaptedTask.load(tmp_path / "task.safetensors")
    assert loaded.segments == task.segments
    other, _ = scan(shift=0.1)
    one, two = (predict(t, other, device="cpu", checkpoint=checkpoint) for t in (task, loaded))
    np.testing.assert_array_equal(one.confidence.array, two.confidence.array)
    assert one.labels.geometry == other.geometry


def test_a_damaged_task_is_refused(tmp_path):
    (tmp_path / "task.safetensors").write_bytes(b"\x08\x00\x00\x00\x00\x00\x00\x00{}      ")
    with pytest.raises(CheckpointError, match=r"task\.safetensors"):
        AdaptedTask.load(tmp_path / "task.safetensors")
    with pytest.raises(CheckpointError, match="does not exist"):
        AdaptedTask.load(tmp_path / "none.safetensors")


def test_weights_that_are_not_those_that_were_written_are_refused(tmp_path, task):
    path = tmp_path / "task.safetensors"
    task.save(path)
    path.write_bytes(path.read_bytes()[:-3] + b"zzz")
    with pytest.raises(CheckpointError, match="damaged"):
        AdaptedTask.load(path)


def test_a_task_says_when_it_was_made_by_a_version_to_come(tmp_path, replace_header, task):
    path = tmp_path / "task.safetensors"
    task.save(path)
    path.write_bytes(replace_header(path.read_bytes(), lambda header: {**header, "format": "medmeta-task-9"}))
    with pytest.raises(CheckpointError, match="medmeta-task-4"):
        AdaptedTask.load(path)


def test_a_task_without_template_holds_no_voxels(scan, annotated, checkpoint, tmp_path, task):
    volume, labels = scan()
    without = run([annotated(volume, labels)], checkpoint, replace(QUICK, template=False)).task
    sizes = []
    for one, templates in ((task, 1), (without, 0)):
        one.save(tmp_path / "task.safetensors")
        sizes.append((tmp_path / "task.safetensors").stat().st_size)
        assert len(AdaptedTask.load(tmp_path / "task.safetensors").templates) == templates
    assert volume.array.size <= sizes[0] - sizes[1] < 3 * volume.array.size


def test_a_task_holds_no_name_of_a_file_or_patient(scan, annotated, checkpoint, tmp_path):
    volume, labels = scan()
    case = annotated(replace(volume, name="DOE^JANE.nii"), labels)
    run([case], checkpoint).task.save(tmp_path / "task.safetensors")
    assert b"DOE" not in (tmp_path / "task.safetensors").read_bytes()


def test_what_all_segments_share_is_kept(tmp_path, task):
    assert task.shared
    task.save(tmp_path / "task.safetensors")
    loaded = AdaptedTask.load(tmp_path / "task.safetensors")
    assert loaded.shared.keys() == task.shared.keys()
    assert all(torch.equal(loaded.shared[name], value) for name, value in task.shared.items())


def test_a_task_that_cannot_be_written_says_where_to_and_leaves_nothing(tmp_path, task):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(CheckpointError, match="choose another folder"):
        task.save(tmp_path / "file" / "task.safetensors")
    (tmp_path / "task.safetensors").mkdir()  # in its place
    with pytest.raises(CheckpointError, match="choose another folder"):
        task.save(tmp_path / "task.safetensors")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "task.safetensors"]
