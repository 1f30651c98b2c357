from dataclasses import replace

import numpy as np
import pytest
import torch

from medmeta.adaptation import AdaptationSettings, adapt, predict
from medmeta.annotations import AnnotatedVolume
from medmeta.episodes.channels import THERE
from medmeta.errors import AnnotationError, Cancelled, CheckpointError, DeviceError, MedMetaError, VolumeError
from medmeta.learners.checkpoint import save_checkpoint
from medmeta.learners.factory import create_learner
from medmeta.learners.siamese import SiameseLearner
from medmeta.postprocessing.clean_up import clean
from medmeta.transfer.cohort import LEAST_STEPS
from medmeta.volumes import Volume

QUICK = AdaptationSettings(steps=(0, 2), usual_steps=2, folds=2, other_steps=3)
SAME_ONLY = AdaptationSettings(steps=(0, 2), usual_steps=2, folds=2, for_other_volumes=False)

COMPARING = replace(SAME_ONLY, folds=3, least_compared=1, good_enough=2.0)


def run(cases, checkpoint, settings=SAME_ONLY, **more):
    return adapt(cases, checkpoint=checkpoint, device="cpu", settings=settings, **more)


@pytest.fixture(scope="module")
def result(scan, annotated, checkpoint):
    """Of `scan()`, for tests that look at it alone."""
    return run([annotated(*scan())], checkpoint)


@pytest.fixture(scope="module")
def rough(scan, annotated, checkpoint):
    """The same before the clean-up."""
    return run([annotated(*scan())], checkpoint, replace(SAME_ONLY, clean_up=False)).predictions[0]


def test_annotated_slices_come_out_as_drawn_and_the_geometry_is_the_inputs(scan, rough):
    (volume, labels), result = scan(), rough
    assert result.labels.geometry == result.confidence.geometry == volume.geometry
    np.testing.assert_array_equal(result.labels.array[:, :, [3, 6, 9]], labels[:, :, [3, 6, 9]])
    assert (result.confidence.array[:, :, [3, 6, 9]] == 1).all()
    # Two segments and background: the most probable of the three.
    assert result.confidence.array.min() > 0.38
    assert set(np.unique(result.labels.array)) == {0, 1, 2}


def test_slices_between_the_drawn_ones_are_filled(scan, result):
    _, labels = scan()
    found = result.predictions[0].labels.array
    for value in (1, 2):
        one, truth = found[:, :, 4:9] == value, labels[:, :, 4:9] == value
        assert 2 * (one & truth).sum() / (one.sum() + truth.sum()) > 0.85


def test_the_users_annotation_is_not_changed(scan, annotated, checkpoint):
    volume, labels = scan()
    case = annotated(volume, labels)
    image, drawing = volume.array.copy(), case.annotation.labels.copy()
    run([case], checkpoint)
    np.testing.assert_array_equal(volume.array, image)
    np.testing.assert_array_equal(case.annotation.labels, drawing)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_every_axis_works(scan, annotated, checkpoint, axis):
    volume, labels = scan(size=(36, 38, 34), spacing=(1.5, 1.0, 1.0))
    middle = volume.array.shape[axis] // 2
    case = annotated(volume, labels, axis=axis, slices=(middle - 3, middle + 3), values=(1,))
    result = run([case], checkpoint).predictions[0]
    assert result.labels.array.shape == volume.array.shape
    assert (result.labels.array == 1).any()


def test_a_single_drawn_slice_gives_a_result_with_nothing_held_out(scan, annotated, checkpoint):
    volume, labels = scan()
    result = run([annotated(volume, labels, slices=(6,), values=(1,))], checkpoint)
    assert result.quality[0].held_out_dice is None
    assert 0 < result.quality[0].expected_dice < 1
    assert (result.predictions[0].labels.array[:, :, 7] == 1).any()


def test_with_two_drawn_slices_or_more_the_expected_dice_is_reported(result):
    for quality in result.quality:
        assert 0 <= quality.held_out_dice <= 1
        assert 0 < quality.expected_dice < 1
        assert quality.learner == "maml"
        assert quality.steps["maml"] in SAME_ONLY.steps
        assert quality.reach in SAME_ONLY.reaches


def test_expected_dice_and_clean_up_are_those_of_the_predicted_volume(scan, annotated, result, rough):
    volume, labels = scan()
    case = annotated(volume, labels)
    expected = result.predictions[0].expected
    assert expected.slices.shape == (2, volume.array.shape[2])
    assert np.isnan(expected.slices[:, list(case.annotation.slices)]).all()
    assert tuple(quality.expected_dice for quality in result.quality) == expected.cases
    again = torch.from_numpy(np.moveaxis(rough.labels.array, 2, 0).copy())
    clean(again, torch.ones(again.shape), (1, 2), case.annotation.slices)
    np.testing.assert_array_equal(np.moveaxis(again.numpy(), 0, 2), result.predictions[0].labels.array)


def test_auto_is_the_first_learner_where_few_slices_are_drawn(scan, annotated):
    volume, labels = scan()
    result = run([annotated(volume, labels, values=(1,))], None)
    assert set(result.quality[0].scores) == {"siamese"}
    assert result.left_out == ()


def test_auto_tries_no_other_learner_where_the_first_is_good_enough(scan, annotated):
    volume, labels = scan()
    result = run([annotated(volume, labels, values=(1,))], None, replace(COMPARING, good_enough=0.0))
    assert set(result.quality[0].scores) == {"siamese"}
    assert result.left_out == ()


def test_auto_tries_every_learner_where_enough_slices_are_drawn_and_says_which_it_took_and_why(scan, annotated):
    volume, labels = scan()
    result = run([annotated(volume, labels, values=(1,))], None, COMPARING)
    (quality,) = result.quality
    assert set(quality.scores) == {"blend", "siamese", "maml", "lstm"}
    assert quality.learner in quality.scores
    assert quality.held_out_dice == quality.scores[quality.learner]
    assert quality.reason.startswith(f"{quality.learner}, held-out Dice {quality.held_out_dice:.3f}")
    assert result.left_out == ()


@pytest.mark.parametrize("name", ["siamese", "maml", "lstm"])
def test_one_learner_can_be_asked_for_and_other_volumes_are_predicted_by_it(scan, annotated, name):
    volume, labels = scan()
    other, _ = scan(shift=0.1)
    result = run([annotated(volume, labels, values=(1,))], None, QUICK, learner=name)
    assert result.quality[0].learner == result.task.provenance["learner"] == name
    assert result.task.checkpoint["name"] == f"{name}.safetensors"
    found = predict(result.task, other, device="cpu").labels
    assert found.geometry == other.geometry


def test_a_budget_leaves_out_learners_but_never_the_first(scan, annotated):
    volume, labels = scan()
    result = run([annotated(volume, labels, values=(1,))], None, COMPARING, budget=0.001)
    assert result.left_out == ("maml", "lstm")
    assert result.quality[0].learner == "siamese"
    assert result.quality[0].reason == "siamese, the only one tried"
    assert (result.predictions[0].labels.array == 1).any()


def test_fine_tuning_for_other_volumes_ends_with_the_budget(scan, annotated, checkpoint):
    volume, labels = scan()
    events = []
    settings = AdaptationSettings(steps=(0,), usual_steps=0, folds=2, other_steps=100_000)
    run([annotated(volume, labels, values=(1,))], checkpoint, settings, budget=1.0, progress=events.append)
    # Counted in steps, as seconds tell of what else the machine does.
    first, *steps, last = [event for event in events if event.phase == "cohort"]
    assert (first.done, last.done) == (0, last.total)
    assert LEAST_STEPS <= len(steps) < 2000


@pytest.mark.parametrize("budget", [0, -1, float("nan")])
def test_a_budget_that_is_none_is_refused(scan, annotated, checkpoint, budget):
    volume, labels = scan()
    with pytest.raises(MedMetaError, match=r"Budget .* give a number of seconds above zero"):
        run([annotated(volume, labels)], checkpoint, budget=budget)


def test_a_slice_declared_empty_stays_empty(scan, annotated, checkpoint):
    volume, labels = scan()
    labels[:, :, 11:] = 0
    result = run([annotated(volume, labels, empty=(12,))], checkpoint).predictions[0]
    assert not result.labels.array[:, :, 12].any()


def test_the_same_seed_gives_the_same_result(scan, annotated, checkpoint):
    volume, labels = scan()
    one, two = (run([annotated(volume, labels)], checkpoint, QUICK, seed=3) for _ in range(2))
    np.testing.assert_array_equal(one.predictions[0].confidence.array, two.predictions[0].confidence.array)
    assert torch.equal(one.task.states[0]["head.weight"], two.task.states[0]["head.weight"])


def test_several_annotated_volumes_are_learned_from_together(scan, annotated, checkpoint):
    (first, one), (second, two) = scan(), scan(size=(48, 40, 12), shift=0.1)
    cases = [annotated(first, one), annotated(second, two, slices=(4, 8))]
    result = run(cases, checkpoint, QUICK)
    assert len(result.predictions) == 2
    np.testing.assert_array_equal(result.predictions[1].labels.array[:, :, [4, 8]], two[:, :, [4, 8]])


def test_integers_nan_and_thick_slices_work(scan, annotated, checkpoint):
    volume, labels = scan(dtype=np.uint16, spacing=(0.5, 0.5, 10.0))
    assert run([annotated(volume, labels)], checkpoint).predictions[0].labels.array.any()
    volume, labels = scan()
    volume.array[0, 0, 0] = np.nan
    assert run([annotated(volume, labels)], checkpoint).predictions[0].labels.array.any()


def test_progress_is_reported_and_can_cancel(scan, annotated, checkpoint):
    volume, labels = scan()
    phases = []
    run([annotated(volume, labels)], checkpoint, QUICK, progress=lambda event: phases.append(event.phase))
    assert list(dict.fromkeys(phases)) == ["check", "adapt", "predict", "refine", "cohort"]

    def cancel(event):
        if event.phase == "adapt":
            raise Cancelled("cancelled")

    with pytest.raises(Cancelled):
        run([annotated(volume, labels)], checkpoint, progress=cancel)


def test_a_preview_comes_before_the_network_has_seen_anything_and_another_before_the_walks(scan, annotated, checkpoint):
    volume, labels = scan()
    events = []
    result = run(
        [annotated(volume, labels)],
        checkpoint,
        progress=lambda event: event.done and events.append(event.phase),
        preview=lambda number, found: events.append((number, found)),
    )
    (first, (_, shapes)), (second, (_, network)) = [e for e in enumerate(events) if not isinstance(e[1], str)]
    assert set(events[:first]) <= {"check"}
    assert "predict" not in events[:first]
    assert "predict" in events[first:second]
    assert "refine" not in events[:second]
    for found in (shapes, network, result.predictions[0].labels.array):
        np.testing.assert_array_equal(found[:, :, [3, 6, 9]], labels[:, :, [3, 6, 9]])
    assert shapes[:, :, 7].any()
    assert not np.array_equal(shapes, network)


def test_bad_input_is_refused_by_name(scan, annotated, checkpoint, tmp_path):
    volume, labels = scan()
    with pytest.raises(AnnotationError, match="No annotated volume"):
        run([], checkpoint)
    constant = Volume(np.ones_like(volume.array), volume.geometry, "flat.nii")
    with pytest.raises(VolumeError, match=r"flat\.nii"):
        run([AnnotatedVolume(constant, annotated(volume, labels).annotation)], checkpoint)
    with pytest.raises(DeviceError, match="cuda:7"):
        adapt([annotated(volume, labels)], checkpoint=checkpoint, device="cuda:7")
    with pytest.raises(CheckpointError, match="does not exist"):
        run([annotated(volume, labels)], tmp_path / "none.safetensors")
    with pytest.raises(AnnotationError, match="different segments"):
        run([annotated(volume, labels), annotated(volume, labels, values=(1,))], checkpoint)


@pytest.mark.parametrize(
    ("name", "changed"), [("lstm", {"head.weight", "settle.bias"}), ("siamese", {"weight", "bias"})]
)
def test_the_other_families_go_through_the_same_job(scan, annotated, tmp_path, name, changed):
    torch.manual_seed(0)
    channels = [8, 16, 16, 16]
    path = tmp_path / "learner.safetensors"
    save_checkpoint(create_learner(name, {"encoder_channels": channels, "branch_channels": channels}), path, {})
    volume, labels = scan()
    result = run([annotated(volume, labels, values=(1,))], path, QUICK)
    assert changed <= set(result.task.states[0])
    assert "contract.0.conv_0.conv.weight" not in result.task.states[0]
    assert predict(result.task, volume, checkpoint=path).labels.geometry == volume.geometry
    found, truth = result.predictions[0].labels.array[:, :, 4:9] == 1, labels[:, :, 4:9] == 1
    assert 2 * (found & truth).sum() / (found.sum() + truth.sum()) > 0.8


@pytest.mark.parametrize("seed", [-1, 2**70])
def test_a_seed_out_of_range_is_refused_and_named(scan, annotated, checkpoint, seed):
    with pytest.raises(MedMetaError, match=str(seed)):
        run([annotated(*scan())], checkpoint, seed=seed)


def test_random_walks_complete_annotated_volumes_unless_told_not_to(scan, annotated, checkpoint, result):
    plain = run([annotated(*scan())], checkpoint, replace(SAME_ONLY, walk=None))
    walked, plain = (found.predictions[0].confidence.array for found in (result, plain))
    assert np.abs(walked - plain).max() > 0.05


@pytest.mark.parametrize("slices", [(5, 8), (3, 6, 9), (3, 5, 7, 9, 11)])
def test_with_three_or_four_drawn_slices_the_network_is_also_asked_without_the_prior(
    scan, annotated, monkeypatch, slices
):
    asked, usual = [], SiameseLearner.predict

    def predicting(self, state, inputs):
        asked.append(bool(inputs[-1][:, THERE].any()))
        return usual(self, state, inputs)

    monkeypatch.setattr(SiameseLearner, "predict", predicting)
    case, settings = annotated(*scan(), slices=slices), replace(SAME_ONLY, folds=0)
    mixed, told = (
        run([case], None, replace(settings, **more), learner="siamese").predictions[0]
        for more in ({}, {"by_image": {}})
    )
    assert (False in asked) == (len(slices) == 3)
    assert (mixed.confidence.array != told.confidence.array).any() == (len(slices) == 3)
