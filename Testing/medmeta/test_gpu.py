"""What only a GPU can show; skipped where there is none."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from medmeta.adaptation import AdaptationSettings, adapt, predict
from medmeta.adaptation.memory import within_memory
from medmeta.evaluation.metrics import dice
from medmeta.evaluation.speed import SpeedCase
from medmeta.learners.checkpoint import load_checkpoint
from medmeta.learners.weights import find_weights
from medmeta.training.run import STAGES, MetaTraining
from medmeta.training.trainer import Schedule
from medmeta.transfer.fine_tuning import FineTuning, TileBatch

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")

SETTINGS = AdaptationSettings(for_other_volumes=False)


@pytest.fixture(scope="module")
def case():
    return SpeedCase(size=96, slices=30, structures=2).volumes()


def labels_of(case, device, settings=SETTINGS, **more):
    return adapt([case[0]], device=device, settings=settings, **more)


@pytest.mark.parametrize("learner", ["auto", "maml", "siamese", "lstm"])
def test_the_gpu_finds_what_the_cpu_finds(case, learner):
    here, there = (labels_of(case, device, learner=learner).predictions[0] for device in ("cpu", "cuda"))
    for value in (1, 2):
        assert dice(here.labels.array == value, there.labels.array == value) > 0.97
    assert np.abs(here.confidence.array - there.confidence.array).mean() < 0.02


def test_the_gpu_repeats_itself(case):
    one, other = (labels_of(case, "cuda").predictions[0].labels.array for _ in range(2))
    assert dice(one > 0, other > 0) > 0.999


def test_other_volumes_are_found_on_the_gpu_as_on_the_cpu(case):
    settings = replace(SETTINGS, for_other_volumes=True)
    task = labels_of(case, "cuda", settings).task
    here, there = (predict(task, case[2], device=device).labels.array for device in ("cpu", "cuda"))
    assert (here > 0).any()
    assert dice(here > 0, there > 0) > 0.95


def test_a_gpu_without_memory_hands_over_to_the_cpu(case):
    said = []
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(1e-4)  # 8 MB of 80 GB
    try:
        result = within_memory(
            lambda device, batch: labels_of(case, device, replace(SETTINGS, batch=batch)), "cuda", 8, said.append
        )
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert result.task.provenance["device"] == "cpu"
    assert "on the CPU" in said[-1]
    assert dice(result.predictions[0].labels.array > 0, labels_of(case, "cpu").predictions[0].labels.array > 0) > 0.99


def test_a_captured_step_does_what_a_step_does():
    learner, _ = load_checkpoint(find_weights("maml"))
    learner.to("cuda")
    shared = {name: p.detach().clone() for name, p in learner.shared().items()}
    torch.manual_seed(0)
    batches = [
        TileBatch(
            torch.rand(4, 5, 64, 64, device="cuda"),
            torch.rand(4, 13, 64, 64, device="cuda"),
            (torch.rand(4, 2, 64, 64, device="cuda") > 0.5).float(),
            torch.tensor([[0, 1, 2], [1, 2, 3]], device="cuda"),
        )
        for _ in range(8)
    ]
    start = {name: p.detach() for name, p in learner.initial().items()}
    losses = []
    for capture in (False, True):
        learner.load_state_dict(shared, strict=False)
        tuning = FineTuning(learner, [start, start], capture)
        losses.append([float(tuning.step(batch, 1e-3, lambda: None)) for batch in batches])
        assert tuning.capture == capture
    np.testing.assert_allclose(*losses, rtol=2e-2)
    assert losses[0][-1] < losses[0][0]


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_meta_trains_on_the_gpu(stage, tmp_path):
    out = tmp_path / "weights.safetensors"
    schedule = Schedule(0, 1e-3, warm_up=1, steps=3)
    MetaTraining(stage, out, 0, batch=2, workers=1, sizes=(48,), device="cuda", schedule=schedule).run(lambda _: None)
    learner, header = load_checkpoint(out)
    assert header["provenance"]["device"] == torch.cuda.get_device_name()
    assert all(bool(torch.isfinite(p).all()) for p in learner.parameters())
