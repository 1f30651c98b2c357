import json

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
