"""CfC and LTC as one uses them, in PyTorch: layers that take irregular sequences, and stack."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from homeostat.errors import DataError
from homeostat.workloads.ncp.on_torch.cfc import CfCCell
from homeostat.workloads.ncp.on_torch.ltc import LTCCell
from homeostat.workloads.ncp.on_torch.parts import dense
from homeostat.workloads.ncp.spec import (
    Backbone,
    cfc_layers,
    initial_dense,
    layer_inputs,
    ltc_layer,
)
from homeostat.workloads.ncp.timesteps import check_positive, check_shape
from homeostat.workloads.ncp.wirings import WiringRule

# B sequences, T steps, I inputs, O outputs.
Cell = CfCCell | LTCCell
State = tuple[tuple[Tensor, ...], ...]
Times = Tensor | float | None


class Stack(nn.Module):
    """Recurrent layers one upon another: what `CfC` and `LTC` share. Not used on its own."""

    def __init__(
        self,
        input_size: int,
        outputs: int,
        layers: Sequence[Sequence[Cell]],
        *,
        num_layers: int,
        residual: bool,
        projection: nn.Linear | None,
    ) -> None:
        super().__init__()
        self.input_size, self.output_size = input_size, outputs
        self.num_layers, self.residual = num_layers, residual
        # A layer is one cell, or one for each part of its wiring. Shared, it stands here once.
        self.layers = nn.ModuleList(nn.ModuleList(layer) for layer in layers)
        self.projection = projection

    def forward(
        self, x: Tensor, dt: Times = None, state: State | None = None
    ) -> tuple[Tensor, State]:
        """Run over whole sequences.

        Args:
            x: Inputs, shape (B, T, I).
            dt: Time passed at each step, above 0: one number, (T,) or (B, T). 1 by default.
            state: Where to start from, as an earlier call returned it; at rest by default.

        Returns:
            Outputs, shape (B, T, O), and the state after the last step.

        Raises:
            DataError: If shapes do not fit, or a time step is not above 0 (naming its row).
        """
        if x.dim() != 3 or x.shape[2] != self.input_size:
            raise DataError(
                f"Inputs have shape {list(x.shape)}; expected [B, T, {self.input_size}].",
                hint="Give rows of equal length with one column per input.",
            )
        dt_TB1 = time_major(dt, x)
        y_TBO = x.transpose(0, 1).contiguous()
        if self.projection is not None:
            y_TBO = self.projection(y_TBO)
        ends: list[tuple[Tensor, ...]] = []
        for cells in self.depths():
            below = y_TBO
            for cell in cells:
                start = cell.initial_state(y_TBO) if state is None else state[len(ends)]
                y_TBO, end = cell(y_TBO, dt_TB1, start)
                ends.append(end)
            y_TBO = self.leave(y_TBO, below)
        return y_TBO.transpose(0, 1), tuple(ends)

    def step(self, x: Tensor, dt: Times = None, state: State | None = None) -> tuple[Tensor, State]:
        """One step, for data that arrives as it happens: x is (B, I), the output (B, O).

        `dt` is one number or (B,). Feed the returned state to the next call.
        """
        if isinstance(dt, Tensor) and dt.dim():
            dt = dt.unsqueeze(-1)
        y, state = self.forward(x.unsqueeze(1), dt, state)
        return y[:, 0], state

    def depths(self) -> list[list[Cell]]:
        """The cells of each layer, from the input up; shared layers stand here every time."""
        layers = [cast(list[Cell], list(cast(nn.ModuleList, layer))) for layer in self.layers]
        return layers if len(layers) == self.num_layers else layers * self.num_layers

    def leave(self, y: Tensor, below: Tensor) -> Tensor:
        """What a layer hands up: its output neurons, and what it was given if residual."""
        y = y[..., : self.output_size]
        return y + below if self.residual and below.shape == y.shape else y


class CfC(Stack):
    """Closed-form continuous-time layers: recurrent networks that know how much time has passed.

    Each neuron is a liquid time-constant neuron, solved in closed form, so a step costs one
    evaluation whatever its length. Suited to irregularly sampled series and to event streams.

    Args:
        input_size: Number of input columns.
        hidden_size: Number of neurons, or a wiring (`AutoNCP(28, 4)`). A wiring takes no backbone,
            and gives out its motor neurons only. Two to four times the inputs is a good start.
        num_layers: Layers one upon another.
        mode: "default" (two candidates and a gate), "no_gate" (the gate scales the second
            candidate only) or "pure" (the closed form itself; the fewest parameters).
        activation: Of the backbone: lecun_tanh, tanh, relu, gelu or silu.
        backbone_units: Width of the backbone; twice the neurons by default.
        backbone_layers: Dense layers before the heads, 0 or more.
        backbone_dropout: Share dropped after every backbone layer while training.
        mixed_memory: Put an LSTM cell before each cell, for long waits. Slower.
        gate_span: Fresh gates open one after another over this much time, so that every wait up
            to it can be told from its neighbours; 0 leaves that to the random weights.
        residual: Add each layer's input to its output, where their sizes agree.
        share_layers: Use one layer's weights at every depth; inputs are projected to its size.
        rng: Where initial values come from; torch's global generator decides when None.

    Example:
        >>> cfc = CfC(input_size=10, hidden_size=32)
        >>> y, state = cfc(torch.randn(8, 50, 10), dt=torch.rand(8, 50) + 0.1)
        >>> y.shape
        torch.Size([8, 50, 32])

    Source: Hasani et al. 2022, Nature Machine Intelligence 4:992.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int | WiringRule,
        num_layers: int = 1,
        *,
        mode: str = "default",
        activation: str = "lecun_tanh",
        backbone_units: int | None = None,
        backbone_layers: int | None = None,
        backbone_dropout: float = 0.0,
        mixed_memory: bool = False,
        gate_span: float = 0.0,
        residual: bool = False,
        share_layers: bool = False,
        rng: np.random.Generator | None = None,
    ) -> None:
        rng = rng or _from_torch()
        wired = not isinstance(hidden_size, int)
        units = hidden_size if isinstance(hidden_size, int) else hidden_size.units
        outputs = hidden_size if isinstance(hidden_size, int) else hidden_size.outputs
        backbone = Backbone(
            units=2 * units if backbone_units is None else backbone_units,
            layers=(0 if wired else 1) if backbone_layers is None else backbone_layers,
            activation=activation,
            dropout=backbone_dropout,
        )
        layers = []
        for size in layer_inputs(input_size, outputs, num_layers, share_layers):
            specs, _ = cfc_layers(
                size,
                hidden_size,
                mode=mode,
                backbone=backbone,
                mixed_memory=mixed_memory,
                gate_span=gate_span,
            )
            layers.append([CfCCell(spec, rng) for spec in specs])
        super().__init__(
            input_size,
            outputs,
            layers,
            num_layers=num_layers,
            residual=residual,
            projection=_projection(input_size, outputs, rng) if share_layers else None,
        )


class LTC(Stack):
    """Liquid time-constant layers: neurons with leak and synapses, integrated in time.

    Each step solves the neurons' differential equation over the time passed. Slower than `CfC` and
    closer to biology: every parameter is a leak, a capacity or a synapse one can read.

    Args:
        input_size: Number of input columns.
        hidden_size: Number of neurons, fully connected, or a wiring (`AutoNCP(28, 4)`), which gives
            out its motor neurons only.
        num_layers: Layers one upon another.
        activation: Of the backbone.
        backbone_units: Width of the backbone; twice the neurons by default.
        backbone_layers: Dense layers between inputs and sensory synapses; none by default.
        backbone_dropout: Share dropped after every backbone layer while training.
        solver: "semi_implicit" (bounded at any time step, and the fast one), "explicit" (Euler;
            unstable once a time step is long against a neuron's time constant) or "rk4".
        unfolds: Solver steps per time step.
        mixed_memory: Put an LSTM cell before each cell, for long waits. Slower.
        residual: Add each layer's input to its output, where their sizes agree.
        share_layers: Use one layer's weights at every depth; inputs are projected to its size.
        rng: Where initial values come from; torch's global generator decides when None.

    Example:
        >>> ltc = LTC(input_size=10, hidden_size=AutoNCP(28, 4))
        >>> y, state = ltc(torch.randn(8, 50, 10))
        >>> y.shape
        torch.Size([8, 50, 4])

    Source: Hasani et al. 2021, AAAI 35(9):7657, arXiv:2006.04439.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int | WiringRule,
        num_layers: int = 1,
        *,
        activation: str = "tanh",
        backbone_units: int | None = None,
        backbone_layers: int = 0,
        backbone_dropout: float = 0.0,
        solver: str = "semi_implicit",
        unfolds: int = 6,
        mixed_memory: bool = False,
        residual: bool = False,
        share_layers: bool = False,
        rng: np.random.Generator | None = None,
    ) -> None:
        rng = rng or _from_torch()
        units = hidden_size if isinstance(hidden_size, int) else hidden_size.units
        outputs = hidden_size if isinstance(hidden_size, int) else hidden_size.outputs
        backbone = Backbone(
            units=2 * units if backbone_units is None else backbone_units,
            layers=backbone_layers,
            activation=activation,
            dropout=backbone_dropout,
        )
        layers = []
        for size in layer_inputs(input_size, outputs, num_layers, share_layers):
            spec = ltc_layer(
                size,
                hidden_size,
                backbone=backbone,
                solver=solver,
                unfolds=unfolds,
                mixed_memory=mixed_memory,
            )
            layers.append([LTCCell(spec, rng)])
        super().__init__(
            input_size,
            outputs,
            layers,
            num_layers=num_layers,
            residual=residual,
            projection=_projection(input_size, outputs, rng) if share_layers else None,
        )


def time_major(dt: Times, x_BTI: Tensor) -> Tensor:
    """Time steps as (T, B, 1), checked, from any form `Stack.forward` takes."""
    batch, length = x_BTI.shape[:2]
    dt = torch.as_tensor(1.0 if dt is None else dt, dtype=x_BTI.dtype, device=x_BTI.device)
    check_shape(tuple(dt.shape), batch, length)
    if not bool((dt > 0).all() & dt.isfinite().all()):
        check_positive(dt.detach().cpu().numpy())
    dt = dt.squeeze(-1) if dt.dim() == 3 else dt
    return dt.expand(batch, length).t().unsqueeze(-1).contiguous()


def _projection(input_size: int, outputs: int, rng: np.random.Generator) -> nn.Linear:
    return dense(initial_dense(input_size, outputs, rng))


def _from_torch() -> np.random.Generator:
    return np.random.default_rng(int(torch.randint(2**62, ())))
