import pytest
import torch

from medmeta.devices import resolve_device
from medmeta.errors import DeviceError


def test_auto_takes_a_gpu_where_there_is_one_and_else_the_cpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert resolve_device("auto").type == "cpu"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert resolve_device("auto").type == "cuda"


@pytest.mark.parametrize("name", ["cuda", "cuda:3"])
def test_a_gpu_that_is_not_there_is_refused(monkeypatch, name):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(DeviceError, match=f"{name}.*no CUDA GPU"):
        resolve_device(name)


@pytest.mark.parametrize("name", ["tpu", "", "meta", "cpu:7"])
def test_an_unknown_device_is_refused(name):
    with pytest.raises(DeviceError, match="not known"):
        resolve_device(name)
