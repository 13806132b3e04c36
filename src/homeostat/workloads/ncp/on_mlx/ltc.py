"""One liquid time-constant layer in MLX; the equations stand in `on_torch/ltc.py`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import mlx.core as mx
import mlx.nn as nn
import numpy as np

from homeostat.workloads.ncp.ltc_solvers import SOLVERS, Pull
from homeostat.workloads.ncp.on_mlx.parts import (
    Tensor,
    backbone_forward,
    memory_step,
    register,
)
from homeostat.workloads.ncp.spec import LTCSpec

# T steps, B sequences, I inputs, M neurons before a synapse, N after it.
State = tuple[Any, ...]


@dataclass(frozen=True)
class MLXSynapses:
    """Synapses from M neurons to N: all of shape (M, N); `w` is 0 where there is none."""

    sigma: Tensor
    mu: Tensor
    w: Tensor
    towards: Tensor
    """w times erev."""

    def pull(self, v: Tensor) -> Pull:
        """Strength, and strength times target, of each neuron: (..., M) to (..., N) twice."""
        opened = mx.sigmoid(self.sigma * (v[..., None] - self.mu))
        return (opened * self.w).sum(-2), (opened * self.towards).sum(-2)


@dataclass(frozen=True)
class MLXCircuit:
    synapses: MLXSynapses
    sensory: MLXSynapses
    gleak_N: Tensor
    rest_N: Tensor
    cm_N: Tensor

    def total_pull(self, sensory: Pull, v_BN: Tensor) -> Pull:
        strength, towards = self.synapses.pull(v_BN)
        return strength + sensory[0] + self.gleak_N, towards + sensory[1] + self.rest_N


class MLXLTCCell(nn.Module):  # type: ignore[misc]  # MLX is untyped
    """One LTC layer. Its state is (v,), or (v, c) with mixed memory."""

    def __init__(self, spec: LTCSpec, rng: np.random.Generator) -> None:
        super().__init__()
        self._spec = spec
        wiring = spec.wiring()
        register(self, spec.initial(rng))
        # A leading underscore keeps MLX from training them.
        self._mask = mx.array(np.abs(wiring.synapses_NN).astype(np.float32))
        self._sensory_mask = mx.array(np.abs(wiring.sensory_IN).astype(np.float32))

    def initial_state(self, batch: int) -> State:
        zeros = mx.zeros((batch, self._spec.rule.units))
        return (zeros, zeros) if self._spec.mixed_memory else (zeros,)

    def _circuit(self) -> MLXCircuit:
        groups = []
        for prefix, mask in (("", self._mask), ("sensory_", self._sensory_mask)):
            w = softplus(self[prefix + "w"]) * mask
            towards = w * self[prefix + "erev"]
            groups.append(MLXSynapses(self[prefix + "sigma"], self[prefix + "mu"], w, towards))
        gleak = softplus(self.gleak)
        return MLXCircuit(groups[0], groups[1], gleak, gleak * self.vleak, softplus(self.cm))

    def __call__(self, x_TBI: Tensor, dt_TB1: Tensor, state: State) -> tuple[Tensor, State]:
        """Outputs after each step, shape (T, B, O), and the last state."""
        spec, circuit = self._spec, self._circuit()
        sensed = backbone_forward(self, spec.backbone, x_TBI) * self.input_weight + self.input_bias
        solve = SOLVERS[spec.solver]
        h_TB1 = dt_TB1 / spec.unfolds
        v_BN, memory = state[0], state[1:]
        states = []
        for t in range(x_TBI.shape[0]):
            if spec.mixed_memory:
                v_BN, c_BN = memory_step(self, x_TBI[t], v_BN, memory[0])
                memory = (c_BN,)
            sensory = circuit.sensory.pull(sensed[t])
            for _ in range(spec.unfolds):
                v_BN = solve(circuit, sensory, v_BN, h_TB1[t])
            states.append(v_BN)
        motor = mx.stack(states)[..., : spec.rule.outputs]
        return motor * self.output_weight + self.output_bias, (v_BN, *memory)


def softplus(raw: Tensor) -> Tensor:
    return mx.logaddexp(raw, mx.array(0.0))
