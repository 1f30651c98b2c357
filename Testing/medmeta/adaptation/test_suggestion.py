"""Which slice comes next, on predictions whose doubts are known."""

import numpy as np
import pytest

from medmeta.adaptation import AdaptationSettings, adapt, suggest
from medmeta.adaptation.results import Prediction
from medmeta.adaptation.suggestion import SliceProfile
from medmeta.annotations import SparseAnnotation
from medmeta.errors import AnnotationError, MedMetaError
from medmeta.volumes import Geometry, Volume

AXES = (1.0, 0, 0, 0, 1, 0, 0, 0, 1)


def predicted(doubts, drawn, axis=2, inside=()):
    """A prediction of which one voxel of every slice has a doubt, 0 to .5, and an annotation of some slices."""
    labels = np.zeros((4, 4, len(doubts)), np.uint8)
    labels[1, 1, list({*drawn, *inside})] = 1
    confidence = np.ones(labels.shape, np.float32)
    confidence[1, 1] = 1 - np.asarray(doubts, np.float32)
    labels, confidence = np.moveaxis(labels, 2, axis), np.moveaxis(confidence, 2, axis)
    geometry = Geometry(labels.shape, (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), AXES)
    annotation = SparseAnnotation.from_labels(labels, axis=axis, slices=drawn)
    return Prediction(Volume(labels, geometry), Volume(confidence, geometry)), annotation


def grown(n, drawn, doubt=0.02):
    """Doubts that grow with the distance to the nearest drawn slice."""
    return doubt * np.abs(np.arange(n)[:, None] - np.asarray(drawn)).min(axis=1)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_where_doubt_goes_with_distance_the_largest_gap_is_bisected(axis):
    (found,) = suggest(*predicted(grown(15, [0, 4, 14]), [0, 4, 14], axis))
    assert (found.slice, found.distance) == (9, 5)
    assert found.expected_wrong == pytest.approx(0.1)


def test_the_next_slice_towards_an_end_lies_two_thirds_of_the_way():
    (found,) = suggest(*predicted(np.zeros(30), [2], inside=range(2, 24)))
    # It may reach as far as slice 29, 27 from the drawn one.
    assert 19 <= found.slice <= 21


def test_doubt_alone_does_not_draw_the_suggestion_away():
    doubts = grown(15, [0, 4, 14])
    doubts[2] = 0.5
    assert suggest(*predicted(doubts, [0, 4, 14]))[0].slice == 9


def test_the_score_is_the_fall_of_the_sum_of_distances():
    first, second = suggest(*predicted(grown(15, [0, 4, 14]), [0, 4, 14]), count=2)
    # Distances 1 2 3 4 5 4 3 2 1 become 1 2 2 1 0 1 2 2 1.
    assert first.score == pytest.approx(25 - 12)
    assert second.score < first.score


def test_the_structure_may_go_on_as_far_again_as_it_is_seen():
    prediction, annotation = predicted(np.full(30, 0.1), [14], inside=range(12, 17))
    profile = SliceProfile.of(prediction, annotation)
    assert profile.seen == (12, 16)
    assert np.flatnonzero(profile.reach).tolist() == list(range(7, 22))


def test_doubt_far_from_all_that_is_seen_is_no_reason_to_look_there():
    doubts = np.full(60, 0.1)
    doubts[40:] = 0.4
    (found,) = suggest(*predicted(doubts, [14], inside=range(12, 17)))
    # It may reach from 7 to 21: as far again as it is seen.
    assert 7 <= found.slice <= 21


def test_an_end_that_was_predicted_too_early_is_asked_about():
    # Seen from 14 to 20, drawn on its last slice: there it may go on, below it was drawn empty.
    prediction, annotation = predicted(np.zeros(40), [14, 17, 20], inside=range(14, 21))
    ended = SparseAnnotation.from_labels(annotation.labels, axis=2, slices=[13, 14, 17, 20])
    assert suggest(prediction, ended)[0].slice > 21


def test_reach_ends_at_a_slice_that_was_drawn_empty():
    prediction, annotation = predicted(np.full(30, 0.1), [14], inside=range(8, 26))
    ended = SparseAnnotation.from_labels(annotation.labels, axis=2, slices=[10, 14, 20])
    profile = SliceProfile.of(prediction, ended)
    assert np.flatnonzero(profile.reach).tolist() == list(range(11, 20))


def test_drawing_a_slice_lessens_weights_as_it_lessens_distances():
    prediction, annotation = predicted([0, 0.1, 0.2, 0.3, 0], [0, 4])
    profile = SliceProfile.of(prediction, annotation)
    fall = profile.fall(profile.wrong)
    # Slice 2 drawn: 1 and 3 keep their distance of one slice.
    assert fall[2] == pytest.approx(0.2)
    # Slice 3 drawn: 2 comes from two slices to one and loses half.
    assert fall[3] == pytest.approx(0.3 + 0.1)
    after = profile.after(3)
    assert after.wrong == pytest.approx([0, 0.1, 0.1, 0, 0])
    assert after.distance.tolist() == [0, 1, 1, 0, 0]


def test_of_drawn_slices_none_is_suggested_and_no_slice_twice():
    prediction, annotation = predicted(np.full(9, 0.2), [2, 6])
    found = [suggestion.slice for suggestion in suggest(prediction, annotation, count=20)]
    # Seen from 2 to 6, it may go on for five slices at each end.
    assert sorted(found) == [0, 1, 3, 4, 5, 7, 8]


def test_an_empty_slice_that_was_drawn_counts_as_drawn():
    prediction, annotation = predicted(np.full(9, 0.2), [2, 6])
    with_empty = SparseAnnotation.from_labels(annotation.labels, axis=2, slices=[2, 4, 6])
    assert 4 not in [suggestion.slice for suggestion in suggest(prediction, with_empty, count=20)]


def test_the_reason_names_distance_and_voxels():
    (found,) = suggest(*predicted(np.full(5, 0.5), [0], inside=range(5)), count=1)
    assert f"{found.distance} slices from the nearest drawn one" in found.reason
    assert f"about {found.expected_wrong:.0f} voxels" in found.reason


def test_a_prediction_of_another_volume_and_a_count_below_one_are_refused():
    prediction, annotation = predicted(np.full(9, 0.2), [2])
    other, _ = predicted(np.full(8, 0.2), [2])
    with pytest.raises(AnnotationError, match="of the volume that was annotated"):
        suggest(other, annotation)
    with pytest.raises(MedMetaError, match="1 or more"):
        suggest(prediction, annotation, 0)


def test_it_takes_what_adapt_returns(scan, annotated, checkpoint):
    volume, labels = scan()
    case = annotated(volume, labels, slices=(3, 4))
    settings = AdaptationSettings(steps=(0,), usual_steps=0, folds=1, for_other_volumes=False)
    result = adapt([case], checkpoint=checkpoint, device="cpu", settings=settings)
    (found,) = suggest(result.predictions[0], case.annotation)
    # The structure goes on to slice 12: more is to be gained there than before slice 3.
    assert found.slice > 4
    assert found.score > 0
