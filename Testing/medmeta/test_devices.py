import warnings

import pytest
import torch

from medmeta.devices import quick_precision, resolve_device
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


@pytest.mark.parametrize("able", [True, False])
def test_networks_predict_in_half_precision_where_the_cpu_computes_in_it(monkeypatch, able):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: able, raising=False)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False, raising=False)
    layer, x = torch.nn.Conv2d(1, 1, 1), torch.ones(1, 1, 2, 2)
    with torch.no_grad(), quick_precision(torch.device("cpu")):
        assert layer(x).dtype == (torch.bfloat16 if able else torch.float32)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: not including_emulation and able)
    with warnings.catch_warnings():  # without a GPU torch says so
        warnings.simplefilter("ignore")
        assert quick_precision(torch.device("cuda"))._enabled == (able and torch.cuda.is_available())


def test_a_torch_that_does_not_tell_what_the_cpu_can_computes_in_full_precision(monkeypatch):
    monkeypatch.delattr(torch.cpu, "_is_avx512_bf16_supported", raising=False)
    monkeypatch.delattr(torch.cpu, "_is_amx_tile_supported", raising=False)
    with quick_precision(torch.device("cpu")):
        assert torch.nn.Conv2d(1, 1, 1)(torch.ones(1, 1, 2, 2)).dtype == torch.float32
