"""How long the real worker takes to give way, in each phase of the work, on a volume of usual size."""

import time

import pytest

from medmeta.annotations import AnnotatedVolume, SparseAnnotation
from medmeta.evaluation.procedural import procedural_cohort
from medmeta.evaluation.protocol import simulate
from medmeta.worker.client import WorkerClient
from MedMetaSlicerLib.work.session import Session

BETWEEN_STEPS = 0.3
"""Seconds that work goes on at most after it was cancelled, on two free cores."""

ON_A_BUSY_MACHINE = 3
"""So many times longer it may take where tests share their cores."""


@pytest.fixture(scope="module")
def volumes():
    ((volume, reference), (other, _)) = procedural_cohort(3, 2, structures=2, size=(256, 256), slices=(60, 60))
    drawn = simulate(reference.array, axis=2, k=6)
    annotation = SparseAnnotation.from_labels(drawn.labels, axis=2, slices=drawn.slices)
    return AnnotatedVolume(volume, annotation), other


@pytest.fixture
def real(loop, tmp_path):
    session = Session(lambda: WorkerClient(parent=tmp_path), loop.timer())
    session.warmUp()
    loop.until(lambda: session.device, 60)
    yield session
    session.close()


@pytest.mark.slow
@pytest.mark.parametrize("learner", ["siamese", "maml", "lstm"])
def test_the_worker_gives_way_soon_in_every_phase(real, loop, volumes, Answers, learner):
    case, other = volumes
    took = {}

    def cancelIn(phase, ask):
        told = Answers()
        activity = ask(told)
        loop.until(lambda: activity.phase == phase and activity.done > 0, 300)
        worker, start = real._client.process, time.monotonic()
        real.cancel()
        loop.until(lambda: told.ended)
        took[phase] = told.cancelledAt - start
        assert told.cancelledAt - start < 1.0
        return real._client.process is worker

    def adapt(told):
        return real.adapt(
            case, told.done.append, told.errors.append, None, told.onCancelled, learner=learner, device="cpu"
        )

    kept = [cancelIn(phase, adapt) for phase in ("check", "adapt", "predict", "refine", "cohort")]
    told = Answers()
    real.adapt(case, told.done.append, told.errors.append, learner=learner, device="cpu", budget=1.0)
    loop.until(lambda: told.ended, 300)

    def predict(told_):
        return real.predict(
            told.done[0].task, other, told_.done.append, told_.errors.append, told_.onCancelled, device="cpu"
        )

    kept += [cancelIn(phase, predict) for phase in ("predict", "refine")]
    print(learner, {phase: f"{seconds:.3f} s" for phase, seconds in took.items()})
    assert all(kept), "the worker had to be killed"
    assert max(took.values()) < ON_A_BUSY_MACHINE * BETWEEN_STEPS, took
