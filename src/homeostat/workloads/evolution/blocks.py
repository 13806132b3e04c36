"""Packing: creatures of like build, sixteen to a block, one in each lane.

A block walks the *union* of the pairs of nodes that any of its creatures joins by a muscle (its
pair slots); a lane without that muscle has a spring of zero strength. So no lane ever needs its
own addresses. Creatures are sorted by nodes and by which pairs they join, which keeps the unions
small; a population that has converged packs perfectly.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from homeostat.workloads.evolution.capacity import (
    CONTACT,
    FIRST_HIDDEN,
    MAX_MUSCLES,
    STRAIN,
    TIME,
    VELOCITY,
)
from homeostat.workloads.evolution.compiled import compiled, compiled_part
from homeostat.workloads.evolution.creatures import Creatures
from homeostat.workloads.evolution.simd import WIDTH, aligned_rows
from homeostat.workloads.evolution.world import World

Array = npt.NDArray[Any]

# Rows of a node, and of a pair slot.
PLACE, KICK, FALL, RADIUS, SLIP, MASS_SHARE, COUNT_SHARE, REACH = 0, 3, 4, 5, 6, 7, 8, 9
NODE_ROWS = 10
SLOT_ROWS = 6  # as the columns of Creatures.spring


class Blocks(NamedTuple):
    """Packed creatures. Rows hold one float32 a lane; `*_start` is a block's first row."""

    creature: Array  # (B, 16) int64, -1 in an empty lane
    nodes: Array  # (B,) int64: how many any lane has; likewise the next three
    slots: Array
    inputs: Array  # columns of a brain row before the hidden ones; the bias is column 0
    hidden: Array
    node_start: Array
    slot_start: Array
    brain_start: Array
    pairs: Array  # (slots of all blocks, 2) int64: the two nodes of a slot
    node_rows: Array
    slot_rows: Array
    brain_rows: Array  # a neuron's weights: bias, inputs, hidden; hidden neurons then slots
    muscle_share: Array  # (B, 16) 1 / muscles


@compiled
def pair_masks(ends: Any, muscles: Any) -> Any:
    """Which pairs of nodes each creature joins, a bit for each."""
    masks = np.zeros(len(muscles), np.int64)
    for i in range(len(muscles)):
        for m in range(muscles[i]):
            a, b = ends[i, m, 0], ends[i, m, 1]
            masks[i] |= 1 << (b * (b - 1) // 2 + a)
    return masks


@compiled
def _plan(order: Any, creatures: Any, masks: Any, before_hidden: int, senses: bool) -> Any:
    """Sizes and starts of every block: (nodes, slots, inputs, hidden, starts of each, union)."""
    blocks = (len(order) + WIDTH - 1) // WIDTH
    plan = np.zeros((8, blocks + 1), np.int64)
    for b in range(blocks):
        nodes, hidden, union, slots = 0, 0, 0, 0
        for lane in range(min(WIDTH, len(order) - b * WIDTH)):
            i = order[b * WIDTH + lane]
            nodes, hidden = max(nodes, creatures.nodes[i]), max(hidden, creatures.hidden[i])
            union |= masks[i]
        rest = union
        while rest:
            rest &= rest - 1
            slots += 1
        inputs = before_hidden + (slots + 4 * nodes if senses else 0)
        plan[0, b], plan[1, b], plan[2, b], plan[3, b] = nodes, slots, inputs, hidden
        plan[4, b + 1] = plan[4, b] + NODE_ROWS * nodes
        plan[5, b + 1] = plan[5, b] + slots
        plan[6, b + 1] = plan[6, b] + (hidden + slots) * (inputs + hidden)
        plan[7, b] = union
    return plan


@compiled_part
def _fill_nodes(rows: Any, lane: int, i: int, creatures: Any, world: Any) -> None:
    count = creatures.nodes[i]
    whole = np.float32(0.0)
    for n in range(count):
        whole += creatures.mass[i, n]
    for n in range(count):
        row, radius = NODE_ROWS * n, creatures.radius[i, n]
        for axis in range(3):
            rows[row + PLACE + axis, lane] = creatures.place[i, n, axis]
        rows[row + KICK, lane] = np.float32(world.substep_s) / creatures.mass[i, n]
        rows[row + FALL, lane] = world.gravity * world.substep_s
        rows[row + RADIUS, lane] = radius
        rows[row + SLIP, lane] = creatures.grip[i, n] * np.float32(
            abs(world.gravity) * world.substep_s
        )
        rows[row + MASS_SHARE, lane] = creatures.mass[i, n] / whole
        rows[row + COUNT_SHARE, lane] = np.float32(1.0) / np.float32(count)
        rows[row + REACH, lane] = radius + np.float32(world.pellet_reach)


@compiled_part
def _block_column(column: int, slot_of: Any, first: int, slots: int, nodes: int, end: int) -> Any:
    """Where a canonical input column stands in the rows of a block."""
    if column < TIME + 2:
        return column
    if column < VELOCITY:
        return first + slot_of[column - STRAIN]
    if column < CONTACT:
        return first + slots + column - VELOCITY
    if column < FIRST_HIDDEN:
        return first + slots + 3 * nodes + column - CONTACT
    return end + column - FIRST_HIDDEN


@compiled_part
def _fill_brain(
    rows: Any, lane: int, i: int, creatures: Any, slot_of: Any, shape: Any, first: int
) -> None:
    nodes, slots, inputs, hidden = shape
    stride = inputs + hidden
    links = creatures.first_link[i]
    own_hidden = creatures.hidden[i]
    for neuron in range(own_hidden + creatures.muscles[i]):
        if neuron < own_hidden:
            row = neuron * stride
        else:
            row = (hidden + slot_of[neuron - own_hidden]) * stride
        for k in range(creatures.row_link[i, neuron], creatures.row_link[i, neuron + 1]):
            column = creatures.link_from[links + k]
            at = _block_column(column, slot_of, first, slots, nodes, inputs)
            rows[row + at, lane] = creatures.link_weight[links + k]


@compiled_part
def _fill_block(b: int, blocks: Any, creatures: Any, world: Any, union: int, first: int) -> None:
    nodes, slots = blocks.nodes[b], blocks.slots[b]
    slot_start = blocks.slot_start[b]
    slot_of_pair = np.zeros(64, np.int64)
    slot, upper, lower = 0, 1, 0
    for pair in range(63):
        if (union >> pair) & 1:
            slot_of_pair[pair] = slot
            blocks.pairs[slot_start + slot, 0] = lower
            blocks.pairs[slot_start + slot, 1] = upper
            slot += 1
        lower += 1
        if lower == upper:
            lower, upper = 0, upper + 1
    slot_rows = blocks.slot_rows[SLOT_ROWS * slot_start : SLOT_ROWS * (slot_start + slots)]
    node_rows = blocks.node_rows[blocks.node_start[b] : blocks.node_start[b] + NODE_ROWS * nodes]
    brain_rows = blocks.brain_rows[blocks.brain_start[b] :]
    node_rows[REACH::NODE_ROWS] = np.float32(-1e9)  # a node that a lane lacks touches nothing
    slot_rows[::SLOT_ROWS] = np.float32(1.0)  # a rest length one may divide by
    slot_of = np.zeros(MAX_MUSCLES, np.int64)
    shape = (nodes, slots, blocks.inputs[b], blocks.hidden[b])
    for lane in range(WIDTH):
        i = blocks.creature[b, lane]
        if i < 0:
            continue
        _fill_nodes(node_rows, lane, i, creatures, world)
        for m in range(creatures.muscles[i]):
            low, high = creatures.ends[i, m, 0], creatures.ends[i, m, 1]
            slot_of[m] = slot_of_pair[high * (high - 1) // 2 + low]
            for k in range(SLOT_ROWS):
                slot_rows[SLOT_ROWS * slot_of[m] + k, lane] = creatures.spring[i, m, k]
        blocks.muscle_share[b, lane] = np.float32(1.0) / np.float32(max(1, creatures.muscles[i]))
        _fill_brain(brain_rows, lane, i, creatures, slot_of, shape, first)


@compiled
def _fill(blocks: Any, creatures: Any, world: Any, unions: Any, first: int) -> None:
    for b in range(len(blocks.nodes)):
        _fill_block(b, blocks, creatures, world, unions[b], first)


def pack(creatures: Creatures, world: World, order: Array | None = None) -> Blocks:
    """Put creatures into blocks of sixteen, like with like; `order` overrides the sorting."""
    masks = pair_masks(creatures.ends, creatures.muscles)
    if order is None:
        order = np.lexsort((creatures.hidden, masks, creatures.nodes))
    first = TIME + world.clock_inputs
    plan = _plan(order, creatures, masks, first, bool(world.proprioception))
    count = plan.shape[1] - 1
    creature = np.full(count * WIDTH, -1, np.int64)
    creature[: len(order)] = order
    blocks = Blocks(
        creature=creature.reshape(count, WIDTH),
        nodes=plan[0, :count],
        slots=plan[1, :count],
        inputs=plan[2, :count],
        hidden=plan[3, :count],
        node_start=plan[4],
        slot_start=plan[5],
        brain_start=plan[6],
        pairs=np.zeros((plan[5, count], 2), np.int64),
        node_rows=aligned_rows(plan[4, count]),
        slot_rows=aligned_rows(SLOT_ROWS * plan[5, count]),
        brain_rows=aligned_rows(plan[6, count]),
        muscle_share=np.zeros((count, WIDTH), np.float32),
    )
    _fill(blocks, creatures, world, plan[7], first)
    return blocks
