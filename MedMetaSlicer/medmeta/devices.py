"""Which device to compute on."""

from __future__ import annotations

import torch

from medmeta.errors import DeviceError


def resolve_device(name: str = "auto") -> torch.device:
    """The device of a name.

    Args:
        name: "auto" (a CUDA GPU where there is one, else the CPU), "cpu", "cuda" or "cuda:N".

    Raises:
        DeviceError: an unknown name, or a GPU that is not there.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    if device is None or device.type not in ("cpu", "cuda") or (device.type == "cpu" and device.index):
        raise DeviceError(f"Device {name!r} is not known: choose auto, cpu or cuda.")
    if device.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (device.index or 0) >= count:
            found = f"{count} CUDA GPU(s)" if count else "no CUDA GPU"
            raise DeviceError(f"Device {name!r} is not available ({found} found): choose auto or cpu.")
    return device


def usual_batch(device: torch.device) -> int:
    """Slices that go through a network at once: enough to keep the device busy."""
    return 32 if device.type == "cuda" else 8


def quick_precision(device: torch.device) -> torch.autocast:
    """A context in which networks predict in bfloat16 where the device computes in it; elsewhere it changes nothing.

    Elsewhere bfloat16 would be emulated, and take longer.
    """
    if device.type == "cuda":
        able = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        known = (getattr(torch.cpu, f"_is_{name}_supported", None) for name in ("avx512_bf16", "amx_tile"))
        able = any(ask() for ask in known if ask)
    return torch.autocast(device.type, torch.bfloat16, enabled=able)
