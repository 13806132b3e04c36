"""The simulator: sixteen creatures at a time through physics, senses, brains and fitness.

Every quantity is a row of sixteen floats, one a creature. `tests` hold it to `kernel_scalar.py`
(one creature at a time, the same roundings) and to `reference.py` (NumPy, float64).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from homeostat.workloads.evolution import book as B
from homeostat.workloads.evolution.blocks import NODE_ROWS, PLACE, RADIUS, SLOT_ROWS
from homeostat.workloads.evolution.capacity import FIRST_HIDDEN, MAX_HIDDEN, MAX_NODES, MAX_PAIRS
from homeostat.workloads.evolution.chance import key_at
from homeostat.workloads.evolution.compiled import compiled, compiled_part
from homeostat.workloads.evolution.lanes_body import Scratch, centre, move, observe, pull
from homeostat.workloads.evolution.lanes_brain import flex, sense, think
from homeostat.workloads.evolution.simd import (
    WIDTH,
    aligned_rows,
    load,
    maximum,
    select,
    splat,
    sqrt,
    store,
)

Array = npt.NDArray[Any]
f32 = np.float32


def new_scratch() -> Scratch:
    """Working rows for one thread."""
    return Scratch(
        motion=aligned_rows(6 * MAX_NODES),
        force=aligned_rows(3 * MAX_NODES),
        length=aligned_rows(MAX_PAIRS),
        drive=aligned_rows(MAX_PAIRS),
        signal=aligned_rows(FIRST_HIDDEN + MAX_PAIRS + MAX_HIDDEN),
        book=aligned_rows(B.BOOK_ROWS),
        keys=np.zeros(WIDTH, np.uint64),
    )


@compiled_part
def _spawn(b: int, layout: int, blocks: Any, keys: Any, world: Any, scratch: Any) -> None:
    """Put a block at its start: at rest, one pellet out."""
    motion, book, rows = scratch.motion, scratch.book, blocks.node_rows
    first, nodes = blocks.node_start[b], blocks.nodes[b]
    book[:] = f32(0.0)
    for n in range(nodes):
        for axis in range(3):
            store(motion, 6 * n + axis, load(rows, first + NODE_ROWS * n + PLACE + axis))
            store(motion, 6 * n + 3 + axis, splat(0.0))
    slot_start = blocks.slot_start[b]
    for s in range(blocks.slots[b]):
        store(scratch.length, s, load(blocks.slot_rows, SLOT_ROWS * (slot_start + s)))
        store(scratch.drive, s, splat(0.0))
    centre(book, motion, rows, first, nodes)
    size = splat(1.0)
    for n in range(nodes):
        row = first + NODE_ROWS * n
        dx = load(motion, 6 * n) - load(book, B.X)
        dz = load(motion, 6 * n + 2) - load(book, B.Z)
        edge = (sqrt(dx * dx + dz * dz) + load(rows, row + RADIUS)) * splat(1.3)
        # Nodes a lane lacks stand at the origin, which may be far from its centre.
        size = maximum(size, select(load(rows, row + RADIUS) > splat(0.0), edge, splat(0.0)))
    store(book, B.SIZE, size)
    for axis in range(3):
        store(book, B.SEEN + axis, load(book, B.X + axis))
        store(book, B.LAST_X + axis, load(book, B.X + axis))
    store(book, B.START_X, load(book, B.X))
    store(book, B.START_Z, load(book, B.Z))
    for lane in range(WIDTH):
        i = max(0, blocks.creature[b, lane])
        scratch.keys[lane] = key_at(keys[i], layout)
        B.place_pellet(book, lane, scratch.keys[lane], world)
        book[B.AHEAD_X, lane] = math.cos(book[B.ANGLE, lane])
        book[B.AHEAD_Z, lane] = math.sin(book[B.ANGLE, lane])
        if world.mode == 1:
            for s in range(blocks.slots[b]):
                if blocks.slot_rows[SLOT_ROWS * (slot_start + s) + 4, lane] > world.max_hz:
                    book[B.DEAD, lane] = f32(4.0)


@compiled_part
def _run_block(b: int, layout: int, blocks: Any, keys: Any, world: Any, scratch: Any) -> None:
    """One block on one layout, from start to end."""
    _spawn(b, layout, blocks, keys, world, scratch)
    for step in range(world.steps):
        if step % world.think_every == 0:
            sense(b, step, blocks, world, scratch)
            think(b, step, blocks, world, scratch)
        flex(b, step, blocks, world, scratch)
        for _ in range(world.substeps):
            pull(b, blocks, scratch)
            move(b, blocks, world, scratch)
        observe(b, step, blocks, world, scratch)


@compiled
def run_tasks(
    tasks: Any, layouts: int, blocks: Any, keys: Any, world: Any, scratch: Any, scores: Any
) -> None:
    """Simulate tasks (block x layout); write scores (N, layouts, columns)."""
    for task in tasks:
        b, layout = task // layouts, task % layouts
        _run_block(b, layout, blocks, keys, world, scratch)
        for lane in range(WIDTH):
            i = blocks.creature[b, lane]
            if i >= 0:
                share = blocks.muscle_share[b, lane]
                B.score_lane(scratch.book, lane, share, world, scores[i, layout])
