"""PyTorch: state dicts become versions of models that the measure ``tensors`` can compare.

There is no loop to hook into: call `log_model` where you save. `omprov run` sees what
``torch.save`` writes without it.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from omprov.repository import ActiveRun

try:
    import safetensors.torch as _safetensors
except ImportError:  # then PyTorch's own format
    _safetensors = None


def log_model(
    run: ActiveRun,
    model: torch.nn.Module | Mapping[str, Any],
    asset: str,
    *,
    role: str | None = None,
    message: str = "",
    path: str | Path | None = None,
) -> None:
    """Name a model as an output of a run, by its state dict.

    It is stored as ``model.safetensors`` where all of it is tensors and that package is installed;
    else as ``model.pt`` by ``torch.save``. Neither is ever unpickled here; to read a ``model.pt``
    back, keep to ``torch.load(…, weights_only=True)``. Tensors that share memory are stored once
    each.

    Args:
        run: which run made it.
        model: a module, or its state dict, or a checkpoint with state dicts in it.
        asset: whose version it becomes.
        role: its place in the run; the kind of the asset where left out.
        message: what to say of the version.
        path: a file to write it to, which has to stay until the run has ended. Without it the
            bytes are kept in memory until then: for a model of many gigabytes give a path.
    """
    state = state_of(model)
    name = "model.safetensors" if _fits_safetensors(state) else "model.pt"
    if path is None:
        run.log_output(asset, {name: _to_bytes(state, name)}, role=role, message=message)
        return
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    if _fits_safetensors(state) and target.suffix != ".pt":
        _safetensors.save_file(_apart(state), target)
    else:
        torch.save(state, target)
    run.log_output(asset, target, role=role, message=message)


def state_of(model: torch.nn.Module | Mapping[str, Any]) -> dict[str, Any]:
    """Return the state dict of a module, of what `DistributedDataParallel` wraps, or itself."""
    if not isinstance(model, torch.nn.Module):
        return dict(model)
    inner = model.module if isinstance(model, torch.nn.parallel.DistributedDataParallel) else model
    return dict(inner.state_dict())


def _fits_safetensors(state: Mapping[str, Any]) -> bool:
    return _safetensors is not None and all(
        isinstance(value, torch.Tensor)
        and value.layout is torch.strided
        and not value.is_quantized
        and not value.is_complex()
        for value in state.values()
    )


def _to_bytes(state: Mapping[str, Any], name: str) -> bytes:
    if name.endswith(".safetensors"):
        return bytes(_safetensors.save(_apart(state)))
    buffer = io.BytesIO()
    torch.save(dict(state), buffer)
    return buffer.getvalue()


def _apart(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the tensors in main memory, row by row, no two of them in the same place."""
    seen: set[int] = set()
    found: dict[str, torch.Tensor] = {}
    for name, value in state.items():
        tensor = value.detach().cpu().contiguous()
        place = tensor.untyped_storage().data_ptr()
        found[name] = tensor.clone() if place in seen else tensor
        seen.add(place)
    return found
