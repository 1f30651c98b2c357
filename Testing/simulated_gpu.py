"""A GPU for tests on machines without one: its tensors lie in the host's memory, but may not meet those of the CPU.

It tells whether everything was brought to the device that it is computed on. What only real hardware shows (kernels,
streams, captured graphs, memory) it does not: `test_gpu.py` is for that.

A process has it for good once it was made, so tests have it in processes of their own.
"""

from __future__ import annotations

from contextlib import nullcontext
from functools import cache

import torch
from torch.utils import backend_registration
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map_only, tree_unflatten

NAME = "simulated"
aten = torch.ops.aten

ACROSS = {aten._to_copy.default, aten.copy_.default}
"""Operations that bring tensors from one device to another."""

INDEXED = {aten.index.Tensor, aten.index_put.default, aten.index_put_.default, aten._index_put_impl_.default}
"""On a real GPU as well these take indices from the host."""


class OnGPU(torch.Tensor):
    """A tensor that says it is on the GPU.

    Args:
        held: its values, in the host's memory.
    """

    @staticmethod
    def __new__(cls, held: torch.Tensor) -> OnGPU:
        place = {"strides": held.stride(), "storage_offset": held.storage_offset()}
        found = torch.Tensor._make_wrapper_subclass(cls, held.size(), dtype=held.dtype, device=f"{NAME}:0", **place)
        found.held = held
        return found

    def __repr__(self) -> str:
        return f"OnGPU({tuple(self.shape)}, {self.dtype})"

    def tolist(self) -> list:
        return self.held.tolist()

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        return _compute(func, args, kwargs or {})


class _Generator(torch.Generator):
    def __new__(cls, device=None):
        return super().__new__(cls)


class _Backend(backend_registration._DummyBackendModule):
    def get_amp_supported_dtype(self) -> list[torch.dtype]:
        return [torch.bfloat16]


def _lstm_cell(from_input, from_hidden, cell, input_bias=None, hidden_bias=None):
    """What a GPU computes at once."""
    gates = from_input + from_hidden + (0 if input_bias is None else input_bias + hidden_bias)
    enter, forget, new, leave = gates.chunk(4, 1)
    cell = torch.sigmoid(forget) * cell + torch.sigmoid(enter) * torch.tanh(new)
    return torch.sigmoid(leave) * torch.tanh(cell), cell, gates


def _pin_memory(value, device=None):
    """Memory that a GPU reads beside its work."""
    return value.clone()


ONLY_THERE = {aten._thnn_fused_lstm_cell.default: _lstm_cell, aten._pin_memory.default: _pin_memory}
"""What the CPU does not have."""


def _compute(func, args, kwargs):
    """An operation with tensors of either kind; refused, as a GPU refuses it, where they are of both."""
    given, spec = tree_flatten((args, kwargs))
    mine = [value for value in given if isinstance(value, OnGPU)]
    others = [value for value in given if isinstance(value, torch.Tensor) and not isinstance(value, OnGPU)]
    if mine and func not in ACROSS:
        inputs = others if func not in INDEXED else [] if isinstance(args[0], OnGPU) else [args[0]]
        if any(value.dim() for value in inputs):
            raise RuntimeError(f"{func}: expected all tensors to be on the same device, some are on the CPU")
    args, kwargs = tree_unflatten([value.held if isinstance(value, OnGPU) else value for value in given], spec)
    asked = kwargs.get("device")
    if asked is not None:
        kwargs = {**kwargs, "device": torch.device("cpu")}
    kwargs.pop("pin_memory", None)
    found = ONLY_THERE.get(func, func)(*args, **kwargs)
    if func is aten.copy_.default:
        return given[0]
    if not (bool(mine) if asked is None else torch.device(asked).type == NAME):
        return found
    same = {id(value.held): value for value in mine}
    return tree_map_only(torch.Tensor, lambda value: same[id(value)] if id(value) in same else OnGPU(value), found)


class _Factories(TorchDispatchMode):
    """Makes tensors on the GPU that is asked for."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        return _compute(func, args, kwargs or {})


_library = torch.library.Library("aten", "IMPL")


def _kernels() -> None:
    """For what PyTorch calls where no mode listens: so it brings a list to the device that it is an index on."""

    def empty(size, *, dtype=None, layout=None, device=None, pin_memory=None, memory_format=None):
        return OnGPU(torch.empty(size, dtype=dtype, memory_format=memory_format or torch.contiguous_format))

    def empty_strided(size, stride, *, dtype=None, layout=None, device=None, pin_memory=None):
        return OnGPU(torch.empty_strided(size, stride, dtype=dtype))

    def copy_from(source, target, non_blocking=False):
        return _compute(aten.copy_.default, (target, source), {})

    for name, kernel in {"empty.memory_format": empty, "empty_strided": empty_strided, "_copy_from": copy_from}.items():
        _library.impl(name, kernel, "PrivateUse1")


@cache
def simulate() -> torch.device:
    """Makes the GPU, and medmeta treat it as one; before anything else of medmeta is imported."""
    backend_registration._setup_privateuseone_for_python_backend(NAME, _Backend())
    _kernels()
    _Factories().__enter__()
    device = torch.device(NAME, 0)

    from medmeta import devices

    devices.resolve_device = lambda name="auto": device if name == NAME else torch.device(name)
    devices.quick_precision = lambda _: nullcontext()

    from medmeta.adaptation import look, render, trace
    from medmeta.postprocessing import walk
    from medmeta.transfer import prediction

    for sizes in (look.AT_ONCE, prediction.AT_ONCE, render.AT_ONCE, walk.CHECKED):
        sizes[NAME] = sizes["cuda"]
    torch.Generator = _Generator
    trace.LossTrace.__init__.__defaults__ = (lambda loss: (loss.detach().cpu(), lambda: True),)
    return device


def compare(cases, other, learner):
    """Adapts on the GPU and on the CPU; to be called in a process of its own.

    Args:
        cases: annotated volumes.
        other: a volume to predict with what was adapted; None for none.
        learner: see `adapt`.

    Returns:
        For each device the label maps and confidences found, as arrays, and the device that the result names.
    """
    simulate()
    from medmeta.adaptation import AdaptationSettings, adapt, predict

    settings = AdaptationSettings(for_other_volumes=other is not None, other_steps=3)
    found = {}
    for device in (NAME, "cpu"):
        result = adapt(cases, learner=learner, device=device, settings=settings)
        predictions = [*result.predictions, *([] if other is None else [predict(result.task, other, device=device)])]
        arrays = [part.array for p in predictions for part in (p.labels, p.confidence)]
        found[device] = arrays, result.task.provenance["device"]
    return found


def mixed():
    """The error where a tensor of the host meets one of the GPU; to be called in a process of its own."""
    device = simulate()
    try:
        torch.ones(3, device=device) + torch.ones(3)
    except RuntimeError as error:
        return str(error)
