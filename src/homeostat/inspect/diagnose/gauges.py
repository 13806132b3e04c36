"""Gauges: how long, how large and how dead the values between modules are, in the last pass."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from homeostat.inspect.diagnose.facts import tensors

_SATURATING = (nn.Sigmoid, nn.Tanh, nn.Hardtanh, nn.Hardsigmoid)
_FLAT = 0.01
"""An output this close to an end of its range is at its flat end."""
_MOSTLY = 0.5


@dataclass
class Gauge:
    """One module's output in the last training pass."""

    module: str
    largest: float
    """Largest absolute value."""
    shortest_row: float
    """Norm of its shortest row."""
    zero_rows: int
    """Rows of norm exactly zero in the arithmetic of their own type."""
    saturated: float
    """Share of entries at the flat ends (of a sigmoid or tanh)."""
    no_gradient: float = 0.0
    """Share of entries whose gradient was exactly zero."""

    @property
    def is_saturated(self) -> bool:
        """Whether most of its output is at a flat end."""
        return self.saturated > _MOSTLY

    @property
    def is_dead(self) -> bool:
        """Whether most of its output gets no gradient."""
        return self.no_gradient >= _MOSTLY

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


class Gauges:
    """Keeps a gauge for each submodule that computes something itself."""

    def __init__(self) -> None:
        self._last: dict[str, Gauge] = {}
        self._frozen: dict[str, Gauge] | None = None

    @property
    def all(self) -> list[Gauge]:
        """One per module, in the order of the forward pass."""
        return list((self._frozen if self._frozen is not None else self._last).values())

    def freeze(self) -> None:
        """Keep what is there; later passes are those of a broken network."""
        self._frozen = {name: Gauge(**asdict(gauge)) for name, gauge in self._last.items()}

    def follow(self, module: nn.Module, prefix: str) -> Iterable[RemovableHandle]:
        """Hook every submodule."""
        for name, part in module.named_modules():
            path = ".".join(p for p in (prefix, name) if p)
            if path:
                yield part.register_forward_hook(self._hook(path))

    def _hook(self, path: str) -> Any:
        def look(part: nn.Module, _inputs: Any, result: Any) -> None:
            output = next(tensors(result), None)
            # In evaluation there is no gradient, and the training pass is what is asked about.
            if output is None or not torch.is_grad_enabled() or output.numel() == 0:
                return
            # Hidden from whatever watches operations: these are ours, not the loop's.
            with torch._C.DisableTorchFunction():
                gauge = _measure(path, part, output.detach())
            self._last[path] = gauge
            if output.requires_grad and output.grad_fn is not None:
                output.register_hook(lambda grad: _note_gradient(gauge, grad))

        return look


def _measure(path: str, part: nn.Module, output: Tensor) -> Gauge:
    rows = output.reshape(output.shape[0], -1) if output.ndim else output.reshape(1, 1)
    squares = rows.pow(2).sum(-1)
    flat = 0.0
    if isinstance(part, _SATURATING):
        low, high = (0.0, 1.0) if isinstance(part, (nn.Sigmoid, nn.Hardsigmoid)) else (-1.0, 1.0)
        flat = float(((output - low < _FLAT) | (high - output < _FLAT)).float().mean())
    return Gauge(
        module=path,
        largest=float(output.abs().max()),
        shortest_row=float(rows.double().norm(dim=-1).min()),
        zero_rows=int((squares == 0).sum()),
        saturated=flat,
    )


def _note_gradient(gauge: Gauge, grad: Tensor) -> None:
    gauge.no_gradient = float((grad == 0).float().mean())
