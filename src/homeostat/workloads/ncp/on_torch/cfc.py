"""One closed-form continuous-time cell (CfC), step by step and over a whole sequence.

The cell solves a liquid time-constant neuron in closed form: no solver, one evaluation per step.

    u = backbone([x, h])
    default   h' = tanh(f1) (1 - g) + g tanh(f2),   g = sigmoid(t_a dt + t_b)
    no_gate   h' = tanh(f1) + g tanh(f2)
    pure      h' = A - A exp(-dt (|w_tau| + |f1|)) f1

Source: Hasani et al. 2022, Nature Machine Intelligence 4:992.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from homeostat.workloads.ncp.on_torch.cfc_fused import CfCSequence
from homeostat.workloads.ncp.on_torch.parts import (
    backbone_forward,
    magnitude,
    memory_step,
    register,
)
from homeostat.workloads.ncp.spec import LECUN_IN, LECUN_OUT, CfCSpec

# M members, T steps, B sequences, I inputs, H neurons, K heads.
State = tuple[Tensor, ...]


class CfCCell(nn.Module):
    """One CfC layer. Its state is (h,), or (h, c) with mixed memory."""

    mask: Tensor | None

    def __init__(self, spec: CfCSpec, rng: np.random.Generator) -> None:
        super().__init__()
        self.spec = spec
        self.dropout_rng: np.random.Generator | None = None
        """Where dropout draws from; torch's own generator when None."""
        register(self, spec.initial(rng))
        mask = None if spec.mask is None else torch.from_numpy(spec.mask).repeat(spec.num_heads, 1)
        self.register_buffer("mask", mask, persistent=False)

    @property
    def heads_weight_masked(self) -> Tensor:
        weight = self.get_parameter("heads_weight")
        return weight if self.mask is None else weight * self.mask

    def initial_state(self, x_TBI: Tensor) -> State:
        zeros = x_TBI.new_zeros(x_TBI.shape[1], self.spec.hidden_size)
        return (zeros, zeros) if self.spec.mixed_memory else (zeros,)

    def step(self, x_BI: Tensor, dt_B1: Tensor, state: State) -> State:
        """The state one step later, in plain operations: the cell as its equations read."""
        h_BH, memory = state[0], state[1:]
        if self.spec.mixed_memory:
            h_BH, c_BH = memory_step(self, x_BI, h_BH, memory[0])
            memory = (c_BH,)
        u = backbone_forward(self, self.spec.backbone, torch.cat([x_BI, h_BH], dim=-1))
        heads = F.linear(u, self.heads_weight_masked, self.get_parameter("heads_bias"))
        return (self._combine(heads, dt_B1), *memory)

    def _combine(self, heads: Tensor, dt_B1: Tensor) -> Tensor:
        if self.spec.mode == "pure":
            speed = magnitude(self.get_parameter("w_tau")) + heads.abs()
            a = self.get_parameter("A")
            return a - a * torch.exp(-dt_B1 * speed) * heads
        f1, f2, t_a, t_b = heads.chunk(4, dim=-1)
        gate = torch.sigmoid(t_a * dt_B1 + t_b)
        if self.spec.mode == "no_gate":
            return torch.tanh(f1) + gate * torch.tanh(f2)
        return torch.lerp(torch.tanh(f1), torch.tanh(f2), gate)

    def forward(self, x_TBI: Tensor, dt_TB1: Tensor, state: State) -> tuple[Tensor, State]:
        """All states h, shape (T, B, H), and the last state."""
        if not self.spec.mixed_memory:
            alone = cfc_sequence([self], x_TBI.unsqueeze(1), dt_TB1.unsqueeze(1), state[0][None])
            h_TBH = alone.squeeze(1)
            return h_TBH, (h_TBH[-1],)
        states = []
        for x_BI, dt_B1 in zip(x_TBI, dt_TB1, strict=True):
            state = self.step(x_BI, dt_B1, state)
            states.append(state[0])
        return torch.stack(states), state


def cfc_sequence(
    cells: Sequence[CfCCell], x_TMBI: Tensor, dt_TMB1: Tensor, h0_MBH: Tensor
) -> Tensor:
    """States h after each step, shape (T, M, B, H), from inputs, time steps and first states.

    Args:
        cells: The members, of one specification; every gradient goes to its own member.

    Differentiable once: a second derivative raises torch's own error; `CfCCell.step` has all.
    """
    spec, backbone = cells[0].spec, cells[0].spec.backbone

    def stacked(name: str) -> Tensor:
        return torch.stack([cell.get_parameter(name) for cell in cells])

    weights = [stacked(f"backbone_weight_{i}") for i in range(backbone.layers)]
    biases = [stacked(f"backbone_bias_{i}") for i in range(backbone.layers)]
    weights.append(torch.stack([cell.heads_weight_masked for cell in cells]))
    biases.append(stacked("heads_bias"))

    activation = backbone.activation
    if activation == "lecun_tanh":
        # Its two constants fold into the weights around it, which leaves a plain tanh in the loop.
        activation = "tanh"
        for i in range(backbone.layers):
            weights[i], biases[i] = LECUN_IN * weights[i], LECUN_IN * biases[i]
            weights[i + 1] = LECUN_OUT * weights[i + 1]

    keep = None
    if backbone.layers and backbone.dropout and cells[0].training:
        length, _, batch = x_TMBI.shape[:3]
        shape = (backbone.layers, length, batch, backbone.units)
        keep = torch.stack([_kept(cell, x_TMBI.new_empty(shape)) for cell in cells], dim=2)

    pure: tuple[Tensor | None, ...] = (None, None)
    if spec.mode == "pure":
        pure = (stacked("A"), stacked("w_tau"))
    h_TMBH: Tensor = CfCSequence.apply(  # type: ignore[no-untyped-call]  # torch's own is untyped
        spec.mode, activation, keep, x_TMBI, dt_TMB1, h0_MBH, *pure, *weights, *biases
    )
    return h_TMBH


def _kept(cell: CfCCell, out: Tensor) -> Tensor:
    """The factor of dropout for each output, into `out`: 0, or what keeps the mean."""
    dropout = cell.spec.backbone.dropout
    if cell.dropout_rng is None:
        return F.dropout(out.fill_(1.0), dropout)
    # 16 random bits an output take a tenth of the time of torch's own draw.
    bits = np.frombuffer(cell.dropout_rng.bytes(2 * out.numel()), dtype=np.uint16)
    kept = torch.from_numpy(bits >= round(dropout * 2**16)).view(out.shape)
    return out.copy_(kept).mul_(1.0 / (1.0 - dropout))
