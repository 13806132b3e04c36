"""Bodies as genes: nodes and the muscles between them, each with a name that outlives its place.

A node of the first generation is named by its number, a later one by the node it grew from; a
muscle by the two nodes it joins. Crossover, and the brain, go by names: a body can gain or lose a
muscle without any other muscle's control changing hands.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from homeostat.workloads.evolution.capacity import MAX_MUSCLES, MAX_NODES
from homeostat.workloads.evolution.chance import GROWN, below, between, join, uniform
from homeostat.workloads.evolution.compiled import compiled, compiled_part

Array = npt.NDArray[Any]

# Columns of a node's and a muscle's genes, with their bounds.
SIZE, FRICTION, NODE_X, NODE_Y, NODE_Z = range(5)
REST, STIFFNESS, DAMPING, AMPLITUDE, FREQUENCY, PHASE = range(6)
NODE_LOW = np.array([0.2, 0.1, -1.5, 0.3, -1.5], np.float32)
NODE_HIGH = np.array([0.6, 1.0, 1.5, 2.25, 1.5], np.float32)
MUSCLE_LOW = np.array([0.2, 50.0, 1.0, 0.1, 0.5, 0.0], np.float32)
MUSCLE_HIGH = np.array([4.0, 200.0, 6.0, 0.5, 3.0, 1.0], np.float32)
TEMPO_LOW, TEMPO_HIGH = 0.3, 2.0
MIN_MUSCLES = 2


class Bodies(NamedTuple):
    """N bodies."""

    nodes: Array  # (N,) int32
    node_id: Array  # (N, MAX_NODES) int64
    node: Array  # (N, MAX_NODES, 5) float32: diameter m, friction, x, y, z m
    muscles: Array  # (N,) int32
    muscle_id: Array  # (N, MAX_MUSCLES) int64
    ends: Array  # (N, MAX_MUSCLES, 2) int32, places of nodes
    muscle: Array  # (N, MAX_MUSCLES, 6) float32: rest m, N/m, N s/m, amplitude, Hz, turns
    tempo: Array  # (N,) float32, factor on all frequencies


class BodyRules(NamedTuple):
    """What bodies may be, and how they change."""

    min_nodes: int
    max_nodes: int
    max_muscles: int
    rate: float  # chance of each gene
    magnitude: float  # of a change, as a share of the gene's range
    structure: float  # chance of each kind of structural change


def empty_bodies(number: int) -> Bodies:
    """Room for bodies."""
    return Bodies(
        nodes=np.zeros(number, np.int32),
        node_id=np.zeros((number, MAX_NODES), np.int64),
        node=np.zeros((number, MAX_NODES, 5), np.float32),
        muscles=np.zeros(number, np.int32),
        muscle_id=np.zeros((number, MAX_MUSCLES), np.int64),
        ends=np.zeros((number, MAX_MUSCLES, 2), np.int32),
        muscle=np.zeros((number, MAX_MUSCLES, 6), np.float32),
        tempo=np.zeros(number, np.float32),
    )


@compiled_part
def muscle_between(bodies: Any, i: int, a: int, b: int) -> Any:
    """The muscle of body i between two nodes, or -1."""
    for m in range(bodies.muscles[i]):
        p, q = bodies.ends[i, m, 0], bodies.ends[i, m, 1]
        if (p == a and q == b) or (p == b and q == a):
            return m
    return -1


@compiled_part
def _add_muscle(bodies: Any, i: int, a: int, b: int, stream: Any) -> None:
    m = bodies.muscles[i]
    bodies.ends[i, m, 0], bodies.ends[i, m, 1] = a, b
    p, q = bodies.node_id[i, a], bodies.node_id[i, b]
    bodies.muscle_id[i, m] = join(min(p, q), max(p, q))
    squared = 0.0
    for axis in range(3):
        squared += (bodies.node[i, a, NODE_X + axis] - bodies.node[i, b, NODE_X + axis]) ** 2
    bodies.muscle[i, m, REST] = max(0.1, math.sqrt(squared) * between(stream, 0.8, 1.2))
    bodies.muscle[i, m, STIFFNESS] = between(stream, 50.0, 200.0)
    bodies.muscle[i, m, DAMPING] = between(stream, 2.0, 4.0)
    bodies.muscle[i, m, AMPLITUDE] = between(stream, 0.1, 0.5)
    bodies.muscle[i, m, FREQUENCY] = between(stream, 0.5, 2.0)
    bodies.muscle[i, m, PHASE] = uniform(stream)
    bodies.muscles[i] = m + 1


@compiled_part
def grow_body(bodies: Any, i: int, rules: Any, stream: Any) -> None:
    """A random body: a random tree of muscles over its nodes, and some more muscles."""
    nodes = rules.min_nodes + below(stream, rules.max_nodes - rules.min_nodes + 1)
    bodies.nodes[i], bodies.muscles[i] = nodes, 0
    bodies.tempo[i] = between(stream, 0.8, 1.2)
    for n in range(nodes):
        bodies.node_id[i, n] = n + 1
        bodies.node[i, n, FRICTION] = between(stream, 0.3, 0.9)
        for gene in (SIZE, NODE_X, NODE_Y, NODE_Z):
            bodies.node[i, n, gene] = between(stream, NODE_LOW[gene], NODE_HIGH[gene])
    for n in range(1, nodes):
        _add_muscle(bodies, i, n, below(stream, n), stream)
    most = min(rules.max_muscles, nodes * (nodes - 1) // 2)
    least = max(MIN_MUSCLES, nodes - 1)
    target = least + below(stream, most - least + 1)
    while bodies.muscles[i] < target:
        grow_muscle(bodies, i, rules, stream)


@compiled_part
def grow_muscle(bodies: Any, i: int, rules: Any, stream: Any) -> bool:
    """Join two nodes that are not joined; False if that is not possible (or not found soon)."""
    nodes = bodies.nodes[i]
    if bodies.muscles[i] >= min(rules.max_muscles, nodes * (nodes - 1) // 2):
        return False
    for _ in range(50):
        a, b = below(stream, nodes), below(stream, nodes)
        if a != b and muscle_between(bodies, i, a, b) < 0:
            _add_muscle(bodies, i, a, b, stream)
            return True
    return False


@compiled_part
def grow_node(bodies: Any, i: int, rules: Any, stream: Any) -> bool:
    """A new node near another one, hanging on it by one muscle."""
    n = bodies.nodes[i]
    if n >= rules.max_nodes or bodies.muscles[i] >= rules.max_muscles:
        return False
    parent = below(stream, n)
    times, name, taken = 0, 0, True
    while taken:
        name = join(bodies.node_id[i, parent], GROWN + times)
        taken, times = False, times + 1
        for other in range(n):
            taken = taken or bodies.node_id[i, other] == name
    bodies.node_id[i, n] = name
    bodies.node[i, n, SIZE] = between(stream, NODE_LOW[SIZE], NODE_HIGH[SIZE])
    bodies.node[i, n, FRICTION] = between(stream, 0.3, 0.9)
    for gene in (NODE_X, NODE_Y, NODE_Z):
        place = bodies.node[i, parent, gene] + between(stream, -0.5, 0.5)
        bodies.node[i, n, gene] = min(max(place, NODE_LOW[gene]), NODE_HIGH[gene])
    bodies.nodes[i] = n + 1
    _add_muscle(bodies, i, n, parent, stream)
    return True


@compiled_part
def _degrees(bodies: Any, i: int) -> Any:
    degree = np.zeros(MAX_NODES, np.int64)
    for m in range(bodies.muscles[i]):
        degree[bodies.ends[i, m, 0]] += 1
        degree[bodies.ends[i, m, 1]] += 1
    return degree


@compiled
def holds_together(bodies: Any, i: int, without: int) -> Any:
    """Whether body i is in one piece (leaving out one node; -1 for none)."""
    nodes = bodies.nodes[i]
    reached = np.zeros(MAX_NODES, np.bool_)
    reached[1 if without == 0 else 0] = True
    growing = True
    while growing:
        growing = False
        for m in range(bodies.muscles[i]):
            a, b = bodies.ends[i, m, 0], bodies.ends[i, m, 1]
            if a != without and b != without and reached[a] != reached[b]:
                reached[a] = reached[b] = growing = True
    found = 0
    for n in range(nodes):
        found += reached[n] or n == without
    return found == nodes


@compiled_part
def lose_node(bodies: Any, i: int, rules: Any, stream: Any) -> bool:
    """Remove a node of the less connected half, if the rest holds together and is a body."""
    nodes, muscles = bodies.nodes[i], bodies.muscles[i]
    if nodes <= rules.min_nodes:
        return False
    degree = _degrees(bodies, i)
    n, place = 0, below(stream, max(1, nodes // 2))
    for candidate in range(nodes):
        before = 0
        for other in range(nodes):
            fewer = degree[other] < degree[candidate]
            before += fewer or (degree[other] == degree[candidate] and other < candidate)
        if before == place:
            n = candidate
    if muscles - degree[n] < MIN_MUSCLES or not holds_together(bodies, i, n):
        return False
    kept = 0
    for m in range(muscles):
        a, b = bodies.ends[i, m, 0], bodies.ends[i, m, 1]
        if a == n or b == n:
            continue
        bodies.muscle_id[i, kept] = bodies.muscle_id[i, m]
        for gene in range(6):
            bodies.muscle[i, kept, gene] = bodies.muscle[i, m, gene]
        bodies.ends[i, kept, 0], bodies.ends[i, kept, 1] = a - (a > n), b - (b > n)
        kept += 1
    bodies.muscles[i] = kept
    for other in range(n, nodes - 1):
        bodies.node_id[i, other] = bodies.node_id[i, other + 1]
        for gene in range(5):
            bodies.node[i, other, gene] = bodies.node[i, other + 1, gene]
    bodies.nodes[i] = nodes - 1
    return True


@compiled_part
def _nudge(value: float, low: float, high: float, part: float, rules: Any, stream: Any) -> Any:
    """A gene after mutation: it moves by up to magnitude x its range, `part` of that for some."""
    if uniform(stream) >= rules.rate:
        return value
    value += between(stream, -1.0, 1.0) * (high - low) * rules.magnitude * part
    return min(max(value, low), high)


@compiled_part
def mutate_body(bodies: Any, i: int, rules: Any, stream: Any) -> bool:
    """Change genes of body i, and perhaps its structure; True if the structure changed."""
    for n in range(bodies.nodes[i]):
        for gene in range(5):
            part = 0.5 if gene >= NODE_X else 1.0
            bodies.node[i, n, gene] = _nudge(
                bodies.node[i, n, gene], NODE_LOW[gene], NODE_HIGH[gene], part, rules, stream
            )
    for m in range(bodies.muscles[i]):
        for gene in range(5):
            part = 0.3 if gene == REST else 1.0
            bodies.muscle[i, m, gene] = _nudge(
                bodies.muscle[i, m, gene], MUSCLE_LOW[gene], MUSCLE_HIGH[gene], part, rules, stream
            )
        if uniform(stream) < rules.rate:  # a phase has no ends to stop at
            moved = bodies.muscle[i, m, PHASE] + between(stream, -1.0, 1.0) * rules.magnitude
            bodies.muscle[i, m, PHASE] = moved - math.floor(moved)
    bodies.tempo[i] = _nudge(bodies.tempo[i], TEMPO_LOW, TEMPO_HIGH, 1.0, rules, stream)
    changed = False
    if uniform(stream) < rules.structure:
        changed = grow_node(bodies, i, rules, stream) or changed
    if uniform(stream) < rules.structure:
        changed = lose_node(bodies, i, rules, stream) or changed
    if uniform(stream) < rules.structure:
        changed = grow_muscle(bodies, i, rules, stream) or changed
    return changed


@compiled_part
def copy_body(a: Any, i: int, b: Any, j: int) -> None:
    """Make b's body j the same as a's body i."""
    b.nodes[j], b.muscles[j], b.tempo[j] = a.nodes[i], a.muscles[i], a.tempo[i]
    for n in range(a.nodes[i]):
        b.node_id[j, n] = a.node_id[i, n]
        for gene in range(5):
            b.node[j, n, gene] = a.node[i, n, gene]
    for m in range(a.muscles[i]):
        b.muscle_id[j, m] = a.muscle_id[i, m]
        b.ends[j, m, 0], b.ends[j, m, 1] = a.ends[i, m, 0], a.ends[i, m, 1]
        for gene in range(6):
            b.muscle[j, m, gene] = a.muscle[i, m, gene]


@compiled_part
def place_of(names: Any, count: int, name: int) -> Any:
    """Where a name stands among the first `count`; -1 if it does not."""
    for k in range(count):
        if names[k] == name:
            return k
    return -1


@compiled_part
def cross_bodies(a: Any, i: int, b: Any, j: int, child: Any, k: int, stream: Any) -> None:
    """The structure of a's body i; genes of the same name blended with b's body j.

    Positions go at most half way, so that the body keeps its shape.
    """
    copy_body(a, i, child, k)
    child.tempo[k] += uniform(stream) * (b.tempo[j] - child.tempo[k])
    for n in range(a.nodes[i]):
        other = place_of(b.node_id[j], b.nodes[j], a.node_id[i, n])
        if other < 0:
            continue
        for gene in range(5):
            share = uniform(stream) * (0.5 if gene >= NODE_X else 1.0)
            child.node[k, n, gene] += share * (b.node[j, other, gene] - child.node[k, n, gene])
    for m in range(a.muscles[i]):
        other = place_of(b.muscle_id[j], b.muscles[j], a.muscle_id[i, m])
        if other < 0:
            continue
        for gene in range(6):
            share = uniform(stream)
            theirs = b.muscle[j, other, gene]
            child.muscle[k, m, gene] += share * (theirs - child.muscle[k, m, gene])
