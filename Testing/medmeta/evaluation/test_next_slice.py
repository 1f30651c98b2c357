"""A simulated user draws slice by slice; predictions come from an interpolation of known faults."""

import numpy as np
import pytest

from medmeta.adaptation.results import Prediction
from medmeta.evaluation.next_slice import EQUAL, LAST, Simulator, slices_to, table
from medmeta.evaluation.protocol import annotated_slices
from medmeta.evaluation.slice_strategies import NAMES, RANDOM, SUGGESTED, contested, next_slice
from medmeta.volumes import Geometry, Volume

AXES = (1.0, 0, 0, 0, 1, 0, 0, 0, 1)
START, COUNT = 6, 20


def reference():
    """A tube on slices 6 to 25 of 32."""
    labels = np.zeros((8, 8, 32), np.uint16)
    labels[2:6, 2:6, START : START + COUNT] = 1
    return labels


def volume():
    labels = reference()
    return Volume(labels.astype(np.float32), Geometry(labels.shape, (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), AXES))


def nearest(case):
    """The nearest drawn slice as far as three slices; the doubt of the tube's voxels grows with the distance."""
    annotation = case.annotation
    numbers = np.arange(annotation.labels.shape[2])
    away = np.abs(numbers[:, None] - np.asarray(annotation.slices))
    labels = annotation.labels[:, :, np.asarray(annotation.slices)[away.argmin(1)]].copy()
    labels[:, :, away.min(1) > 3] = 0
    confidence = np.ones(labels.shape, np.float32)
    confidence[2:6, 2:6] = 1 - np.minimum(0.02 * away.min(1), 0.4)
    geometry = case.volume.geometry
    return Prediction(Volume(labels, geometry), Volume(confidence, geometry))


def committee(case):
    """Two learners that label 6 voxels of slice 15 and 4 of slice 19 differently."""
    one, other = (nearest(case).labels.array for _ in range(2))
    one[0, :6, 15], other[0, :6, 15] = 1, 0
    one[0, :4, 19], other[0, :4, 19] = 0, 1
    return [one, other]


@pytest.fixture
def simulator():
    return Simulator(volume(), reference(), 2, nearest, committee)


@pytest.mark.parametrize("name", [*NAMES, EQUAL])
def test_a_course_starts_in_the_middle_and_its_dice_is_that_of_the_slices_drawn(simulator, name):
    course = simulator.course(name, last=6)
    assert course.slices[0] == (START + COUNT // 2,)
    assert [len(set(slices)) for slices in course.slices] == [1, 2, 3, 4, 5, 6]
    # One slice drawn, three at each side right, 13 missing: 2 * 7 / 27, and without the drawn one 2 * 6 / 25.
    assert course.dice[0] == pytest.approx(2 * 7 / 27)
    assert course.dice_off[0] == pytest.approx(2 * 6 / 25)
    assert course.dice[5] == pytest.approx(simulator.draw(course.slices[5])[0])


def test_a_strategy_adds_to_what_is_drawn_and_equal_spacing_begins_anew(simulator):
    course = simulator.course("gap", last=4)
    assert all(later[:-1] == earlier for earlier, later in zip(course.slices, course.slices[1:], strict=False))
    assert simulator.course(EQUAL, last=4).slices[3] == annotated_slices(START, COUNT, 4)


def test_the_largest_gap_is_bisected_or_an_end_taken(simulator):
    # Drawn on 16, predicted from 13 to 19: both slices beyond are four away.
    assert simulator.course("gap", last=2).slices[1] in {(16, 12), (16, 20)}


@pytest.mark.parametrize("name", NAMES)
def test_strategies_keep_to_their_range(simulator, name):
    _, _, (prediction, annotation) = simulator.draw([16])
    chosen = next_slice(name, prediction, annotation, np.random.default_rng(0), lambda: [prediction.labels.array] * 2)
    # Predicted from 13 to 19, of 32 slices.
    first, last = (0, 31) if "everywhere" in name else (6, 26) if "reach" in name or name == SUGGESTED else (12, 20)
    assert first <= chosen <= last
    assert chosen != 16


def test_learners_disagree_where_pairs_of_them_label_differently():
    labels = np.zeros((3, 4, 4, 2), np.uint8)
    labels[0, 0, :3, 1] = 1
    assert contested(labels, axis=2) == pytest.approx([0, 2 * 3 / 3])
    assert contested(labels, axis=0) == pytest.approx([2, 0, 0, 0])


def test_the_slice_that_learners_disagree_on_most_is_chosen_and_distance_may_count(simulator):
    assert simulator.course("disagreement", last=2).slices[1] == (16, 15)  # 6 voxels, one slice away
    assert simulator.course("disagreement-gap", last=2).slices[1] == (16, 19)  # 4 voxels, three away


def test_suggestions_are_spacing_in_reach(simulator):
    assert simulator.course(SUGGESTED).slices == simulator.course("spacing-reach").slices


def test_a_wider_range_is_made_use_of(simulator):
    _, _, (prediction, annotation) = simulator.draw([16])
    chosen = [next_slice(n, prediction, annotation, None) for n in ("gain-near", "gain-reach", "gain-everywhere")]
    away = [abs(number - 16) for number in chosen]
    assert away == sorted(set(away))


def test_random_courses_follow_their_seed(simulator):
    first, again, other = (simulator.course(RANDOM, seed, last=5).slices for seed in (1, 1, 2))
    assert first == again != other


def test_a_course_stays_where_no_slice_is_left():
    labels = np.zeros((8, 8, 4), np.uint16)
    labels[2:6, 2:6, 1:3] = 1
    image = Volume(labels.astype(np.float32), Geometry(labels.shape, (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), AXES))
    course = Simulator(image, labels, 2, nearest).course("gap", last=6)
    assert [len(slices) for slices in course.slices] == [1, 2, 3, 4, 4, 4]
    assert course.dice[3:] == (1.0, 1.0, 1.0)


def test_what_strategies_agree_on_is_computed_once():
    calls = []

    def counted(case):
        calls.append(case.annotation.slices)
        return nearest(case)

    simulator = Simulator(volume(), reference(), 2, counted)
    simulator.course("gap", last=3)
    simulator.course("gap", last=4)
    assert len(calls) == len(set(calls)) == 4


def test_courses_that_never_get_good_count_one_slice_more():
    assert slices_to([0.2, 0.5, 0.86, 0.8]) == 3
    assert slices_to([0.2, 0.5]) == 3


def test_the_table_says_how_many_slices_it_took_and_how_many_never_got_there():
    reached, missed = np.linspace(0.2, 0.9, LAST), np.linspace(0.1, 0.8, LAST)
    line = table({"gap": [reached, missed]}).splitlines()[-1]
    assert line.startswith("| gap | 2 | 8.50 | 1 | 0.250 |")
    assert line.endswith("| 0.850 |")
