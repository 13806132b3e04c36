"""A population as arrays: creatures are founded, live on, and are bred, all in compiled loops.

Every creature draws its randomness from a key of its own (seed, generation, place), so neither
order nor number of threads matters.
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
from homeostat.workloads.evolution.chance import SENSE, below, between, join, key_at, uniform
from homeostat.workloads.evolution.compiled import compiled, compiled_part
from homeostat.workloads.evolution.selection import Plan
from homeostat.workloads.evolution.weights import (
    WeightRules,
    Weights,
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


@compiled_part
def strain_sense(muscle: int) -> Any:
    """The name of the sensor of a muscle's strain."""
    return join(muscle, SENSE)


@compiled_part
def node_sense(node: int, sensor: int) -> Any:
    """The name of a node's sensor: velocity x, y, z (0-2) or ground contact (3)."""
    return join(node, SENSE + sensor)


@compiled_part
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


@compiled_part
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


@compiled_part
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
def _found_bodies(bodies: Any, rules: Any, key: Any) -> None:
    stream = np.empty(1, np.uint64)
    for i in range(len(bodies.nodes)):
        stream[0] = key_at(key, i)
        grow_body(bodies, i, rules, stream)


@compiled
def _found_weights(weights: Any, bodies: Any, rules: Any, key: Any) -> None:
    stream = np.empty(1, np.uint64)
    for i in range(len(bodies.nodes)):
        stream[0] = key_at(key, i)
        fresh_weights(weights, i, bodies, rules, stream)


@compiled
def _found_brains(brain: Any, bodies: Any, rules: Any, key: Any) -> None:
    stream, ranks = np.empty(1, np.uint64), np.arange(MAX_MUSCLES)
    names, columns = np.empty(MAX_SENSES, np.int64), np.empty(MAX_SENSES, np.int64)
    for i in range(len(bodies.nodes)):
        stream[0] = key_at(key, i)
        count = senses(bodies, i, ranks, ranks, rules, names, columns)
        _found_brain(brain, i, bodies, names[:count], rules, stream)


def found(population: Population, rules: Rules, key: Any) -> None:
    """Fill a population with random creatures."""
    body_key, brain_key = np.uint64(key_at(key, 0)), np.uint64(key_at(key, 1))
    _found_bodies(population.body, rules.body, body_key)
    if rules.neat:
        _found_brains(population.brain, population.body, rules, brain_key)
    else:
        _found_weights(population.weights, population.body, rules.weights, brain_key)
    population.name[:] = np.arange(len(population.name))
    population.parents[:] = -1
    population.streak[:] = 0


@compiled_part
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
def _breed_bodies(
    old: Any,
    new: Any,
    survivors: Any,
    mothers: Any,
    fathers: Any,
    rules: Any,
    key: Any,
    changed: Any,
) -> None:
    stream, kept = np.empty(1, np.uint64), len(survivors)
    for k in range(kept):
        copy_body(old, survivors[k], new, k)
    for c in range(len(mothers)):
        k = kept + c
        stream[0] = key_at(key, k)
        if fathers[c] >= 0:
            cross_bodies(old, mothers[c], old, fathers[c], new, k, stream)
        else:
            copy_body(old, mothers[c], new, k)
        changed[c] = mutate_body(new, k, rules, stream)


@compiled
def _breed_weights(
    old: Any,
    new: Any,
    old_bodies: Any,
    bodies: Any,
    kept: int,
    mothers: Any,
    fathers: Any,
    rules: Any,
    key: Any,
) -> None:
    stream = np.empty(1, np.uint64)
    for c in range(len(mothers)):
        k = kept + c
        stream[0] = key_at(key, k)
        pair = (mothers[c], fathers[c])
        inherit_weights(old, old_bodies, pair[0], pair[1], new, bodies, k, rules, stream)
        mutate_weights(new, k, bodies, rules, stream)


@compiled
def _breed_brains(
    old: Any,
    new: Any,
    old_bodies: Any,
    bodies: Any,
    survivors: Any,
    mothers: Any,
    fathers: Any,
    changed: Any,
    rules: Any,
    key: Any,
    born: int,
) -> None:
    stream, kept, ranks = np.empty(1, np.uint64), len(survivors), np.arange(MAX_MUSCLES)
    names, columns = np.empty(MAX_SENSES, np.int64), np.empty(MAX_SENSES, np.int64)
    for k in range(kept):
        copy_genome(old, survivors[k], new, k)
    for c in range(len(mothers)):
        k = kept + c
        stream[0] = key_at(key, k)
        if fathers[c] >= 0:
            cross(old, mothers[c], old, fathers[c], new, k, stream)
        else:
            copy_genome(old, mothers[c], new, k)
        inputs = names[: senses(bodies, k, ranks, ranks, rules, names, columns)]
        first = born + BIRTHS * k
        if changed[c]:
            _fit_brain(new, k, old_bodies, mothers[c], bodies, inputs, rules, stream, first + 3)
        mutate(new, k, inputs, rules.brain, stream, first)


def breed(
    old: Population, new: Population, plan: Plan, rules: Rules, key: Any, generation: int
) -> None:
    """Write the next generation: survivors first, then the children, bodies before brains.

    Args:
        old: The population now.
        new: Room for as many.
        plan: Who survives, and who has children with whom.
        rules: How creatures are born.
        key: The randomness of this generation.
        generation: The number of the new generation, from 1.
    """
    survivors, mothers, fathers = plan.survivors, plan.mothers, plan.fathers
    kept, size = len(survivors), len(new.name)
    body_key, brain_key = np.uint64(key_at(key, 0)), np.uint64(key_at(key, 1))
    changed = np.zeros(len(mothers), np.bool_)
    _breed_bodies(old.body, new.body, survivors, mothers, fathers, rules.body, body_key, changed)
    if rules.neat:
        pair = (old.brain, new.brain, old.body, new.body)
        born = generation * size * BIRTHS
        _breed_brains(*pair, survivors, mothers, fathers, changed, rules, brain_key, born)
    else:
        for before, after in zip(old.weights, new.weights, strict=True):
            after[:kept] = before[survivors]
        pair_w = (old.weights, new.weights, old.body, new.body)
        _breed_weights(*pair_w, kept, mothers, fathers, rules.weights, brain_key)
    new.name[:kept], new.streak[:kept] = old.name[survivors], old.streak[survivors] + 1
    new.parents[:kept] = old.parents[survivors]
    new.name[kept:], new.streak[kept:] = generation * size + np.arange(kept, size), 0
    new.parents[kept:, 0] = old.name[mothers]
    new.parents[kept:, 1] = np.where(fathers >= 0, old.name[fathers], -1)
