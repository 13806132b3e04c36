"""The yardsticks of the NEAT paper: exclusive or, and two poles on one cart.

Source: Stanley & Miikkulainen 2002, section 4; Wieland 1991 for the equations of the cart.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from homeostat.workloads.evolution.compiled import compiled, compiled_part
from homeostat.workloads.evolution.neat.evolve import Networks
from homeostat.workloads.evolution.neat.network import activate

Array = npt.NDArray[Any]

XOR_SOLVED = 16.0
POLE_STEPS = 100_000

_POLE_LENGTH = (0.5, 0.05)  # m, half of each pole
_POLE_MASS = (0.1, 0.01)  # kg
_CART_MASS, _GRAVITY, _FORCE, _HINGE = 1.0, -9.8, 10.0, 0.000002
_STEP_S = 0.01
_TRACK, _TILT = 2.4, math.radians(36.0)


@compiled
def _xor(networks: Any, scores: Any) -> None:
    signal, out = np.zeros(256), np.zeros(1)
    for i in range(len(scores)):
        off, right = 0.0, True
        for case in range(4):
            a, b = case // 2, case % 2
            signal[0], signal[1], signal[2] = 1.0, a, b
            activate(
                networks.row_link[i],
                networks.link_from[i],
                networks.link_weight[i],
                networks.hidden[i],
                networks.outputs,
                signal,
                networks.first,
                networks.slope,
                out,
            )
            off += abs((a ^ b) - out[0])
            right = right and (out[0] > 0.5) == (a != b)
        # The paper calls XOR solved when all four answers round rightly.
        scores[i] = XOR_SOLVED if right else (4.0 - off) ** 2


def xor(networks: Networks) -> Array:
    """(4 - sum of errors) squared, or 16 when all four answers are on the right side of 0.5."""
    scores = np.zeros(len(networks.hidden))
    _xor(networks, scores)
    return scores


@compiled_part
def _cart(state: Any, force: float, change: Any) -> None:
    """The rates of change of (x, v, angle 1, spin 1, angle 2, spin 2) under a force."""
    total_force, total_mass = force, _CART_MASS
    for p in range(2):
        angle, spin = state[2 + 2 * p], state[3 + 2 * p]
        mass, length = _POLE_MASS[p], _POLE_LENGTH[p]
        rub = _HINGE * spin / (mass * length) + _GRAVITY * math.sin(angle)
        total_force += mass * length * spin * spin * math.sin(angle)
        total_force += 0.75 * mass * math.cos(angle) * rub
        total_mass += mass * (1.0 - 0.75 * math.cos(angle) ** 2)
    push = total_force / total_mass
    change[0], change[1] = state[1], push
    for p in range(2):
        angle, spin = state[2 + 2 * p], state[3 + 2 * p]
        mass, length = _POLE_MASS[p], _POLE_LENGTH[p]
        rub = _HINGE * spin / (mass * length) + _GRAVITY * math.sin(angle)
        change[2 + 2 * p] = spin
        change[3 + 2 * p] = -0.75 / length * (push * math.cos(angle) + rub)


@compiled_part
def _runge_kutta(state: Any, force: float, work: Any) -> None:
    """One step of the classical fourth-order method; `work` is (5, 6) scratch."""
    _cart(state, force, work[0])
    for stage in range(1, 4):
        part = _STEP_S if stage == 3 else 0.5 * _STEP_S
        for k in range(6):
            work[4, k] = state[k] + part * work[stage - 1, k]
        _cart(work[4], force, work[stage])
    for k in range(6):
        mean = work[0, k] + 2.0 * work[1, k] + 2.0 * work[2, k] + work[3, k]
        state[k] += _STEP_S / 6.0 * mean


@compiled_part
def _balance(networks: Any, i: int, steps: int, signal: Any, out: Any, work: Any) -> int:
    state = np.zeros(6)
    state[2] = math.radians(4.0)
    for step in range(steps):
        signal[0] = 1.0
        signal[1], signal[2] = state[0] / _TRACK, state[1] / 1.5
        signal[3], signal[4] = state[2] / _TILT, state[3] / 2.0
        signal[5], signal[6] = state[4] / _TILT, state[5] / 2.0
        activate(
            networks.row_link[i],
            networks.link_from[i],
            networks.link_weight[i],
            networks.hidden[i],
            networks.outputs,
            signal,
            networks.first,
            networks.slope,
            out,
        )
        force = (out[0] - 0.5) * 2.0 * _FORCE
        for _ in range(2):
            _runge_kutta(state, force, work)
        if abs(state[0]) > _TRACK or abs(state[2]) > _TILT or abs(state[4]) > _TILT:
            return step
    return steps


@compiled
def _double_pole(networks: Any, steps: int, scores: Any) -> None:
    signal, out, work = np.zeros(256), np.zeros(1), np.zeros((5, 6))
    for i in range(len(scores)):
        scores[i] = _balance(networks, i, steps, signal, out, work)


def double_pole(networks: Networks, steps: int = POLE_STEPS) -> Array:
    """Time steps of 0.02 s both poles stay up, velocities known to the network."""
    scores = np.zeros(len(networks.hidden))
    _double_pole(networks, steps, scores)
    return scores
