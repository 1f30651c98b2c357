import pytest
import torch

from medmeta.adaptation.memory import within_memory


class Gpu:
    """Room for so many slices at once; the CPU has room for all."""

    def __init__(self, room):
        self.room = room
        self.tried = []

    def __call__(self, device, batch):
        self.tried.append((device, batch))
        if device != "cpu" and batch > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return device


def test_what_fits_is_run_once():
    gpu, said = Gpu(8), []
    assert within_memory(gpu, "cuda", 8, said.append) == "cuda"
    assert gpu.tried == [("cuda", 8)]
    assert said == []


def test_smaller_batches_come_first_and_the_user_is_told():
    gpu, said = Gpu(3), []
    assert within_memory(gpu, "cuda", 8, said.append) == "cuda"
    assert gpu.tried == [("cuda", 8), ("cuda", 4), ("cuda", 2)]
    assert len(said) == 2
    assert "2 slices at once" in said[-1]


def test_the_cpu_is_the_last_resort():
    gpu, said = Gpu(0), []
    assert within_memory(gpu, "auto", 2, said.append) == "cpu"
    assert gpu.tried == [("auto", 2), ("auto", 1), ("cpu", 1)]
    assert "on the CPU" in said[-1]


def test_where_the_cpu_fails_too_it_is_an_error():
    tried = []

    def run(device, batch):
        tried.append(device)
        raise torch.OutOfMemoryError("no room")

    with pytest.raises(torch.OutOfMemoryError):
        within_memory(run, "cuda", 1)
    assert tried == ["cuda", "cpu"]
