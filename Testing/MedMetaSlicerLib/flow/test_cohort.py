import json
import sys
from pathlib import Path

import numpy as np
import pytest
import slicer

CASE = "MedMetaSlicer.Case"


def addVolume(desk, name, array=None):
    values = slicer.util.arrayFromVolume(desk.volumeNode).copy() if array is None else array
    node = slicer.util.addVolumeFromArray(values, name=name)
    node.CopyOrientation(desk.volumeNode)
    return node


@pytest.fixture
def three(desk):
    """A desk with three more volumes, one of which cannot be predicted."""
    desk.others = [
        addVolume(desk, "good"),
        addVolume(desk, "constant", np.zeros(desk.ball.shape, np.float32)),
        addVolume(desk, "unlike", slicer.util.arrayFromVolume(desk.volumeNode) - 5000),
    ]
    desk.adapt()
    desk.bench.cohort.refresh()
    return desk


def statuses(desk):
    return {item.name: item.status for item in desk.bench.cohort.items}


def run(desk):
    desk.bench.cohort.start()
    desk.finish()


def test_all_other_volumes_of_the_scene_are_listed_and_the_drawn_one_is_not(three):
    assert statuses(three) == {"good": "waiting", "constant": "waiting", "unlike": "waiting"}


def test_one_that_fails_stops_no_other(three):
    run(three)
    assert statuses(three) == {"good": "done", "constant": "failed", "unlike": "done"}
    (failed,) = [item for item in three.bench.cohort.items if item.status == "failed"]
    assert "constant" in failed.message


def test_what_failed_is_still_known_when_the_scene_is_looked_at_again(three):
    run(three)
    addVolume(three, "new")
    three.bench.cohort.refresh()
    assert statuses(three) == {"good": "done", "constant": "failed", "unlike": "done", "new": "waiting"}
    assert "constant" in next(item.message for item in three.bench.cohort.items if item.status == "failed")


def test_results_are_new_segmentations_and_the_unlike_one_is_told(three):
    drawn = three.mask()
    run(three)
    results = [n for n in slicer.util.getNodesByClass("vtkMRMLSegmentationNode") if n.GetAttribute(CASE)]
    assert sorted(n.GetName() for n in results) == ["good MedMeta", "unlike MedMeta"]
    similar = {item.name: item.similarity for item in three.bench.cohort.items if item.similarity}
    assert similar["good"][0] <= similar["good"][1]
    assert similar["unlike"][0] > similar["unlike"][1]
    assert np.array_equal(three.mask(), drawn)


def test_what_is_done_is_found_again_in_a_loaded_scene_and_only_the_rest_is_done(three):
    run(three)
    first = [item.result for item in three.bench.cohort.items]
    slicer.util.updateVolumeFromArray(three.others[1], slicer.util.arrayFromVolume(three.volumeNode).copy())
    three.bench.cohort.forget()
    three.bench.cohort.refresh()
    assert statuses(three) == {"good": "done", "constant": "waiting", "unlike": "done"}
    run(three)
    assert statuses(three) == {"good": "done", "constant": "done", "unlike": "done"}
    assert next(item.result for item in three.bench.cohort.items) == first[0]


def test_accepted_and_rejected_are_kept_with_the_result(three):
    run(three)
    good, _, unlike = three.bench.cohort.items
    three.bench.cohort.judge(good, "accepted")
    three.bench.cohort.judge(unlike, "rejected")
    rejected = slicer.mrmlScene.GetNodeByID(unlike.result)
    assert json.loads(rejected.GetAttribute(CASE))["status"] == "rejected"
    assert not rejected.GetDisplayVisibility()
    three.bench.cohort.refresh()
    assert statuses(three)["good"] == "accepted"
    assert statuses(three)["unlike"] == "rejected"


def test_cancel_keeps_what_is_done_and_the_rest_can_be_done_later(three):
    three.bench.cohort.start()
    three.loop.until(lambda: "done" in statuses(three).values())
    three.bench.cohort.cancel()
    three.finish(seconds=2)
    assert statuses(three)["good"] == "done"
    assert three.errors == []
    run(three)
    assert "waiting" not in statuses(three).values()


def test_a_volume_that_is_deleted_meanwhile_fails_alone(three, scene):
    scene.RemoveNode(three.others[0])
    run(three)
    assert statuses(three)["unlike"] == "done"
    assert statuses(three).get("good") in (None, "failed")


def test_only_the_volumes_of_the_chosen_folder_are_listed(three, scene):
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    folder = hierarchy.CreateFolderItem(hierarchy.GetSceneItemID(), "Follow-up")
    hierarchy.CreateItem(folder, three.others[2])  # Slicer's plugins do so by themselves
    three.p.cohortSource, three.p.cohortFolder = "folder of the scene", "Follow-up"
    three.bench.cohort.refresh()
    assert list(statuses(three)) == ["unlike"]
    assert "Follow-up" in three.bench.cohort.folders()


def test_before_anything_is_adapted_there_is_nothing_to_predict_by(desk):
    addVolume(desk, "good")
    desk.bench.cohort.refresh()
    assert not desk.bench.cohort.possible


def test_the_task_is_kept_so_that_another_day_needs_no_drawing(three):
    run(three)
    assert three.p.task
    three.bench.adapting.forget()
    addVolume(three, "later")
    three.bench.cohort.refresh()
    assert three.bench.cohort.possible
    run(three)
    assert statuses(three)["later"] == "done"


@pytest.fixture
def onDisk(desk, tmp_path, monkeypatch):
    """A desk whose other volumes are files, by a stand-in for the command that predicts them."""
    from MedMetaSlicerLib.work.folder_cohort import FolderCohort

    fake = Path(__file__).parents[1] / "work" / "fake_cohort.py"
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nshift 2\nexec "{sys.executable}" "{fake}" "$@"\n', encoding="utf-8")
    python.chmod(0o755)
    monkeypatch.setenv("FAKE_COHORT", "works")
    desk.bench.makeFolderCohort = lambda *place: FolderCohort(python, *place, desk.loop.timer())
    (tmp_path / "in").mkdir()
    for name in "abc":
        (tmp_path / "in" / f"{name}.nrrd").write_bytes(b"")
    desk.adapt()
    desk.p.cohortSource = "folder on disk"
    desk.p.cohortInput, desk.p.cohortOutput = tmp_path / "in", tmp_path / "out"
    desk.bench.cohort.refresh()
    return desk


def test_a_folder_on_disk_is_worked_on_and_judged(onDisk, tmp_path):
    run(onDisk)
    assert statuses(onDisk) == {"a": "done", "b": "failed", "c": "done"}
    onDisk.bench.cohort.judge(onDisk.bench.cohort.items[0], "accepted")
    onDisk.bench.cohort.forget()
    onDisk.bench.cohort.refresh()
    assert statuses(onDisk)["a"] == "accepted"


def test_a_case_on_disk_is_loaded_once_with_its_result(onDisk, scene, monkeypatch, tmp_path):
    loaded = []

    def load(kind):
        def read(path, properties=None):
            loaded.append(Path(path).name)
            return scene.AddNewNodeByClass(kind)

        return read

    monkeypatch.setattr(slicer.util, "loadVolume", load("vtkMRMLScalarVolumeNode"))
    monkeypatch.setattr(slicer.util, "loadSegmentation", load("vtkMRMLSegmentationNode"))
    monkeypatch.setattr(onDisk.bench, "lookAt", lambda *nodes: None)  # there are no views
    run(onDisk)
    for _ in range(2):
        onDisk.bench.cohort.open(onDisk.bench.cohort.items[0])
    assert loaded == ["a.nrrd", "a_label.nii.gz"]


def test_of_a_dicom_folder_a_file_is_loaded_which_brings_the_others(onDisk, scene, monkeypatch, tmp_path):
    import SimpleITK as sitk

    folder = tmp_path / "in" / "a"
    folder.mkdir()
    (folder / ".notes").write_text("no image")
    (folder / "about.txt").write_text("no image")
    sitk.WriteImage(sitk.Image(4, 4, sitk.sitkUInt16), folder / "slice.dcm")
    loaded = []

    def load(path, properties):
        loaded.append((Path(path), properties["name"]))
        return scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")

    monkeypatch.setattr(slicer.util, "loadVolume", load)
    monkeypatch.setattr(
        slicer.util, "loadSegmentation", lambda path: scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    )
    monkeypatch.setattr(onDisk.bench, "lookAt", lambda *nodes: None)  # there are no views
    run(onDisk)
    monkeypatch.setattr(onDisk.bench.cohort.run, "volume", lambda key: folder)
    onDisk.bench.cohort.open(onDisk.bench.cohort.items[0])
    assert loaded == [(folder / "slice.dcm", "a")]
