import time

from medmeta.evaluation.speed import SpeedCase, measure, timed
from medmeta.progress import Progress


class Asked:
    """Stands for a worker that takes .02 s for each of two phases."""

    def __call__(self, *_, on_progress, on_preview=None):
        self.on_progress, self.on_preview = on_progress, on_preview
        return self

    def wait(self, _seconds):
        for phase in ("adapt", "predict"):
            self.on_progress(Progress(phase, 0, 2))
            time.sleep(0.02)
            self.on_progress(Progress(phase, 2, 2))
            if self.on_preview:
                self.on_preview(0, None)
        return "answer"


def test_phases_add_up_to_the_whole():
    answer, timing = timed(Asked(), preview=True)
    assert answer == "answer"
    assert list(timing.phases) == ["before", "adapt", "predict"]
    assert abs(sum(timing.phases.values()) - timing.total) < 1e-6
    assert min(timing.phases["adapt"], timing.phases["predict"]) >= 0.02
    assert timing.preview < timing.refined <= timing.total


def test_without_previews_none_is_timed():
    assert timed(Asked())[1].preview is None


def test_a_case_is_as_large_as_it_was_asked_for():
    annotated, reference, other = SpeedCase(64, 20, 3, 2).volumes()
    assert annotated.volume.array.shape == reference.array.shape == other.array.shape == (64, 64, 20)
    assert len(annotated.annotation.slices) == 3
    assert len(annotated.annotation.segments) == 2


def test_a_small_case_is_measured_from_start_to_end():
    found = measure(SpeedCase(64, 20, 3, 1), device="cpu", learner="siamese", budget=1.0, threads=1)
    assert 0 < found["preview"] < found["adapt"]
    assert {"adapt", "predict", "refine"} <= set(found["phases"])
    assert min(found["start"], found["again"], found["for other volumes"], found["predict"]) > 0
    assert 0 < found["dice"] <= 1
    assert found["device"] == "cpu"
