import pytest

from medmeta.progress import Progress
from MedMetaSlicerLib.work.activity import Activity


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def test_the_share_that_is_done_grows_over_all_phases_and_never_falls():
    activity, seen = Activity("adapt", clock=Clock()), []
    for phase in ("check", "adapt", "predict", "refine", "cohort"):
        for done in (0, 1, 2):
            activity.advance(Progress(phase, done, 2))
            seen.append(activity.fraction)
    assert seen == sorted(seen)
    assert seen[0] == 0
    assert seen[-1] == pytest.approx(1)
    assert len(set(seen)) == 11
    activity.advance(Progress("check", 0, 2))
    assert activity.fraction == pytest.approx(1)


def test_phases_that_will_not_come_count_for_nothing():
    activity = Activity("adapt", ("check", "adapt", "predict", "refine"), Clock())
    activity.advance(Progress("refine", 5, 5))
    assert activity.fraction == pytest.approx(1)


def test_the_time_that_remains_is_told_once_there_is_something_to_tell_it_by():
    clock = Clock()
    activity = Activity("match", clock=clock)
    assert activity.remaining is None
    clock.now += 10
    activity.advance(Progress("match", 1, 4))
    assert activity.elapsed == 10
    assert activity.remaining == pytest.approx(30)
    activity.end("done")
    clock.now += 10
    assert (activity.elapsed, activity.remaining, activity.fraction) == (10, 0, 1)


def test_losses_are_kept_by_phase_and_the_latest_phase_is_shown():
    activity = Activity("adapt", clock=Clock())
    assert activity.losses == []
    activity.advance(Progress("adapt", 1, 2, loss=0.9))
    activity.advance(Progress("predict", 1, 2))
    activity.advance(Progress("cohort", 1, 3, loss=0.5))
    activity.advance(Progress("cohort", 2, 3, loss=0.4))
    assert activity.losses == [(1, 0.5), (2, 0.4)]
    assert activity.curves["adapt"] == [(1, 0.9)]
