"""Small parts both kinds of layer share: activations, the backbone, the LSTM memory."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from homeostat.workloads.ncp.spec import LECUN_IN, LECUN_OUT, Backbone, Parameters


def lecun_tanh(z: Tensor) -> Tensor:
    return LECUN_OUT * torch.tanh(LECUN_IN * z)


def magnitude(w: Tensor) -> Tensor:
    """|w|, with slope 1 at 0: a parameter that starts there would otherwise never move."""
    return torch.where(w >= 0.0, w, -w)


ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "lecun_tanh": lecun_tanh,
    "tanh": torch.tanh,
    "relu": F.relu,
    "gelu": F.gelu,
    "silu": F.silu,
}


def dense(values: Parameters) -> nn.Linear:
    """A linear map with the given weight and bias."""
    output_size, input_size = values["weight"].shape
    linear = nn.Linear(input_size, output_size)
    linear.load_state_dict({name: torch.from_numpy(value) for name, value in values.items()})
    return linear


def register(module: nn.Module, values: Parameters) -> None:
    """Make each initial value a parameter of the module, under its own name."""
    for name, value in values.items():
        module.register_parameter(name, nn.Parameter(torch.from_numpy(value)))


def backbone_forward(module: nn.Module, spec: Backbone, x: Tensor) -> Tensor:
    """Linear, activation and dropout, `spec.layers` times, with the module's parameters."""
    for layer in range(spec.layers):
        weight = module.get_parameter(f"backbone_weight_{layer}")
        bias = module.get_parameter(f"backbone_bias_{layer}")
        x = ACTIVATIONS[spec.activation](F.linear(x, weight, bias))
        x = F.dropout(x, spec.dropout, module.training)
    return x


def memory_step(
    module: nn.Module, x_BI: Tensor, h_BH: Tensor, c_BH: Tensor
) -> tuple[Tensor, Tensor]:
    """One step of an LSTM cell, which lets a gradient survive long waits (Lechner & Hasani 2020).

    The forget gate starts open: 1 is added to it.
    """
    gates = F.linear(
        x_BI, module.get_parameter("memory_input_weight"), module.get_parameter("memory_input_bias")
    ) + F.linear(h_BH, module.get_parameter("memory_recurrent_weight"))
    enter, forget, candidate, leave = gates.chunk(4, dim=-1)
    c_BH = torch.sigmoid(forget + 1.0) * c_BH + torch.sigmoid(enter) * torch.tanh(candidate)
    return torch.sigmoid(leave) * torch.tanh(c_BH), c_BH
