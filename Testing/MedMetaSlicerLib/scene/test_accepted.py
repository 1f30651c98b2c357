import numpy as np
import pytest


@pytest.fixture
def accepted(scene):
    from MedMetaSlicerLib.scene import accepted

    return accepted


def test_what_is_remembered_is_read_again_and_added_to(accepted, build):
    node, _ = build.segmentation(build.volume(), "Liver")
    assert accepted.record(node) == (None, {})
    accepted.remember(node, 2, {"a": {3: 17, 4: 18}})
    accepted.remember(node, 2, {"b": {3: 19}})
    assert accepted.record(node) == (2, {"a": {3: 17, 4: 18}, "b": {3: 19}})


def test_a_record_along_another_axis_replaces_what_was_there(accepted, build):
    node, _ = build.segmentation(build.volume(), "Liver")
    accepted.remember(node, 2, {"a": {3: 17}})
    accepted.remember(node, 0, {"b": {5: 1}})
    assert accepted.record(node) == (0, {"b": {5: 1}})


@pytest.mark.parametrize("text", ["", "no JSON", "[]", "{}", '{"axis": 2}', '{"axis": "x", "segments": {}}', "3"])
def test_a_record_that_cannot_be_read_counts_as_none(accepted, build, text):
    node, _ = build.segmentation(build.volume(), "Liver")
    node.SetAttribute(accepted.ATTRIBUTE, text)
    assert accepted.record(node) == (None, {})


@pytest.mark.parametrize("along", [0, 1, 2])
def test_a_checksum_does_not_depend_on_how_the_mask_was_cropped(accepted, along):
    rng = np.random.default_rng(0)
    mask = np.zeros((9, 10, 11), dtype=bool)
    mask[2:6, 3:8, 4:9] = rng.random((4, 5, 5)) < 0.5
    whole = accepted.checksumsOf(mask, along, (0, 0, 0))
    part = accepted.checksumsOf(mask[2:6, 3:8, 4:9], along, (2, 3, 4))
    assert whole == part
    assert len(whole) > 3


def test_one_voxel_changes_the_checksum_of_its_slice_alone(accepted):
    mask = np.ones((4, 5, 6), dtype=bool)
    before = accepted.checksumsOf(mask, 0, (0, 0, 0))
    mask[2, 1, 1] = False
    after = accepted.checksumsOf(mask, 0, (0, 0, 0))
    assert accepted.unchanged(after, before) == {0, 1, 3}


def test_a_moved_slice_has_another_checksum(accepted):
    mask = np.zeros((1, 8, 8), dtype=bool)
    mask[0, 2:4, 2:4] = True
    moved = np.roll(mask, 1, axis=2)
    assert accepted.checksumsOf(mask, 0, (0, 0, 0)) != accepted.checksumsOf(moved, 0, (0, 0, 0))
