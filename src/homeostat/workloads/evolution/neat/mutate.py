"""Mutation: a new connection, a split one, one switched on or off, changed weights."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from homeostat.workloads.evolution.chance import SPLIT, below, between, join, normal, uniform
from homeostat.workloads.evolution.compiled import compiled, compiled_part
from homeostat.workloads.evolution.neat.genome import connect, find, hidden_place


class Rates(NamedTuple):
    """How often and how far a genome changes at birth."""

    add_node: float  # chance a genome splits a connection
    add_connection: float  # chance it grows one
    enable: float  # chance one disabled gene is switched on
    disable: float  # chance one enabled gene is switched off
    weight: float  # chance of each weight
    weight_size: float  # s.d. of a perturbation
    reset: float  # share of changed weights drawn anew
    reset_range: float  # from -range .. range
    bias: float  # chance of each neuron's bias; 0 = neurons have none
    bias_size: float
    max_hidden: int


@compiled
def closes_a_cycle(genomes: Any, i: int, source: int, target: int) -> bool:
    """Whether a connection source -> target would feed a neuron with its own output.

    Disabled genes count: they may be switched on later.
    """
    start, goal = hidden_place(genomes, i, target), hidden_place(genomes, i, source)
    if start < 0 or goal < 0:
        return False  # inputs and outputs are never inside a cycle
    reached = np.zeros(genomes.hidden_id.shape[1], np.bool_)
    reached[start] = True
    growing = True
    while growing and not reached[goal]:
        growing = False
        for c in range(genomes.genes[i]):
            end = hidden_place(genomes, i, genomes.target[i, c])
            if end < 0 or reached[end]:
                continue
            begin = hidden_place(genomes, i, genomes.source[i, c])
            if begin >= 0 and reached[begin]:
                reached[end] = growing = True
    return bool(reached[goal])


@compiled
def add_connection(genomes: Any, i: int, inputs: Any, rates: Any, stream: Any, born: int) -> bool:
    """Join two neurons that are not joined yet, feed-forward; False if 20 tries find none."""
    hidden, outputs = genomes.hidden[i], genomes.outputs[i]
    for _ in range(20):
        a = below(stream, len(inputs) + hidden)
        source = inputs[a] if a < len(inputs) else genomes.hidden_id[i, a - len(inputs)]
        b = below(stream, hidden + outputs)
        target = genomes.hidden_id[i, b] if b < hidden else genomes.output_id[i, b - hidden]
        if find(genomes, i, join(source, target)) >= 0:
            continue
        if closes_a_cycle(genomes, i, source, target):
            continue
        weight = between(stream, -rates.reset_range, rates.reset_range)
        return connect(genomes, i, source, target, weight, born)
    return False


@compiled_part
def _pick(genomes: Any, i: int, enabled: bool, stream: Any) -> Any:
    """A random connection that is (not) enabled; -1 if there is none."""
    count = 0
    for c in range(genomes.genes[i]):
        count += genomes.enabled[i, c] == enabled
    if count == 0:
        return -1
    chosen = below(stream, count)
    for c in range(genomes.genes[i]):
        if genomes.enabled[i, c] == enabled:
            if chosen == 0:
                return c
            chosen -= 1
    return -1


@compiled
def add_node(genomes: Any, i: int, rates: Any, stream: Any, born: int) -> bool:
    """Split a connection: weight 1 into the new neuron, the old weight out of it."""
    hidden = genomes.hidden[i]
    room = genomes.genes[i] + 2 <= genomes.key.shape[1]
    if hidden >= min(rates.max_hidden, genomes.hidden_id.shape[1]) or not room:
        return False
    c = _pick(genomes, i, True, stream)
    if c < 0:
        return False
    times = 0
    neuron = join(genomes.key[i, c], SPLIT + times)
    while hidden_place(genomes, i, neuron) >= 0:  # this connection was split before
        times += 1
        neuron = join(genomes.key[i, c], SPLIT + times)
    source, target, weight = genomes.source[i, c], genomes.target[i, c], genomes.weight[i, c]
    genomes.enabled[i, c] = False
    genomes.hidden_id[i, hidden], genomes.hidden_bias[i, hidden] = neuron, np.float32(0.0)
    genomes.hidden[i] = hidden + 1
    connect(genomes, i, source, neuron, 1.0, born)
    connect(genomes, i, neuron, target, weight, born + 1)
    return True


@compiled_part
def jolt(value: float, rate: float, rates: Any, size: float, stream: Any) -> Any:
    """A weight after mutation: mostly as it was, else nudged, now and then drawn anew."""
    if uniform(stream) >= rate:
        return value
    if uniform(stream) < rates.reset:
        return between(stream, -rates.reset_range, rates.reset_range)
    return value + size * normal(stream)


@compiled
def mutate(genomes: Any, i: int, inputs: Any, rates: Any, stream: Any, born: int) -> None:
    """Mutate genome i as a birth may. `born` numbers its new genes (three at most)."""
    for c in range(genomes.genes[i]):
        genomes.weight[i, c] = jolt(
            genomes.weight[i, c], rates.weight, rates, rates.weight_size, stream
        )
    if rates.bias > 0.0:
        for h in range(genomes.hidden[i]):
            genomes.hidden_bias[i, h] = jolt(
                genomes.hidden_bias[i, h], rates.bias, rates, rates.bias_size, stream
            )
        for o in range(genomes.outputs[i]):
            genomes.output_bias[i, o] = jolt(
                genomes.output_bias[i, o], rates.bias, rates, rates.bias_size, stream
            )
    if uniform(stream) < rates.enable:
        c = _pick(genomes, i, False, stream)
        if c >= 0:
            genomes.enabled[i, c] = True
    if uniform(stream) < rates.disable:
        c = _pick(genomes, i, True, stream)
        if c >= 0:
            genomes.enabled[i, c] = False
    if uniform(stream) < rates.add_connection:
        add_connection(genomes, i, inputs, rates, stream, born)
    if uniform(stream) < rates.add_node:
        add_node(genomes, i, rates, stream, born + 1)
