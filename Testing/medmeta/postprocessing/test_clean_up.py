import numpy as np
import pytest
import torch

from medmeta.postprocessing.clean_up import LEAST_SHARE, clean


def cleaned(labels, confidence, values, annotated=()):
    """A cleaned copy of both."""
    found = torch.from_numpy(labels.copy()), torch.from_numpy(confidence.copy())
    clean(*found, values, annotated)
    return tuple(part.numpy() for part in found)


def clean_up(labels, values, annotated=()):
    """The labels alone."""
    return cleaned(labels, np.ones(labels.shape, np.float32), values, annotated)[0]


def volume():
    """A block of segment 1 on slices 1 to 6."""
    labels = np.zeros((8, 20, 20), np.uint8)
    labels[1:7, 4:14, 4:14] = 1
    return labels


def test_a_part_that_touches_nothing_drawn_goes():
    labels = volume()
    labels[3, 17:19, 17:19] = 1
    assert (clean_up(labels, (1,), annotated=(2, 5)) == volume()).all()


def test_branches_stay_where_each_is_drawn_somewhere():
    labels = np.zeros((8, 20, 20), np.uint8)
    labels[0:8, 2:6, 2:6] = labels[0:8, 12:16, 12:16] = 1
    assert (clean_up(labels, (1,), annotated=(3,)) == labels).all()


def test_an_enclosed_hole_is_filled_and_an_open_one_is_not():
    labels = volume()
    labels[3:5, 8:10, 8:10] = 0
    assert (clean_up(labels, (1,), annotated=(1, 6)) == volume()).all()
    labels[3:5, 4:10, 8:10] = 0
    assert (clean_up(labels, (1,), annotated=(1, 6)) == labels).all()


@pytest.mark.parametrize("values", [(1, 2), (2, 1)])
def test_a_stray_part_inside_another_segment_leaves_no_hole_whatever_the_order(values):
    labels = volume()
    labels[3:5, 8:10, 8:10] = 2
    labels[6, 16:19, 16:19] = 2
    wanted = volume()
    wanted[6, 16:19, 16:19] = 2
    assert (clean_up(labels, values, annotated=(1, 6)) == wanted).all()


def test_a_hole_that_was_drawn_stays():
    labels = volume()
    labels[3:5, 8:10, 8:10] = 0
    assert (clean_up(labels, (1,), annotated=(1, 4)) == labels).all()


def test_annotated_slices_and_other_segments_stay():
    labels = volume()
    labels[3, 8:10, 8:10] = 2
    labels[2, 17, 17] = 1
    found = clean_up(labels, (1, 2), annotated=(2, 3))
    assert (found == labels).all()


def test_where_nothing_is_drawn_only_small_parts_go():
    labels = volume()
    large = round(LEAST_SHARE * 600) + 2
    labels[0].ravel()[:large] = 1
    assert clean_up(labels, (1,))[0, 0, 0] == 1
    labels[0] = 0
    labels[0, 0, 0] = 1
    assert clean_up(labels, (1,))[0, 0, 0] == 0


def test_the_confidence_of_what_changed_is_that_of_the_new_label():
    labels, confidence = volume(), np.full((8, 20, 20), 0.9, np.float32)
    labels[3, 18, 18] = 1
    found, sure = cleaned(labels, confidence, (1,), annotated=(2,))
    assert found[3, 18, 18] == 0
    assert np.isclose(sure[3, 18, 18], 0.1)
    assert (sure[volume() > 0] == np.float32(0.9)).all()


def test_a_segment_that_is_not_there_is_no_error():
    assert (clean_up(volume(), (1, 7), annotated=(2,)) == volume()).all()


def test_only_background_that_no_side_of_the_structures_box_can_reach_is_filled():
    labels = np.zeros((5, 7, 7), np.uint8)
    labels[1:4, 1:6, 1:6] = 1
    labels[2, 2:4, 2:4] = 0  # enclosed
    labels[2, 4, 4:] = 0  # open to one side
    found = clean_up(labels, [1])
    assert (found[2, 2:4, 2:4] == 1).all()
    assert (found[2, 4, 4:] == 0).all()
    assert (found != labels).sum() == 4


def test_confidence_turns_where_labels_were_changed():
    labels = np.zeros((3, 6, 6), np.uint8)
    labels[:, 1:4, 1:4] = 1
    labels[1, 2, 2] = 0
    before = np.full(labels.shape, 0.8, np.float32)
    found, sure = cleaned(labels, before, [1])
    assert found[1, 2, 2] == 1
    assert (sure != before).nonzero() == ([1], [2], [2])
    assert np.isclose(sure[1, 2, 2], 0.2)


@pytest.mark.parametrize("annotated", [(), (4,), (1, 4)])
def test_where_the_labels_lie_in_the_volume_makes_no_difference(annotated):
    labels = np.zeros((8, 12, 12), np.uint8)
    labels[3:6, 4:8, 2:9] = 1
    labels[5, 10, 10] = 1
    found = clean_up(labels, [1], annotated)
    assert not found[5, 10, 10]
    moved = clean_up(np.roll(labels, (1, 1, 2), (0, 1, 2)), [1], [z + 1 for z in annotated])
    np.testing.assert_array_equal(np.roll(moved, (-1, -1, -2), (0, 1, 2)), found)


def test_a_stray_part_in_a_hollow_is_filled_with_it_and_not_counted_as_changed():
    labels, confidence = volume(), np.full((8, 20, 20), 0.9, np.float32)
    labels[3:6, 6:11, 6:11] = 0
    labels[4, 8, 8] = 1
    found, sure = cleaned(labels, confidence, (1,), annotated=(1, 6))
    assert (found == volume()).all()
    assert sure[4, 8, 8] == np.float32(0.9)
    assert (sure == np.float32(0.9)).sum() == sure.size - 74


def test_an_empty_label_map_stays_empty():
    labels, confidence = np.zeros((3, 4, 5), np.uint8), np.ones((3, 4, 5), np.float32)
    found, sure = cleaned(labels, confidence, [1, 2])
    assert not found.any()
    assert (sure == 1).all()
