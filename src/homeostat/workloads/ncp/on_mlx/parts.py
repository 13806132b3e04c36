"""Small parts both kinds of layer share: activations, the backbone, dropout, the LSTM memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mlx.core as mx
import mlx.nn as nn

from homeostat.workloads.ncp.spec import LECUN_IN, LECUN_OUT, Backbone, Parameters

# MLX ships no type information that a strict checker accepts.
Tensor = Any

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "lecun_tanh": lambda z: LECUN_OUT * mx.tanh(LECUN_IN * z),
    "tanh": mx.tanh,
    "relu": nn.relu,
    "gelu": nn.gelu,
    "silu": nn.silu,
}


def register(module: nn.Module, values: Parameters) -> None:
    """Make each initial value a parameter of the module, under its own name."""
    for name, value in values.items():
        setattr(module, name, mx.array(value))


def linear(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return mx.addmm(bias, x, weight.T)


def dropout(x: Tensor, share: float, training: bool) -> Tensor:
    if not training or share == 0.0:
        return x
    return x * mx.random.bernoulli(1.0 - share, x.shape) / (1.0 - share)


def backbone_forward(module: nn.Module, spec: Backbone, x: Tensor, *, start: int = 0) -> Tensor:
    """Linear, activation and dropout from layer `start` on, with the module's parameters."""
    for layer in range(start, spec.layers):
        z = linear(x, module[f"backbone_weight_{layer}"], module[f"backbone_bias_{layer}"])
        x = after_linear(module, spec, z)
    return x


def after_linear(module: nn.Module, spec: Backbone, z: Tensor) -> Tensor:
    return dropout(ACTIVATIONS[spec.activation](z), spec.dropout, module.training)


def memory_step(module: nn.Module, x_BI: Tensor, h_BH: Tensor, c_BH: Tensor) -> tuple[Any, Any]:
    """One step of an LSTM cell whose forget gate starts open: 1 is added to it."""
    gates = linear(x_BI, module["memory_input_weight"], module["memory_input_bias"])
    gates = gates + h_BH @ module["memory_recurrent_weight"].T
    enter, forget, candidate, leave = mx.split(gates, 4, axis=-1)
    c_BH = mx.sigmoid(forget + 1.0) * c_BH + mx.sigmoid(enter) * mx.tanh(candidate)
    return mx.sigmoid(leave) * mx.tanh(c_BH), c_BH
