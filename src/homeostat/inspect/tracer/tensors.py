"""Tensors: small functions that the recorder uses often."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import torch
from torch.nn.parameter import UninitializedParameter

from homeostat.inspect.tracer.sampling import sample


def first_tensor(output: Any) -> Any:
    """The first tensor in whatever a module returned."""
    return next(tensors_in(output), None)


def tensors_in(output: Any) -> Iterator[Any]:
    """The tensors in whatever a module returned: itself, or parts of a tuple, dict or object."""
    if isinstance(output, torch.Tensor):
        yield output
        return
    if isinstance(output, dict):
        output = list(output.values())
    if not isinstance(output, (tuple, list)):
        output = list(vars(output).values()) if hasattr(output, "__dict__") else []
    for part in output:
        if isinstance(part, (torch.Tensor, tuple, list)):
            yield from tensors_in(part)


def loose_tensors(model: Any) -> Iterator[tuple[str, Any]]:
    """Tensors held by a module that require a gradient, but are not among its parameters."""
    for path, module in model.named_modules():
        for name, value in vars(module).items():
            if isinstance(value, torch.Tensor) and value.requires_grad and value.is_leaf:
                yield f"{path}.{name}" if path else name, value


def gain(shown: Any, output: Any) -> float | None:
    """Size of what came out over size of what went in; tokens count as 1."""
    if not output.is_floating_point() or not output.numel():
        return None
    size = float(output.detach().double().square().mean().sqrt())
    before = float(shown.double().square().mean().sqrt()) if shown.is_floating_point() else 1.0
    return size / (before or 1.0)


def is_clear(optimizer: Any, most: int = 3) -> bool:
    """Whether its gradients are None or zero, judged by the first few."""
    looked = 0
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            if parameter.grad is not None:
                looked += 1
                values = parameter.grad
                if values.is_sparse:
                    values = values.coalesce().values()
                if bool(values.any()):
                    return False
                if looked >= most:
                    return True
    return True


def copies(optimizer: Any) -> dict[int, Any]:
    """The weights of an optimiser as they are now, flat; evenly spaced entries of large ones."""
    return {
        id(p): sample(p).clone()
        for group in optimizer.param_groups
        for p in group["params"]
        if not isinstance(p, UninitializedParameter)
    }


def digest(models: list[Any], optimizers: list[Any]) -> str:
    """A digest of the bits of every weight."""
    found = hashlib.blake2b(digest_size=16)
    tensors = [t for model in models for t in model.state_dict().values()]
    tensors += [p for o in optimizers for group in o.param_groups for p in group["params"]]
    for tensor in tensors:
        if isinstance(tensor, torch.Tensor) and not isinstance(tensor, UninitializedParameter):
            flat = tensor.detach().cpu().contiguous().reshape(-1)
            found.update(flat.view(torch.uint8).numpy().data)  # not copied
    return found.hexdigest()
