"""One liquid time-constant layer (LTC), step by step and over a whole sequence.

A neuron's potential v leaks to its rest and is pulled by synapses, whose strength depends on the
potential of the neuron before them; so its time constant moves with its input:

    cm dv/dt = gleak (vleak - v) + sum_i w_i s_i (erev_i - v),   s_i = sigmoid(sigma_i (v_i - mu_i))

The semi-implicit ("fused") solver makes each new v a weighted mean of the old one, of vleak and of
the erev: no state can leave their range, whatever the time step.

Source: Hasani et al. 2021, AAAI 35(9):7657, arXiv:2006.04439, algorithm 1.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from homeostat.workloads.ncp.ltc_solvers import SOLVERS
from homeostat.workloads.ncp.on_torch.ltc_fused import Circuit, Synapses, ltc_sequence
from homeostat.workloads.ncp.on_torch.parts import backbone_forward, memory_step, register
from homeostat.workloads.ncp.spec import LTCSpec

# T steps, B sequences, I inputs, N neurons, O outputs.
State = tuple[Tensor, ...]


class LTCCell(nn.Module):
    """One LTC layer. Its state is (v,), or (v, c) with mixed memory."""

    mask: Tensor
    sensory_mask: Tensor

    def __init__(self, spec: LTCSpec, rng: np.random.Generator) -> None:
        super().__init__()
        self.spec = spec
        wiring = spec.wiring()
        register(self, spec.initial(rng))
        for name, signs in (
            ("mask", wiring.synapses_NN),
            ("sensory_mask", wiring.sensory_IN),
        ):
            present = torch.from_numpy(np.abs(signs).astype(np.float32))
            self.register_buffer(name, present, persistent=False)

    def initial_state(self, x_TBI: Tensor) -> State:
        zeros = x_TBI.new_zeros(x_TBI.shape[1], self.spec.rule.units)
        return (zeros, zeros) if self.spec.mixed_memory else (zeros,)

    def circuit(self) -> Circuit:
        """The parameters as the equations use them: positive, masked, synapses grouped."""
        get = self.get_parameter
        groups = [
            Synapses(
                sigma=get(prefix + "sigma"),
                mu=get(prefix + "mu"),
                w=F.softplus(get(prefix + "w")) * mask,
                erev=get(prefix + "erev"),
            )
            for prefix, mask in (("", self.mask), ("sensory_", self.sensory_mask))
        ]
        gleak = F.softplus(get("gleak"))
        return Circuit(
            synapses=groups[0],
            sensory=groups[1],
            gleak_N=gleak,
            rest_N=gleak * get("vleak"),
            cm_N=F.softplus(get("cm")),
        )

    def sense(self, x: Tensor) -> Tensor:
        """Inputs as the sensory synapses see them: through the backbone and an affine map."""
        features = backbone_forward(self, self.spec.backbone, x)
        return features * self.get_parameter("input_weight") + self.get_parameter("input_bias")

    def read(self, v: Tensor) -> Tensor:
        """The output neurons' potentials through an affine map, last axis O."""
        motor = v[..., : self.spec.rule.outputs]
        return motor * self.get_parameter("output_weight") + self.get_parameter("output_bias")

    def step(self, x_BI: Tensor, dt_B1: Tensor, state: State) -> State:
        """The state one step later, in plain operations."""
        return self._step(x_BI, self.sense(x_BI), dt_B1, state, self.circuit())

    def _step(
        self, x_BI: Tensor, sensed_BI: Tensor, dt_B1: Tensor, state: State, circuit: Circuit
    ) -> State:
        v_BN, memory = state[0], state[1:]
        if self.spec.mixed_memory:
            v_BN, c_BN = memory_step(self, x_BI, v_BN, memory[0])
            memory = (c_BN,)
        solve = SOLVERS[self.spec.solver]
        sensory = circuit.sensory.pull(sensed_BI)
        h_B1 = dt_B1 / self.spec.unfolds
        for _ in range(self.spec.unfolds):
            v_BN = solve(circuit, sensory, v_BN, h_B1)
        return (v_BN, *memory)

    def forward(self, x_TBI: Tensor, dt_TB1: Tensor, state: State) -> tuple[Tensor, State]:
        """Outputs after each step, shape (T, B, O), and the last state."""
        circuit, sensed_TBI = self.circuit(), self.sense(x_TBI)
        if self.spec.solver == "semi_implicit" and not self.spec.mixed_memory:
            v_TBN = ltc_sequence(circuit, sensed_TBI, dt_TB1, state[0], self.spec.unfolds)
            return self.read(v_TBN), (v_TBN[-1],)
        states = []
        for x_BI, sensed_BI, dt_B1 in zip(x_TBI, sensed_TBI, dt_TB1, strict=True):
            state = self._step(x_BI, sensed_BI, dt_B1, state, circuit)
            states.append(state[0])
        return self.read(torch.stack(states)), state
