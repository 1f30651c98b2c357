"""The worker with the real engine behind it."""

import os
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from medmeta.adaptation import AdaptationSettings, adapt, predict
from medmeta.annotations import AnnotatedVolume, SparseAnnotation
from medmeta.errors import Cancelled, DeviceError
from medmeta.evaluation.procedural import procedural_cohort
from medmeta.evaluation.protocol import simulate
from medmeta.transfer.fine_tuning import WARM_UP
from medmeta.worker import engine
from medmeta.worker.client import WorkerClient


@pytest.fixture(scope="module")
def cohort():
    pairs = procedural_cohort(3, 2, structures=1, size=(48, 48), slices=(14, 14))
    (volume, reference), (other, _) = pairs
    drawn = simulate(reference.array, axis=2, k=4)
    annotation = SparseAnnotation.from_labels(drawn.labels, axis=2, slices=drawn.slices)
    return AnnotatedVolume(volume, annotation), other


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """Its worker has one thread: sums of several depend on which is done first."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        patch.setenv("MKL_NUM_THREADS", "1")
        with WorkerClient(parent=tmp_path_factory.mktemp("worker")) as client:
            yield client


@pytest.fixture
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_it_computes_what_the_engine_computes(client, cohort, one_thread):
    case, _ = cohort
    settings = AdaptationSettings(for_other_volumes=False)
    here = adapt([case], learner="siamese", device="cpu", settings=settings)
    there = client.adapt([case], learner="siamese", device="cpu", for_other_volumes=False).wait()
    assert np.array_equal(there.predictions[0].labels.array, here.predictions[0].labels.array)
    assert np.allclose(there.predictions[0].confidence.array, here.predictions[0].confidence.array, atol=1e-5)
    assert there.quality[0].held_out_dice == pytest.approx(here.quality[0].held_out_dice, abs=1e-5)
    assert there.device == "cpu"


def test_it_goes_on_from_a_task_and_predicts_another_volume_with_it(client, cohort, one_thread, tmp_path):
    case, other = cohort
    phases, previews = [], []
    first = client.adapt([case], learner="siamese", budget=1.0).wait()
    again = client.adapt(
        [case],
        learner="siamese",
        budget=1.0,
        seed=1,
        start=first.task,
        on_progress=lambda e: phases.append(e),
        on_preview=lambda number, labels: previews.append(labels.array),
    ).wait()
    assert {"adapt", "predict", "refine", "cohort"} <= {event.phase for event in phases}
    assert next(event.total for event in phases if event.phase == "cohort") == AdaptationSettings().other_steps // 3
    # The refined answer comes before the fine-tuning for other volumes is over.
    assert np.array_equal(previews[-1], again.predictions[0].labels.array)
    client.save(again.task, tmp_path / "task").wait()
    from medmeta.adaptation import AdaptedTask

    task = AdaptedTask.load(tmp_path / "task")
    assert task.provenance["continued"]
    there = client.predict(again.task, other).wait()
    assert np.array_equal(there.labels.array, predict(task, other, device="cpu").labels.array)


@pytest.mark.parametrize("others", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_warm_worker_answers_as_a_fresh_one_does(client, cohort, monkeypatch, tmp_path, others):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("MKL_NUM_THREADS", "1")
    case, other = cohort

    def answer(worker, name, seed=3):
        found = worker.adapt([case], learner="maml", device="cpu", seed=seed, for_other_volumes=others).wait()
        worker.save(found.task, tmp_path / name).wait()
        predictions = list(found.predictions)
        if others:
            predictions.append(worker.predict(found.task, other, device="cpu").wait())
        arrays = [a.array for p in predictions for a in (p.labels, p.confidence)]
        return (tmp_path / name).read_bytes(), *(array.tobytes() for array in arrays)

    first = answer(client, "first")
    assert answer(client, "kept") == first
    assert answer(client, "another", seed=4) != first
    second = answer(client, "second")
    with WorkerClient(parent=tmp_path) as fresh:
        assert answer(fresh, "fresh") == first
    assert second == first


def test_the_same_is_made_ready_for_other_volumes_without_completing_it_again(client, cohort):
    case, _ = cohort
    phases, previews = [], []
    told = {
        "on_progress": lambda event: phases.append(event.phase),
        "on_preview": lambda _, v: previews.append(v.array),
    }
    first = client.adapt([case], learner="siamese", seed=5, for_other_volumes=False, **told).wait()
    assert {"adapt", "predict"} <= set(phases)
    phases.clear(), previews.clear()
    again = client.adapt([case], learner="siamese", seed=5, budget=None, for_other_volumes=True, **told).wait()
    assert not {"adapt", "predict"} & set(phases)
    assert "cohort" in phases
    for found in (again.predictions[0].labels.array, previews[-1]):
        assert np.array_equal(found, first.predictions[0].labels.array)
    assert again.quality == first.quality


def test_it_matches_saved_tasks_as_the_engine_does(client, cohort, one_thread, tmp_path):
    from medmeta.adaptation import AdaptedTask
    from medmeta.transfer.similarity import compare

    case, other = cohort
    found = client.adapt([case], learner="siamese", for_other_volumes=False).wait()
    client.save(found.task, tmp_path / "task").wait()
    (tmp_path / "damaged").write_bytes((tmp_path / "task").read_bytes()[:-9])
    names = ("task", "missing", "damaged")
    good, missing, damaged = client.match([tmp_path / name for name in names], other, device="cpu").wait()
    here = compare(AdaptedTask.load(tmp_path / "task"), other, "cpu")
    assert good.similarity.distance == pytest.approx(here.distance, abs=1e-5)
    assert good.similarity.threshold == here.threshold
    assert "does not exist" in missing.problem
    assert "damaged" in damaged.problem


def test_errors_of_the_engine_keep_their_kind(client, cohort):
    with pytest.raises(DeviceError, match="choose auto"):
        client.adapt([cohort[0]], device="gpu").wait()


MOST = 0.3
"""CPU seconds that it may still compute: what else the machine does counts for little. A step takes a quarter of it."""


def computed(process):
    """CPU seconds that a process has taken so far; 0 where the system does not tell."""
    path = Path(f"/proc/{process}/stat")
    if not path.exists():
        return 0.0
    fields = path.read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def cancelled_in(phase, client, ask):
    """CPU seconds that a request still takes after it was cancelled in a phase."""
    events = []
    pending = ask(on_progress=events.append)
    while not any(event.phase == phase for event in events):
        client.poll()
        time.sleep(0.001)
        assert not pending.done
    before = computed(client.process.pid)
    pending.cancel()
    with pytest.raises(Cancelled):
        pending.wait(10)
    return computed(client.process.pid) - before


@pytest.mark.alone
def test_it_is_cancelled_soon_in_any_phase(client, cohort, one_thread, tmp_path):
    ((volume, reference), (other, _)) = procedural_cohort(3, 2, structures=1, size=(64, 64), slices=(20, 20))
    drawn = simulate(reference.array, axis=2, k=4)
    case = AnnotatedVolume(volume, SparseAnnotation.from_labels(drawn.labels, axis=2, slices=drawn.slices))
    took = {}
    phases = ("check", "maml"), ("adapt", "maml"), *((phase, "siamese") for phase in ("predict", "refine", "cohort"))
    for seed, (phase, learner) in enumerate(phases, 10):  # none is completed already
        ask = partial(client.adapt, [case], learner=learner, seed=seed, device="cpu")
        took[phase] = cancelled_in(phase, client, ask)
    settings = AdaptationSettings(other_steps=2 * WARM_UP)
    adapt([cohort[0]], learner="siamese", device="cpu", settings=settings).task.save(tmp_path / "task")
    task = client.load(tmp_path / "task").wait().task
    for phase in ("register", "predict", "refine"):
        took[f"{phase} another"] = cancelled_in(phase, client, partial(client.predict, task, other, device="cpu"))
    assert max(took.values()) < MOST, took


def test_a_task_is_made_ready_once_for_a_cohort_and_again_for_another_device(monkeypatch):
    made = []

    class Ready:
        def __init__(self, task, device, checkpoint, load):
            made.append((task, device))

        def __call__(self, volume, **_):
            return volume

    monkeypatch.setattr(engine, "Predictor", Ready)
    warm, options = engine.Engine(), {"notice": print, "checkpoint": None}
    first, second = object(), object()
    for volume in range(3):
        assert warm.predict(first, volume, device="cpu", **options) == volume
    warm.predict(first, 3, device="auto", **options)
    warm.predict(second, 4, device="auto", **options)
    assert made == [(first, "cpu"), (first, "auto"), (second, "auto")]


def test_what_it_warms_up_with_is_segmented_in_both_volumes(monkeypatch):
    found = []
    for name in ("adapt", "Predictor"):
        original = getattr(engine, name)
        monkeypatch.setattr(
            engine, name, lambda *a, original=original, **k: found.append(original(*a, **k)) or found[-1]
        )
    engine.Engine().warm_up()
    adapted, predictor = found
    assert adapted.predictions[0].labels.array.any()
    assert predictor.task is adapted.task


@pytest.mark.parametrize("broken", [False, True])
def test_on_a_gpu_it_is_warm_before_it_is_ready(monkeypatch, broken):
    warmed = []

    def warm_up(self):
        warmed.append(self)
        if broken:
            raise RuntimeError("CUDA error")

    monkeypatch.setattr(engine.Engine, "device", "cuda")
    monkeypatch.setattr(engine.Engine, "warm_up", warm_up)
    subject = engine.Engine()
    assert warmed == [subject]
