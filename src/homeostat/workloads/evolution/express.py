"""From genes to creatures: bodies as springs and masses, brains as sorted links.

Nodes are numbered by how many muscles they have, most first. That makes bodies of like build
alike, whatever order they grew in, and keeps the pair slots of a block few (14 % fewer).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from homeostat.workloads.evolution.body import (
    FREQUENCY,
    FRICTION,
    NODE_X,
    SIZE,
)
from homeostat.workloads.evolution.capacity import (
    CONTACT,
    FIRST_HIDDEN,
    MAX_MUSCLES,
    MAX_NODES,
    STRAIN,
    VELOCITY,
)
from homeostat.workloads.evolution.compiled import compiled, compiled_part
from homeostat.workloads.evolution.creatures import Creatures, empty_creatures
from homeostat.workloads.evolution.population import MAX_SENSES, Population, Rules, senses

from .neat.network import wire

_SPAWN_HEIGHT = np.float32(1.0)


@compiled_part
def _rank_nodes(bodies: Any, i: int, rank: Any) -> None:
    degree = np.zeros(MAX_NODES, np.int64)
    for m in range(bodies.muscles[i]):
        degree[bodies.ends[i, m, 0]] += 1
        degree[bodies.ends[i, m, 1]] += 1
    for n in range(bodies.nodes[i]):
        place = 0
        for other in range(bodies.nodes[i]):
            more = degree[other] > degree[n]
            place += more or (degree[other] == degree[n] and other < n)
        rank[n] = place


@compiled_part
def _rank_muscles(bodies: Any, i: int, node_rank: Any, rank: Any) -> None:
    """Rank muscles by the upper, then the lower of their nodes."""
    pairs = np.empty(MAX_MUSCLES, np.int64)
    for m in range(bodies.muscles[i]):
        a, b = node_rank[bodies.ends[i, m, 0]], node_rank[bodies.ends[i, m, 1]]
        pairs[m] = max(a, b) * MAX_NODES + min(a, b)
    for m in range(bodies.muscles[i]):
        place = 0
        for other in range(bodies.muscles[i]):
            place += pairs[other] < pairs[m]
        rank[m] = place


@compiled_part
def _express_body(
    bodies: Any,
    i: int,
    creatures: Any,
    node_rank: Any,
    muscle_rank: Any,
    friction: float,
    per_node: bool,
    damping: float,
) -> None:
    creatures.nodes[i], creatures.muscles[i] = bodies.nodes[i], bodies.muscles[i]
    for n in range(bodies.nodes[i]):
        k = node_rank[n]
        radius = np.float32(0.5) * bodies.node[i, n, SIZE]
        for axis in range(3):
            creatures.place[i, k, axis] = bodies.node[i, n, NODE_X + axis]
        creatures.place[i, k, 1] += _SPAWN_HEIGHT
        creatures.radius[i, k] = radius
        creatures.mass[i, k] = max(0.5, 4.0 / 3.0 * math.pi * radius**3 * 10.0)
        share = bodies.node[i, n, FRICTION] / 0.5 if per_node else 1.0
        creatures.grip[i, k] = friction * share
    for m in range(bodies.muscles[i]):
        k = muscle_rank[m]
        a, b = node_rank[bodies.ends[i, m, 0]], node_rank[bodies.ends[i, m, 1]]
        creatures.ends[i, k, 0], creatures.ends[i, k, 1] = min(a, b), max(a, b)
        for gene in range(6):
            creatures.spring[i, k, gene] = bodies.muscle[i, m, gene]
        creatures.spring[i, k, 2] *= damping
        creatures.spring[i, k, FREQUENCY] *= bodies.tempo[i]


@compiled_part
def _express_weights(
    weights: Any, i: int, bodies: Any, creatures: Any, node_rank: Any, muscle_rank: Any, rules: Any
) -> None:
    """A brain of fixed wiring as links: bias, base inputs, sensors; then the outputs."""
    hidden, link = weights.base.shape[1], creatures.first_link[i]
    start = link
    muscles, nodes = bodies.muscles[i], bodies.nodes[i]
    muscle_at, node_at = np.empty(MAX_MUSCLES, np.int64), np.empty(MAX_NODES, np.int64)
    for m in range(muscles):
        muscle_at[muscle_rank[m]] = m
    for n in range(nodes):
        node_at[node_rank[n]] = n
    creatures.hidden[i] = hidden
    for h in range(hidden):
        creatures.row_link[i, h] = link - start
        for column in range(1 + rules.weights.inputs):
            creatures.link_from[link] = column
            creatures.link_weight[link] = weights.base[i, h, column]
            link += 1
        if not rules.proprioception:
            continue
        for k in range(muscles):
            creatures.link_from[link] = STRAIN + k
            creatures.link_weight[link] = weights.strain[i, muscle_at[k], h]
            link += 1
        for sensor in range(3 * nodes):
            creatures.link_from[link] = VELOCITY + sensor
            creatures.link_weight[link] = weights.node[i, node_at[sensor // 3], sensor % 3, h]
            link += 1
        for k in range(nodes):
            creatures.link_from[link] = CONTACT + k
            creatures.link_weight[link] = weights.node[i, node_at[k], 3, h]
            link += 1
    for k in range(muscles):
        creatures.row_link[i, hidden + k] = link - start
        creatures.link_from[link], creatures.link_weight[link] = 0, weights.out[i, muscle_at[k], 0]
        link += 1
        for h in range(hidden):
            creatures.link_from[link] = FIRST_HIDDEN + h
            creatures.link_weight[link] = weights.out[i, muscle_at[k], 1 + h]
            link += 1
    creatures.row_link[i, hidden + muscles] = link - start


@compiled
def _count_wired(bodies: Any, hidden: int, inputs: int, senses: bool, first: Any) -> None:
    for i in range(len(bodies.nodes)):
        own = inputs + (bodies.muscles[i] + 4 * bodies.nodes[i] if senses else 0)
        first[i + 1] = first[i] + hidden * own + bodies.muscles[i] * (1 + hidden)


@compiled
def _express_bodies(
    bodies: Any,
    creatures: Any,
    node_ranks: Any,
    muscle_ranks: Any,
    friction: float,
    per_node: bool,
    damping: float,
) -> None:
    for i in range(len(bodies.nodes)):
        _rank_nodes(bodies, i, node_ranks[i])
        _rank_muscles(bodies, i, node_ranks[i], muscle_ranks[i])
        ranks = (node_ranks[i], muscle_ranks[i])
        _express_body(bodies, i, creatures, ranks[0], ranks[1], friction, per_node, damping)


@compiled
def _express_all_weights(
    weights: Any, bodies: Any, creatures: Any, node_ranks: Any, muscle_ranks: Any, rules: Any
) -> None:
    for i in range(len(bodies.nodes)):
        _express_weights(weights, i, bodies, creatures, node_ranks[i], muscle_ranks[i], rules)


@compiled
def _express_all_brains(
    brain: Any, bodies: Any, creatures: Any, node_ranks: Any, muscle_ranks: Any, rules: Any
) -> None:
    names, columns = np.empty(MAX_SENSES, np.int64), np.empty(MAX_SENSES, np.int64)
    biased = rules.brain.bias > 0.0
    for i in range(len(bodies.nodes)):
        count = senses(bodies, i, node_ranks[i], muscle_ranks[i], rules, names, columns)
        start, stop = creatures.first_link[i], creatures.first_link[i + 1]
        creatures.hidden[i] = wire(
            brain,
            i,
            names[:count],
            columns[:count],
            FIRST_HIDDEN,
            muscle_ranks[i],
            biased,
            creatures.row_link[i],
            creatures.link_from[start:stop],
            creatures.link_weight[start:stop],
        )


def express(
    population: Population, rules: Rules, *, friction: float, per_node: bool, damping: float
) -> Creatures:
    """Build the creatures of a population.

    Args:
        population: N genomes.
        rules: What inputs and biases brains have.
        friction: Of the ground.
        per_node: Whether nodes have a grip of their own.
        damping: A factor on the damping of every muscle.
    """
    bodies, brain, weights = population.body, population.brain, population.weights
    size = len(bodies.nodes)
    first = np.zeros(size + 1, np.int64)
    if rules.neat:  # at most: every gene, and a bias for every neuron
        first[1:] = np.cumsum(brain.genes + brain.hidden + bodies.muscles)
    else:
        inputs, senses_ = 1 + rules.weights.inputs, bool(rules.proprioception)
        _count_wired(bodies, weights.base.shape[1], inputs, senses_, first)
    creatures = empty_creatures(size, int(first[-1]))
    creatures.first_link[:] = first
    ranks = np.zeros((size, MAX_NODES), np.int64), np.zeros((size, MAX_MUSCLES), np.int64)
    _express_bodies(bodies, creatures, *ranks, friction, per_node, damping)
    if rules.neat:
        _express_all_brains(brain, bodies, creatures, *ranks, rules)
    else:
        _express_all_weights(weights, bodies, creatures, *ranks, rules)
    return creatures
