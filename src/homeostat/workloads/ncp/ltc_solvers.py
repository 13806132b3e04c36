"""Solvers: advance the voltages of liquid time-constant neurons by part of a step, any backend.

cm dv/dt = towards - strength v, both of which depend on v: what all synapses and the leak pull
with, and what they pull to (Hasani et al. 2021, equation 1).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from homeostat.workloads.ncp.spec import LTC_EPSILON

# B sequences, N neurons. Arrays are the backend's own: torch tensors, MLX arrays.
Array = Any
Pull = tuple[Array, Array]
"""Strength, and strength times target, of each neuron."""


class Pulled(Protocol):
    """Neurons with their synapses."""

    @property
    def cm_N(self) -> Array: ...

    def total_pull(self, sensory: Pull, v_BN: Array) -> Pull: ...


def _semi_implicit(circuit: Pulled, sensory: Pull, v_BN: Array, h_B1: Array) -> Array:
    strength, towards = circuit.total_pull(sensory, v_BN)
    inertia = circuit.cm_N / h_B1
    return (inertia * v_BN + towards) / (inertia + strength + LTC_EPSILON)


def _slope(circuit: Pulled, sensory: Pull, v_BN: Array) -> Array:
    strength, towards = circuit.total_pull(sensory, v_BN)
    return (towards - strength * v_BN) / circuit.cm_N


def _explicit(circuit: Pulled, sensory: Pull, v_BN: Array, h_B1: Array) -> Array:
    return v_BN + h_B1 * _slope(circuit, sensory, v_BN)


def _rk4(circuit: Pulled, sensory: Pull, v_BN: Array, h_B1: Array) -> Array:
    k1 = _slope(circuit, sensory, v_BN)
    k2 = _slope(circuit, sensory, v_BN + 0.5 * h_B1 * k1)
    k3 = _slope(circuit, sensory, v_BN + 0.5 * h_B1 * k2)
    k4 = _slope(circuit, sensory, v_BN + h_B1 * k3)
    return v_BN + h_B1 / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)


SOLVERS: dict[str, Callable[[Pulled, Pull, Array, Array], Array]] = {
    "semi_implicit": _semi_implicit,
    "explicit": _explicit,
    "rk4": _rk4,
}
