"""Small facts about tensors: which rows are not finite, how long rows are, what a row is called."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

ROWS_SHOWN = 8


def tensors(value: Any) -> Iterator[Tensor]:
    """The floating-point tensors in a value, nested or not."""
    if isinstance(value, Tensor):
        if value.is_floating_point() or value.is_complex():
            yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from tensors(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from tensors(item)


def is_finite(value: Tensor) -> bool:
    """Whether every entry is finite (of a sparse tensor, every stored one)."""
    # Detached: the check itself must not become part of the gradient's graph.
    value = value.detach()
    if value.layout is not torch.strided:
        value = value.coalesce().values() if value.is_sparse else value.values()
    return bool(torch.isfinite(value).all())


def has_nan(value: Any) -> bool:
    """Whether any tensor in a value holds a NaN."""
    return any(
        bool(torch.isnan(t.detach()).any()) for t in tensors(value) if t.layout is torch.strided
    )


def has_nonfinite(value: Any) -> bool:
    """Whether any tensor in a value holds a NaN or an infinity."""
    return any(not is_finite(t) for t in tensors(value))


def bad_rows(value: Tensor) -> list[int]:
    """Indices along the first axis whose entries are not all finite."""
    if value.ndim == 0 or value.layout is not torch.strided:
        return []
    flat = value.detach().reshape(value.shape[0], -1)
    return [int(i) for i in (~torch.isfinite(flat)).any(1).nonzero()[:, 0]]


def row_norms(value: Tensor, rows: Sequence[int]) -> list[float]:
    """Euclidean length of some rows."""
    flat = value.detach().reshape(value.shape[0], -1)
    return [float(flat[row].double().norm()) for row in rows]


def row_names(rows: Sequence[int], length: int, names: Sequence[str]) -> list[str]:
    """What rows are called: the workload's names if it has one for each, their numbers if not."""
    if len(names) == length:
        return [str(names[row]) for row in rows]
    return [f"row {row}" for row in rows]


def node_of(tensor: Tensor) -> Any:
    """The node of the gradient's graph that made a tensor, if there is one and it may be asked."""
    try:
        return tensor.grad_fn
    except RuntimeError:  # a view made without gradients, of something changed in place since
        return None
