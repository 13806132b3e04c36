"""A population as arrays: creatures are founded, live on, and are bred, all in compiled loops.

Every creature draws its randomness from a key of its own (seed, generation, place), so neither the
order nor the number of threads could matter.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from homeostat.workloads.evolution.body import (
    Bodies,
    BodyRules,
    copy_body,
    cross_bodies,
    empty_bodies,
    grow_body,
    mutate_body,
    place_of,
)
from homeostat.workloads.evolution.capacity import (
    BIAS,
    CONTACT,
    DIRECTION,
    MAX_CONNECTIONS,
    MAX_MUSCLES,
    MAX_NODES,
    STRAIN,
    TIME,
    VELOCITY,
)
from homeostat.workloads.evolution.chance import below, between, join, key_at, uniform
from homeostat.workloads.evolution.compiled import compiled
from homeostat.workloads.evolution.weights import (
    WeightRules,
    Weights,
    copy_weights,
    empty_weights,
    fresh_weights,
    inherit_weights,
    mutate_weights,
)

from .neat.cross import cross
from .neat.genome import Genomes, connect, copy_genome, empty_genomes, forget
from .neat.mutate import Rates, mutate

Array = npt.NDArray[Any]

CONNECTIVITIES = ("full", "sparse_inputs", "sparse_outputs", "none")
BIRTHS = 4  # numbers of new genes one birth may use
MAX_SENSES = STRAIN + MAX_MUSCLES + 4 * MAX_NODES
_FULL = 480  # a fully connected brain draws this many connections at most: growth needs room


class Population(NamedTuple):
    """N creatures. In neat mode `weights` has no columns, otherwise `brain` has none."""

    body: Bodies
    weights: Weights
    brain: Genomes
    name: Array  # (N,) int64, numbered in order of birth
    parents: Array  # (N, 2) int64 names, -1 for none
    streak: Array  # (N,) int32, generations survived


class Rules(NamedTuple):
    """How creatures are born and change."""

    neat: int  # 1 if wiring evolves
    body: BodyRules
    weights: WeightRules
    brain: Rates
    connectivity: int  # index in CONNECTIVITIES
    bias_node: int  # 1 if a bias input is wired to every output
    clock: int  # inputs that tell the time
    proprioception: int
    output_bias: float


def empty_population(number: int, *, hidden: int, max_hidden: int) -> Population:
    """Room for creatures; `hidden` neurons of fixed wiring, or up to `max_hidden` evolved ones."""
    room = MAX_CONNECTIONS if max_hidden else 0
    return Population(
        body=empty_bodies(number),
        weights=empty_weights(number, hidden),
        brain=empty_genomes(number, room, max_hidden, MAX_MUSCLES if max_hidden else 0),
        name=np.zeros(number, np.int64),
        parents=np.full((number, 2), -1, np.int64),
        streak=np.zeros(number, np.int32),
    )


@compiled
def strain_sense(muscle: int) -> Any:
    """The name of the sensor of a muscle's strain."""
    return join(muscle, 1)


@compiled
def node_sense(node: int, sensor: int) -> Any:
    """The name of a node's sensor: velocity x, y, z (0-2) or ground contact (3)."""
    return join(node, 2 + sensor)


@compiled
def senses(
    bodies: Any, i: int, node_rank: Any, muscle_rank: Any, rules: Any, names: Any, columns: Any
) -> int:
    """List the inputs creature i has: their names, and columns by the ranks; returns how many."""
    count = 0
    for column in range(BIAS if rules.bias_node else DIRECTION, TIME + rules.clock):
        names[count] = columns[count] = column
        count += 1
    if not rules.proprioception:
        return count
    for m in range(bodies.muscles[i]):
        names[count] = strain_sense(bodies.muscle_id[i, m])
        columns[count] = STRAIN + muscle_rank[m]
        count += 1
    for n in range(bodies.nodes[i]):
        for sensor in range(4):
            names[count] = node_sense(bodies.node_id[i, n], sensor)
            if sensor < 3:
                columns[count] = VELOCITY + 3 * node_rank[n] + sensor
            else:
                columns[count] = CONTACT + node_rank[n]
            count += 1
    return count


@compiled
def _wire_output(
    brain: Any, i: int, o: int, inputs: Any, rules: Any, stream: Any, born: int
) -> None:
    """Connect an output as a new brain of these rules would have it."""
    target = brain.output_id[i, o]
    brain.output_bias[i, o] = rules.output_bias if rules.brain.bias > 0.0 else 0.0
    reach = rules.brain.reset_range
    first = 1 if rules.bias_node else 0
    if rules.bias_node:
        connect(brain, i, BIAS, target, rules.output_bias, born)
    if rules.connectivity == 0:
        odds = _FULL / (max(1, brain.outputs[i]) * len(inputs))
        for k in range(first, len(inputs)):
            if uniform(stream) < odds:
                connect(brain, i, inputs[k], target, between(stream, -reach, reach), born)
    elif rules.connectivity < 3:
        source = inputs[first + below(stream, len(inputs) - first)]
        connect(brain, i, source, target, between(stream, -reach, reach), born)


@compiled
def _found_brain(brain: Any, i: int, bodies: Any, inputs: Any, rules: Any, stream: Any) -> None:
    brain.genes[i] = brain.hidden[i] = 0
    brain.outputs[i] = bodies.muscles[i]
    for o in range(brain.outputs[i]):
        brain.output_id[i, o] = bodies.muscle_id[i, o]
    if rules.connectivity == 1:  # every input to one output
        reach = rules.brain.reset_range
        for o in range(brain.outputs[i]):
            brain.output_bias[i, o] = rules.output_bias if rules.brain.bias > 0.0 else 0.0
            if rules.bias_node:
                connect(brain, i, BIAS, brain.output_id[i, o], rules.output_bias, 0)
        for k in range(1 if rules.bias_node else 0, len(inputs)):
            target = brain.output_id[i, below(stream, brain.outputs[i])]
            connect(brain, i, inputs[k], target, between(stream, -reach, reach), 0)
        return
    for o in range(brain.outputs[i]):
        _wire_output(brain, i, o, inputs, rules, stream, 0)


@compiled
def found(population: Any, rules: Any, key: Any) -> None:
    """Fill a population with random creatures."""
    stream = np.empty(1, np.uint64)
    ranks = np.arange(MAX_MUSCLES)
    names, columns = np.empty(MAX_SENSES, np.int64), np.empty(MAX_SENSES, np.int64)
    bodies = population.body
    for i in range(len(population.name)):
        stream[0] = key_at(key, i)
        grow_body(bodies, i, rules.body, stream)
        if rules.neat:
            count = senses(bodies, i, ranks, ranks, rules, names, columns)
            _found_brain(population.brain, i, bodies, names[:count], rules, stream)
        else:
            fresh_weights(population.weights, i, bodies, rules.weights, stream)
        population.name[i] = i
        population.parents[i, 0] = population.parents[i, 1] = -1
        population.streak[i] = 0


@compiled
def _fit_brain(
    brain: Any,
    k: int,
    before: Any,
    mother: int,
    after: Any,
    inputs: Any,
    rules: Any,
    stream: Any,
    born: int,
) -> None:
    """Fit an inherited brain to a body whose structure has changed.

    Genes of sensors and muscles that are gone go too; new muscles get outputs of their own.
    """
    for m in range(before.muscles[mother]):
        name = before.muscle_id[mother, m]
        if place_of(after.muscle_id[k], after.muscles[k], name) < 0:
            forget(brain, k, name)
            forget(brain, k, strain_sense(name))
    for n in range(before.nodes[mother]):
        name = before.node_id[mother, n]
        if place_of(after.node_id[k], after.nodes[k], name) < 0:
            for sensor in range(4):
                forget(brain, k, node_sense(name, sensor))
    old_names, old_bias = brain.output_id[k].copy(), brain.output_bias[k].copy()
    old_count = brain.outputs[k]
    brain.outputs[k] = after.muscles[k]
    for m in range(after.muscles[k]):
        name = after.muscle_id[k, m]
        brain.output_id[k, m] = name
        place = place_of(old_names, old_count, name)
        if place >= 0:
            brain.output_bias[k, m] = old_bias[place]
    for m in range(after.muscles[k]):
        if place_of(old_names, old_count, brain.output_id[k, m]) < 0:
            _wire_output(brain, k, m, inputs, rules, stream, born)


@compiled
def _survive(old: Any, i: int, new: Any, k: int, neat: int) -> None:
    copy_body(old.body, i, new.body, k)
    if neat:
        copy_genome(old.brain, i, new.brain, k)
    else:
        copy_weights(old.weights, i, new.weights, k)
    new.name[k], new.streak[k] = old.name[i], old.streak[i] + 1
    new.parents[k, 0], new.parents[k, 1] = old.parents[i, 0], old.parents[i, 1]


@compiled
def _bear(
    old: Any,
    mother: int,
    father: int,
    new: Any,
    k: int,
    rules: Any,
    stream: Any,
    born: int,
    ranks: Any,
    names: Any,
    columns: Any,
) -> None:
    """Child k: crossed or cloned, then mutated, body first."""
    body = new.body
    if father >= 0:
        cross_bodies(old.body, mother, old.body, father, body, k, stream)
    else:
        copy_body(old.body, mother, body, k)
    changed = mutate_body(body, k, rules.body, stream)
    if rules.neat:
        if father >= 0:
            cross(old.brain, mother, old.brain, father, new.brain, k, stream)
        else:
            copy_genome(old.brain, mother, new.brain, k)
        count = senses(body, k, ranks, ranks, rules, names, columns)
        if changed:
            _fit_brain(new.brain, k, old.body, mother, body, names[:count], rules, stream, born + 3)
        mutate(new.brain, k, names[:count], rules.brain, stream, born)
    else:
        inherit_weights(
            old.weights, old.body, mother, father, new.weights, body, k, rules.weights, stream
        )
        mutate_weights(new.weights, k, body, rules.weights, stream)


@compiled
def breed(
    old: Any,
    new: Any,
    survivors: Any,
    mothers: Any,
    fathers: Any,
    rules: Any,
    key: Any,
    generation: int,
) -> None:
    """Write the next generation: survivors first, then the children of the pairs.

    Args:
        old: The population now.
        new: Room for as many.
        survivors: Who lives on.
        mothers: The parent each child takes its structure from.
        fathers: The other parent, or -1.
        rules: How creatures are born.
        key: The randomness of this generation.
        generation: The number of the new generation, from 1.
    """
    stream = np.empty(1, np.uint64)
    names, columns = np.empty(MAX_SENSES, np.int64), np.empty(MAX_SENSES, np.int64)
    ranks = np.arange(MAX_MUSCLES)
    size = len(new.name)
    for k in range(len(survivors)):
        _survive(old, survivors[k], new, k, rules.neat)
    for c in range(len(mothers)):
        k = len(survivors) + c
        stream[0] = key_at(key, k)
        number = generation * size + k
        lists = (ranks, names, columns)
        _bear(old, mothers[c], fathers[c], new, k, rules, stream, BIRTHS * number, *lists)
        new.name[k], new.streak[k] = number, 0
        new.parents[k, 0] = old.name[mothers[c]]
        new.parents[k, 1] = old.name[fathers[c]] if fathers[c] >= 0 else -1
