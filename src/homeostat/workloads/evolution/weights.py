"""Brains of fixed wiring (pure and hybrid modes): weights that belong to what they control.

The weights of a muscle's output and of its strain sensor are kept with the muscle, those of a
node's sensors with the node. They are inherited by name, so neither crossover nor a new muscle can
hand one muscle's weights to another.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from homeostat.workloads.evolution.body import place_of
from homeostat.workloads.evolution.capacity import MAX_MUSCLES, MAX_NODES, STRAIN
from homeostat.workloads.evolution.chance import between, normal, uniform
from homeostat.workloads.evolution.compiled import compiled_part

Array = npt.NDArray[Any]

CROSSOVERS = ("sbx", "uniform", "interpolation")
_SBX_ETA = 2.0


class Weights(NamedTuple):
    """N brains of H hidden neurons. float32."""

    base: Array  # (N, H, STRAIN): bias, then the inputs every creature has
    strain: Array  # (N, MAX_MUSCLES, H)
    node: Array  # (N, MAX_NODES, 4, H): velocity x, y, z, contact
    out: Array  # (N, MAX_MUSCLES, 1 + H): bias, hidden


class WeightRules(NamedTuple):
    """How weights begin and change."""

    inputs: int  # base inputs in use, clock included, bias not
    proprioception: int
    hidden_biased: int
    output_biased: int
    output_bias: float  # where output biases begin
    rate: float  # chance of each weight
    size: float  # s.d. of a change
    crossover: int  # index in CROSSOVERS


def empty_weights(number: int, hidden: int) -> Weights:
    """Room for brains."""
    return Weights(
        base=np.zeros((number, hidden, STRAIN), np.float32),
        strain=np.zeros((number, MAX_MUSCLES, hidden), np.float32),
        node=np.zeros((number, MAX_NODES, 4, hidden), np.float32),
        out=np.zeros((number, MAX_MUSCLES, 1 + hidden), np.float32),
    )


@compiled_part
def _blend(a: float, b: float, method: int, stream: Any) -> Any:
    """A child's weight from its parents'."""
    u = uniform(stream)
    if method == 1:
        return a if u < 0.5 else b
    if method == 2:
        return a + u * (b - a)
    # Simulated binary crossover: near one parent or the other (Deb & Agrawal 1995).
    spread = 2.0 * u if u < 0.5 else 1.0 / (2.0 * (1.0 - u))
    spread = spread ** (1.0 / (_SBX_ETA + 1.0))
    return 0.5 * ((1.0 + spread) * a + (1.0 - spread) * b)


@compiled_part
def _shake(row: Any, start: int, stop: int, rules: Any, stream: Any) -> None:
    for k in range(start, stop):
        if uniform(stream) < rules.rate:
            row[k] += rules.size * normal(stream)


@compiled_part
def _inherit_row(
    child: Any, mother: Any, father: Any, crossed: bool, method: int, stream: Any
) -> None:
    for k in range(len(child)):
        child[k] = _blend(mother[k], father[k], method, stream) if crossed else mother[k]


@compiled_part
def _fresh_row(row: Any, reach: float, stream: Any) -> None:
    for k in range(len(row)):
        row[k] = between(stream, -reach, reach)


@compiled_part
def _input_reach(rules: Any) -> Any:
    """Where weights into hidden neurons begin: within 1 / sqrt(inputs)."""
    return 1.0 / math.sqrt(rules.inputs)


@compiled_part
def fresh_muscle(weights: Any, i: int, m: int, rules: Any, stream: Any) -> None:
    """Weights for a muscle that has just grown."""
    _fresh_row(weights.strain[i, m], _input_reach(rules), stream)
    _fresh_row(weights.out[i, m], 0.5, stream)
    weights.out[i, m, 0] = rules.output_bias if rules.output_biased else 0.0


@compiled_part
def fresh_node(weights: Any, i: int, n: int, rules: Any, stream: Any) -> None:
    """Weights for a node that has just grown."""
    for sensor in range(4):
        _fresh_row(weights.node[i, n, sensor], _input_reach(rules), stream)


@compiled_part
def fresh_weights(weights: Any, i: int, bodies: Any, rules: Any, stream: Any) -> None:
    """A brain for a new creature."""
    for h in range(weights.base.shape[1]):
        _fresh_row(weights.base[i, h], _input_reach(rules), stream)
        weights.base[i, h, 0] = 0.0
    for m in range(bodies.muscles[i]):
        fresh_muscle(weights, i, m, rules, stream)
    for n in range(bodies.nodes[i]):
        fresh_node(weights, i, n, rules, stream)


@compiled_part
def inherit_weights(
    weights: Any,
    bodies: Any,
    mother: int,
    father: int,
    child: Any,
    grown: Any,
    k: int,
    rules: Any,
    stream: Any,
) -> None:
    """Give child k, whose body is grown already, its parents' weights name by name.

    Args:
        weights: The parents' brains.
        bodies: The parents' bodies.
        mother: The parent whose structure the child has.
        father: The other, or -1.
        child: Brains of the next generation.
        grown: Bodies of the next generation.
        k: Which child.
        rules: How weights cross and begin.
        stream: Randomness.
    """
    other, method = max(father, 0), rules.crossover
    for h in range(weights.base.shape[1]):
        crossed = father >= 0
        _inherit_row(
            child.base[k, h],
            weights.base[mother, h],
            weights.base[other, h],
            crossed,
            method,
            stream,
        )
    for m in range(grown.muscles[k]):
        name = grown.muscle_id[k, m]
        a = place_of(bodies.muscle_id[mother], bodies.muscles[mother], name)
        if a < 0:
            fresh_muscle(child, k, m, rules, stream)
            continue
        b = place_of(bodies.muscle_id[other], bodies.muscles[other], name)
        crossed = father >= 0 and b >= 0
        b = max(b, 0)
        _inherit_row(
            child.out[k, m], weights.out[mother, a], weights.out[other, b], crossed, method, stream
        )
        if rules.proprioception:
            _inherit_row(
                child.strain[k, m],
                weights.strain[mother, a],
                weights.strain[other, b],
                crossed,
                method,
                stream,
            )
    if not rules.proprioception:
        return
    for n in range(grown.nodes[k]):
        name = grown.node_id[k, n]
        a = place_of(bodies.node_id[mother], bodies.nodes[mother], name)
        if a < 0:
            fresh_node(child, k, n, rules, stream)
            continue
        b = place_of(bodies.node_id[other], bodies.nodes[other], name)
        crossed = father >= 0 and b >= 0
        for sensor in range(4):
            _inherit_row(
                child.node[k, n, sensor],
                weights.node[mother, a, sensor],
                weights.node[other, max(b, 0), sensor],
                crossed,
                method,
                stream,
            )


@compiled_part
def mutate_weights(weights: Any, i: int, bodies: Any, rules: Any, stream: Any) -> None:
    """Change each weight in use with the chance that the rules give."""
    for h in range(weights.base.shape[1]):
        _shake(weights.base[i, h], 0 if rules.hidden_biased else 1, 1 + rules.inputs, rules, stream)
    width = weights.out.shape[2]
    for m in range(bodies.muscles[i]):
        _shake(weights.out[i, m], 0 if rules.output_biased else 1, width, rules, stream)
        if rules.proprioception:
            _shake(weights.strain[i, m], 0, width - 1, rules, stream)
    if rules.proprioception:
        for n in range(bodies.nodes[i]):
            for sensor in range(4):
                _shake(weights.node[i, n, sensor], 0, width - 1, rules, stream)
