import pytest
import torch

import medmeta.adaptation
from medmeta.cli import main
from medmeta.transfer import prediction, similarity


@pytest.fixture
def files(write_case, tmp_path):
    """A volume, and a label map of which slices 3 and 8 are drawn."""
    return write_case(tmp_path, [3, 8])


@pytest.fixture
def once(monkeypatch):
    """Has a function find too little memory when it is called first; returns how often it was called."""

    def short(owner, name):
        run, calls = getattr(owner, name), []

        def running(*given, **named):
            calls.append(name)
            if len(calls) == 1:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return run(*given, **named)

        monkeypatch.setattr(owner, name, running)
        return calls

    return short


def test_a_gpu_with_too_little_memory_ends_no_command_and_is_told_of(files, checkpoint, once, capsys):
    volume, drawn, task = files / "volume.nii.gz", files / "drawn.nii.gz", files / "task.safetensors"
    weights = ("--checkpoint", checkpoint)

    def run(*words):
        capsys.readouterr()
        assert main([str(word) for word in words]) == 0
        assert "medmeta: The GPU's memory is too small" in capsys.readouterr().err

    adapting = once(medmeta.adaptation, "adapt")
    run("adapt", volume, drawn, "-o", task, *weights)
    assert len(adapting) == 2
    adapting.clear()
    run("suggest", volume, drawn, *weights)
    assert len(adapting) == 2
    adapting.clear()
    predicting = once(medmeta.adaptation, "predict")
    run("segment", volume, drawn, "-o", files / "out.nii.gz", "--also", volume, "--out-dir", files / "others", *weights)
    assert (len(adapting), len(predicting)) == (2, 2)
    calling = once(prediction.Predictor, "__call__")
    run("predict", task, volume, "--out-dir", files / "cohort", *weights)
    assert len(calling) == 2
    ranking = once(similarity, "rank")
    run("match", volume, task)
    assert len(ranking) == 2
