"""What a NEAT genome is: connection genes sorted by identity, hidden neurons, outputs.

N genomes live in one `Genomes`, each in fixed room. Neurons have 64-bit names; the caller names
inputs and outputs, and `join` names everything else.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from homeostat.workloads.evolution.chance import join
from homeostat.workloads.evolution.compiled import compiled, compiled_part

Array = npt.NDArray[Any]


class Genomes(NamedTuple):
    """N genomes with room for C connections, H hidden neurons and O outputs each."""

    genes: Array  # (N,) int32, connections
    key: Array  # (N, C) int64, ascending: join(source, target)
    source: Array  # (N, C) int64 names of neurons
    target: Array  # (N, C) int64
    born: Array  # (N, C) int64, later genes have higher numbers
    weight: Array  # (N, C) float32
    enabled: Array  # (N, C) bool
    hidden: Array  # (N,) int32
    hidden_id: Array  # (N, H) int64
    hidden_bias: Array  # (N, H) float32
    outputs: Array  # (N,) int32
    output_id: Array  # (N, O) int64
    output_bias: Array  # (N, O) float32


def empty_genomes(number: int, connections: int, hidden: int, outputs: int) -> Genomes:
    """Room for genomes, all of them empty."""
    wide, tall, out = (number, connections), (number, hidden), (number, outputs)
    return Genomes(
        genes=np.zeros(number, np.int32),
        key=np.zeros(wide, np.int64),
        source=np.zeros(wide, np.int64),
        target=np.zeros(wide, np.int64),
        born=np.zeros(wide, np.int64),
        weight=np.zeros(wide, np.float32),
        enabled=np.zeros(wide, np.bool_),
        hidden=np.zeros(number, np.int32),
        hidden_id=np.zeros(tall, np.int64),
        hidden_bias=np.zeros(tall, np.float32),
        outputs=np.zeros(number, np.int32),
        output_id=np.zeros(out, np.int64),
        output_bias=np.zeros(out, np.float32),
    )


@compiled
def find(genomes: Any, i: int, key: int) -> Any:
    """Where genome i has connection `key`, or where it would go, as -1 - place."""
    low, high = 0, genomes.genes[i]
    while low < high:
        middle = (low + high) // 2
        if genomes.key[i, middle] < key:
            low = middle + 1
        else:
            high = middle
    if low < genomes.genes[i] and genomes.key[i, low] == key:
        return low
    return -1 - low


@compiled_part
def _shift(genomes: Any, i: int, start: int, stop: int, by: int) -> None:
    """Move connections start .. stop - 1 of genome i by one place up or down."""
    order = range(stop - 1, start - 1, -1) if by > 0 else range(start, stop)
    for c in order:
        move(genomes, i, c, genomes, i, c + by)


@compiled
def move(a: Any, i: int, c: int, b: Any, j: int, d: int) -> None:
    """Copy connection c of a's genome i onto connection d of b's genome j."""
    b.key[j, d], b.source[j, d], b.target[j, d] = a.key[i, c], a.source[i, c], a.target[i, c]
    b.born[j, d], b.weight[j, d], b.enabled[j, d] = a.born[i, c], a.weight[i, c], a.enabled[i, c]


@compiled
def connect(genomes: Any, i: int, source: int, target: int, weight: float, born: int) -> bool:
    """Add a connection; False if genome i has it already, or is full."""
    key = join(source, target)
    place = find(genomes, i, key)
    count = genomes.genes[i]
    if place >= 0 or count == genomes.key.shape[1]:
        return False
    place = -1 - place
    _shift(genomes, i, place, count, 1)
    genomes.key[i, place], genomes.born[i, place] = key, born
    genomes.source[i, place], genomes.target[i, place] = source, target
    genomes.weight[i, place], genomes.enabled[i, place] = weight, True
    genomes.genes[i] = count + 1
    return True


@compiled_part
def forget(genomes: Any, i: int, neuron: int) -> None:
    """Remove every connection from or to a neuron of genome i."""
    kept = 0
    for c in range(genomes.genes[i]):
        if genomes.source[i, c] != neuron and genomes.target[i, c] != neuron:
            if kept < c:
                move(genomes, i, c, genomes, i, kept)
            kept += 1
    genomes.genes[i] = kept


@compiled_part
def copy_genome(a: Any, i: int, b: Any, j: int) -> None:
    """Make b's genome j the same as a's genome i."""
    count, hidden, outputs = a.genes[i], a.hidden[i], a.outputs[i]
    b.genes[j], b.hidden[j], b.outputs[j] = count, hidden, outputs
    for c in range(count):
        move(a, i, c, b, j, c)
    for h in range(hidden):
        b.hidden_id[j, h], b.hidden_bias[j, h] = a.hidden_id[i, h], a.hidden_bias[i, h]
    for o in range(outputs):
        b.output_id[j, o], b.output_bias[j, o] = a.output_id[i, o], a.output_bias[i, o]


@compiled_part
def hidden_place(genomes: Any, i: int, neuron: int) -> Any:
    """Which hidden neuron of genome i has this name; -1 if none."""
    for h in range(genomes.hidden[i]):
        if genomes.hidden_id[i, h] == neuron:
            return h
    return -1
