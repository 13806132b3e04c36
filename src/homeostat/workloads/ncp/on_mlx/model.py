"""The network a configuration describes, in MLX: recurrent layers and a linear read-out."""

from __future__ import annotations

from typing import Any

import mlx.core as mx
import mlx.nn as nn
import numpy as np

from homeostat.space import Config
from homeostat.workloads.ncp.on_mlx.cfc import MLXCfCCell
from homeostat.workloads.ncp.on_mlx.ltc import MLXLTCCell
from homeostat.workloads.ncp.on_mlx.parts import Tensor, linear
from homeostat.workloads.ncp.settings import layer_options, units
from homeostat.workloads.ncp.spec import (
    Backbone,
    Parameters,
    cfc_layers,
    initial_dense,
    layer_inputs,
    ltc_layer,
)

# B sequences, T steps, I inputs, O outputs.


class MLXNetwork(nn.Module):  # type: ignore[misc]  # MLX is untyped
    """Recurrent layers, then one linear map per step: (B, T, I) and (B, T) to (B, T, O)."""

    def __init__(
        self, config: Config, input_size: int, output_size: int, rng: np.random.Generator
    ) -> None:
        super().__init__()
        if config.model == "lstm":
            self.recurrent = MLXLSTM(input_size, config.hidden_size, config.num_layers, rng)
            outputs = int(config.hidden_size)
        else:
            self.recurrent = MLXStack(config, input_size, rng)
            outputs = self.recurrent.output_size
        self.readout = dense(initial_dense(outputs, output_size, rng))

    def __call__(self, x_BTI: Tensor, dt_BT: Tensor) -> Tensor:
        x_TBI, dt_TB1 = x_BTI.swapaxes(0, 1), dt_BT.T[..., None]
        return self.readout(self.recurrent(x_TBI, dt_TB1)).swapaxes(0, 1)


class MLXStack(nn.Module):  # type: ignore[misc]  # MLX is untyped
    """CfC or LTC layers one upon another, with the options of a configuration."""

    def __init__(self, config: Config, input_size: int, rng: np.random.Generator) -> None:
        super().__init__()
        options, size = layer_options(config), units(config)
        outputs = size if isinstance(size, int) else size.outputs
        self._outputs, self._residual = outputs, options["residual"]
        self._num_layers, shared = config.num_layers, options["share_layers"]
        backbone = Backbone(
            units=options["backbone_units"],
            layers=options["backbone_layers"],
            activation=options["activation"],
            dropout=options["backbone_dropout"],
        )
        memory = options["mixed_memory"]
        self.layers = []
        for inputs in layer_inputs(input_size, outputs, config.num_layers, shared):
            if config.model == "cfc":
                cells, _ = cfc_layers(
                    inputs,
                    size,
                    mode=options["mode"],
                    backbone=backbone,
                    mixed_memory=memory,
                    gate_span=options["gate_span"],
                )
                self.layers.append([MLXCfCCell(cell, rng) for cell in cells])
            else:
                layer = ltc_layer(
                    inputs,
                    size,
                    backbone=backbone,
                    solver=options["solver"],
                    unfolds=options["unfolds"],
                    mixed_memory=memory,
                )
                self.layers.append([MLXLTCCell(layer, rng)])
        if shared:
            self.projection = dense(initial_dense(input_size, outputs, rng))

    @property
    def output_size(self) -> int:
        return int(self._outputs)

    def __call__(self, x_TBI: Tensor, dt_TB1: Tensor) -> Tensor:
        y_TBO = self.projection(x_TBI) if "projection" in self else x_TBI
        shared = len(self.layers) < self._num_layers
        for depth in range(self._num_layers):
            below = y_TBO
            for cell in self.layers[0 if shared else depth]:
                y_TBO, _ = cell(y_TBO, dt_TB1, cell.initial_state(x_TBI.shape[1]))
            y_TBO = y_TBO[..., : self._outputs]
            if self._residual and below.shape == y_TBO.shape:
                y_TBO = y_TBO + below
        return y_TBO


class MLXLSTM(nn.Module):  # type: ignore[misc]  # MLX is untyped
    """The baseline: it sees the time passed as one more input. Names as PyTorch's."""

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int, rng: np.random.Generator
    ) -> None:
        super().__init__()
        self._hidden_size, self._num_layers = hidden_size, num_layers
        limit = 1.0 / np.sqrt(hidden_size)
        self.lstm: dict[str, Any] = {}
        for layer in range(num_layers):
            inputs = hidden_size if layer else input_size + 1
            for name, shape in (
                ("weight_ih", (4 * hidden_size, inputs)),
                ("weight_hh", (4 * hidden_size, hidden_size)),
                ("bias_ih", (4 * hidden_size,)),
                ("bias_hh", (4 * hidden_size,)),
            ):
                values = rng.uniform(-limit, limit, shape).astype(np.float32)
                self.lstm[f"{name}_l{layer}"] = mx.array(values)

    def __call__(self, x_TBI: Tensor, dt_TB1: Tensor) -> Tensor:
        y = mx.concatenate([x_TBI, dt_TB1], axis=2)
        for layer in range(self._num_layers):
            get = {name: self.lstm[f"{name}_l{layer}"] for name in ("weight_ih", "weight_hh")}
            bias = self.lstm[f"bias_ih_l{layer}"] + self.lstm[f"bias_hh_l{layer}"]
            from_x = linear(y, get["weight_ih"], bias)
            h = c = mx.zeros((y.shape[1], self._hidden_size))
            states = []
            for t in range(y.shape[0]):
                gates = mx.addmm(from_x[t], h, get["weight_hh"].T)
                enter, forget, candidate, leave = mx.split(gates, 4, axis=-1)
                c = mx.sigmoid(forget) * c + mx.sigmoid(enter) * mx.tanh(candidate)
                h = mx.sigmoid(leave) * mx.tanh(c)
                states.append(h)
            y = mx.stack(states)
        return y


def dense(values: Parameters) -> nn.Linear:
    """A linear map with the given weight and bias."""
    output_size, input_size = values["weight"].shape
    layer = nn.Linear(input_size, output_size)
    layer.weight, layer.bias = mx.array(values["weight"]), mx.array(values["bias"])
    return layer
