from dataclasses import replace

import numpy as np
import pytest

from medmeta.adaptation import AdaptationSettings, adapt
from medmeta.adaptation.completed import KeptCompletion
from medmeta.errors import Cancelled

QUICK = AdaptationSettings(steps=(0, 2), usual_steps=2, folds=2, other_steps=3)


@pytest.fixture
def ask(scan, annotated, checkpoint):
    """Adapts, with or without what was kept; tells whether it was completed again."""

    def asked(kept, case=None, settings=QUICK, seed=0):
        phases = set()
        case = case or annotated(*scan())
        told = {"progress": lambda event: phases.add(event.phase), "kept": kept, "seed": seed}
        found = adapt([case], checkpoint=checkpoint, device="cpu", settings=settings, **told)
        return found, "predict" in phases

    return asked


def parts(adaptation):
    """All that a user sees of it, and all numbers of its task."""
    task, prediction = adaptation.task, adaptation.predictions[0]
    arrays = [prediction.labels.array, prediction.confidence.array, prediction.expected.slices]
    tensors = {name: part for state in (task.shared, *task.states) for name, part in state.items()}
    return [*arrays, task.signatures.numpy(), *(tensors[name].numpy() for name in sorted(tensors))]


def test_made_ready_for_other_volumes_it_is_the_same_with_and_without_it(ask):
    kept = KeptCompletion()
    assert ask(kept, settings=replace(QUICK, for_other_volumes=False))[1]
    found, again = ask(kept)
    assert not again
    afresh, _ = ask(None)
    assert found.quality == afresh.quality
    for one, other in zip(parts(found), parts(afresh), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_volume_whose_voxels_changed_is_completed_as_if_nothing_was_kept(ask, scan, annotated):
    volume, labels = scan()
    kept, same = KeptCompletion(), replace(QUICK, for_other_volumes=False)
    assert ask(kept, annotated(volume, labels), same)[1]
    changed = volume.array.copy()
    changed[20:30, 10:30] += 40
    case = annotated(replace(volume, array=changed), labels)
    found, again = ask(kept, case, same)
    assert again
    for one, two in zip(parts(found), parts(ask(None, case, same)[0]), strict=True):
        np.testing.assert_array_equal(one, two)


def test_what_was_kept_is_dropped_when_a_voxel_or_the_drawing_changes(scan, annotated):
    volume, labels = scan()
    kept, found = KeptCompletion(), type("Found", (), {"predictions": ()})()

    def same(array=volume.array, drawn=labels, slices=(3, 6, 9)):
        case = annotated(replace(volume, array=array.copy()), drawn, slices=slices)
        return kept([case], QUICK, (), lambda: found)[1]

    assert not same()
    assert same()
    changed, drawn = volume.array.copy(), labels.copy()
    changed[-1, -1, -1] += 1
    drawn[0, 0, 3] = 1
    for other in ({"array": changed}, {"drawn": drawn}, {"slices": (3, 6, 8, 9)}):
        assert not same(**other)
        assert same(**other)
        assert not same()


def test_other_settings_seeds_and_places_in_space_are_something_else(scan, annotated):
    calls, kept = [], KeptCompletion()
    volume, labels = scan()

    class Found:
        predictions = ()

    def asked(case=annotated(volume, labels), settings=QUICK, others=(0,)):
        calls.clear()
        kept([case], settings, others, lambda: calls.append(1) or Found())
        return bool(calls)

    assert asked()
    assert not asked()
    assert not asked(settings=replace(QUICK, for_other_volumes=False, other_steps=9, template=False))
    assert not asked(settings=replace(QUICK, batch=2))
    assert asked(settings=replace(QUICK, clean_up=False))
    assert asked(others=(1,))
    moved = replace(volume, geometry=replace(volume.geometry, spacing=(1.0, 1.0, 2.0)))
    assert asked(annotated(moved, labels), others=(1,))


def test_numbers_that_are_none_are_the_same_as_before(scan, annotated):
    volume, labels = scan()
    volume.array[0, 0, 0] = np.nan
    kept, found = KeptCompletion(), type("Found", (), {"predictions": ()})()
    asked = [kept([annotated(replace(volume, array=volume.array.copy()), labels)], QUICK, (), lambda: found)]
    asked += [kept([annotated(replace(volume, array=volume.array.copy()), labels)], QUICK, (), lambda: found)]
    assert [again for _, again in asked] == [False, True]


def test_what_is_too_large_is_not_kept_and_comparing_can_be_cancelled(scan, annotated):
    case, found = annotated(*scan()), type("Found", (), {"predictions": ()})()
    small, kept = KeptCompletion(1000), KeptCompletion()
    for _ in range(2):
        assert not small([case], QUICK, (), lambda: found)[1]
    kept([case], QUICK, (), lambda: found)

    def cancel():
        raise Cancelled("cancelled")

    with pytest.raises(Cancelled):
        kept([annotated(*scan())], QUICK, (), lambda: found, cancel)
