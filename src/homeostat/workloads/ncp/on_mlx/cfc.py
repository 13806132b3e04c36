"""One closed-form continuous-time cell in MLX; the equations stand in `on_torch/cfc.py`."""

from __future__ import annotations

from typing import Any

import mlx.core as mx
import mlx.nn as nn
import numpy as np

from homeostat.workloads.ncp.on_mlx.parts import (
    Tensor,
    after_linear,
    backbone_forward,
    linear,
    memory_step,
    register,
)
from homeostat.workloads.ncp.spec import CfCSpec

# T steps, B sequences, I inputs, H neurons, K heads.
State = tuple[Any, ...]


class MLXCfCCell(nn.Module):  # type: ignore[misc]  # MLX is untyped
    """One CfC layer. Its state is (h,), or (h, c) with mixed memory."""

    def __init__(self, spec: CfCSpec, rng: np.random.Generator) -> None:
        super().__init__()
        self._spec = spec
        register(self, spec.initial(rng))
        # A leading underscore keeps MLX from training it.
        self._mask = (
            None if spec.mask is None else mx.array(np.tile(spec.mask, (spec.num_heads, 1)))
        )

    def initial_state(self, batch: int) -> State:
        zeros = mx.zeros((batch, self._spec.hidden_size))
        return (zeros, zeros) if self._spec.mixed_memory else (zeros,)

    def __call__(self, x_TBI: Tensor, dt_TB1: Tensor, state: State) -> tuple[Tensor, State]:
        """All states h, shape (T, B, H), and the last state."""
        spec = self._spec
        weight, bias = self.heads_weight, self.heads_bias
        if self._mask is not None:
            weight = weight * self._mask
        deep = spec.backbone.layers > 0
        first, first_bias = (
            (self.backbone_weight_0, self.backbone_bias_0) if deep else (weight, bias)
        )
        # The inputs' share of the first product, for all steps at once.
        from_x = linear(x_TBI, first[:, : spec.input_size], first_bias)
        from_h = first[:, spec.input_size :].T

        h_BH, memory = state[0], state[1:]
        states = []
        for t in range(x_TBI.shape[0]):
            if spec.mixed_memory:
                h_BH, c_BH = memory_step(self, x_TBI[t], h_BH, memory[0])
                memory = (c_BH,)
            heads = mx.addmm(from_x[t], h_BH, from_h)
            if deep:
                u = after_linear(self, spec.backbone, heads)
                u = backbone_forward(self, spec.backbone, u, start=1)
                heads = linear(u, weight, bias)
            h_BH = self._combine(heads, dt_TB1[t])
            states.append(h_BH)
        return mx.stack(states), (h_BH, *memory)

    def _combine(self, heads: Tensor, dt_B1: Tensor) -> Tensor:
        if self._spec.mode == "pure":
            # Slope 1 at 0, where it starts: MLX's abs has none there, and it would never move.
            w_tau = mx.where(self.w_tau >= 0.0, self.w_tau, -self.w_tau)
            speed = w_tau + mx.abs(heads)
            return self.A - self.A * mx.exp(-dt_B1 * speed) * heads
        f1, f2, t_a, t_b = mx.split(heads, 4, axis=-1)
        gate = mx.sigmoid(t_a * dt_B1 + t_b)
        if self._spec.mode == "no_gate":
            return mx.tanh(f1) + gate * mx.tanh(f2)
        return mx.tanh(f1) * (1.0 - gate) + gate * mx.tanh(f2)
