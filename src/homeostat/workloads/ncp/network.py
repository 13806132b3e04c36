"""The network a configuration describes: recurrent layers and a linear read-out, in PyTorch."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from homeostat.space import Config
from homeostat.workloads.ncp.model import LTC, CfC, Stack, time_major
from homeostat.workloads.ncp.on_torch.parts import dense
from homeostat.workloads.ncp.settings import layer_options, units
from homeostat.workloads.ncp.spec import initial_dense

# B sequences, T steps, I inputs, O outputs.


class Network(nn.Module):
    """Recurrent layers, then one linear map per step: (B, T, I) and (B, T) to (B, T, O)."""

    def __init__(
        self, config: Config, input_size: int, output_size: int, rng: np.random.Generator
    ) -> None:
        super().__init__()
        self.recurrent: Stack | LSTM
        if config.model == "lstm":
            self.recurrent = LSTM(input_size, config.hidden_size, config.num_layers, rng)
        else:
            layer = CfC if config.model == "cfc" else LTC
            options = layer_options(config)
            self.recurrent = layer(input_size, units(config), config.num_layers, rng=rng, **options)
        self.readout = dense(initial_dense(self.recurrent.output_size, output_size, rng))

    def forward(self, x_BTI: Tensor, dt_BT: Tensor) -> Tensor:
        y_BTH, _ = self.recurrent(x_BTI, dt_BT)
        return cast(Tensor, self.readout(y_BTH))


class LSTM(nn.Module):
    """The usual recurrent network as a baseline; it sees the time passed as one more input."""

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int, rng: np.random.Generator
    ) -> None:
        super().__init__()
        self.output_size = hidden_size
        self.lstm = nn.LSTM(input_size + 1, hidden_size, num_layers, batch_first=True)
        limit = 1.0 / np.sqrt(hidden_size)
        with torch.no_grad():
            for parameter in self.lstm.parameters():
                values = rng.uniform(-limit, limit, tuple(parameter.shape)).astype(np.float32)
                parameter.copy_(torch.from_numpy(values))

    def forward(self, x_BTI: Tensor, dt_BT: Tensor) -> tuple[Tensor, Any]:
        steps_BT1 = time_major(dt_BT, x_BTI).transpose(0, 1)
        y_BTH, state = self.lstm(torch.cat([x_BTI, steps_BT1], dim=2))
        return y_BTH, state
