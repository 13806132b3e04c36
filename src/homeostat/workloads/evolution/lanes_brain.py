"""Senses, brains and muscles of sixteen creatures at a time."""

from __future__ import annotations

import math
from typing import Any

from homeostat.workloads.evolution import book as B
from homeostat.workloads.evolution.blocks import NODE_ROWS, RADIUS, SLOT_ROWS
from homeostat.workloads.evolution.capacity import DIRECTION, DISTANCE, MOTION
from homeostat.workloads.evolution.compiled import inlined
from homeostat.workloads.evolution.simd import (
    absolute,
    floor,
    fma,
    load,
    maximum,
    minimum,
    rsqrt,
    select,
    splat,
    sqrt,
    store,
)


@inlined
def tanh16(x: Any) -> Any:
    """Tanh as a ratio of polynomials (Lambert), within 1e-4; the same bits on every machine."""
    x = minimum(maximum(x, splat(-4.9)), splat(4.9))
    z = x * x
    top = fma(z, fma(z, z + splat(378.0), splat(17325.0)), splat(135135.0))
    low = fma(z, fma(z, fma(z, splat(28.0), splat(3150.0)), splat(62370.0)), splat(135135.0))
    return x * top / low


@inlined
def sin_turns16(turns: Any) -> Any:
    """sin(2 pi turns), within 1e-5, by a polynomial on a quarter turn."""
    t = turns - floor(turns + splat(0.5))
    t = select(absolute(t) > splat(0.25), select(t > splat(0.0), splat(0.5), splat(-0.5)) - t, t)
    z = t * t
    p = fma(
        z,
        fma(
            z,
            fma(z, splat(42.058693944897656), splat(-76.70585975306136)),
            splat(81.60524927607504),
        ),
        splat(-41.341702240399755),
    )
    return t * fma(z, p, splat(6.283185307179586))


@inlined
def clip16(x: Any) -> Any:
    """x, kept within -1 .. 1."""
    return minimum(maximum(x, splat(-1.0)), splat(1.0))


@inlined
def sense(b: int, step: int, blocks: Any, world: Any, scratch: Any) -> None:
    """Fill the inputs of the brains."""
    motion, book, signal = scratch.motion, scratch.book, scratch.signal
    x, y, z = load(book, B.X), load(book, B.Y), load(book, B.Z)
    ex, ey = load(book, B.PELLET) - x, load(book, B.PELLET + 1) - y
    ez = load(book, B.PELLET + 2) - z
    squared = fma(ex, ex, fma(ey, ey, fma(ez, ez, splat(1e-12))))
    inverse = rsqrt(squared)
    store(signal, DIRECTION, ex * inverse)
    store(signal, DIRECTION + 1, ey * inverse)
    store(signal, DIRECTION + 2, ez * inverse)
    for axis in range(3):
        now = load(book, B.X + axis)
        store(signal, MOTION + axis, clip16((now - load(book, B.SEEN + axis)) * splat(10.0)))
        store(book, B.SEEN + axis, now)
    store(signal, DISTANCE, minimum(squared * inverse * splat(0.05), splat(1.0)))
    t = step * world.step_s
    if world.time_sin:
        store(signal, world.time_sin, splat(-math.cos(math.pi * t)))
    if world.time_cos:
        store(signal, world.time_cos, splat(math.sin(math.pi * t)))
    if world.time_raw:
        store(signal, world.time_raw, splat(2.0 * step / world.steps - 1.0))
    if not world.proprioception:
        return
    nodes, slots, first = blocks.nodes[b], blocks.slots[b], blocks.slot_start[b]
    column = blocks.inputs[b] - 4 * nodes - slots
    for s in range(slots):
        a, c = 6 * blocks.pairs[first + s, 0], 6 * blocks.pairs[first + s, 1]
        dx = load(motion, c) - load(motion, a)
        dy = load(motion, c + 1) - load(motion, a + 1)
        dz = load(motion, c + 2) - load(motion, a + 2)
        rest = load(blocks.slot_rows, SLOT_ROWS * (first + s))
        length = sqrt(fma(dx, dx, fma(dy, dy, dz * dz)))
        store(signal, column + s, clip16((length - rest) / rest))
    for n in range(nodes):
        for axis in range(3):
            speed = load(motion, 6 * n + 3 + axis)
            store(signal, column + slots + 3 * n + axis, clip16(speed * splat(0.1)))
        lift = load(motion, 6 * n + 1) - load(
            blocks.node_rows, blocks.node_start[b] + NODE_ROWS * n + RADIUS
        )
        touch = select(lift > splat(0.01), splat(0.0), splat(1.0))
        store(signal, column + slots + 3 * nodes + n, touch)


@inlined
def think(b: int, step: int, blocks: Any, world: Any, scratch: Any) -> None:
    """Run the brains and smooth what they say."""
    signal, drive, rows = scratch.signal, scratch.drive, blocks.brain_rows
    inputs, hidden, slots = blocks.inputs[b], blocks.hidden[b], blocks.slots[b]
    row = blocks.brain_start[b]
    for h in range(hidden):
        total = load(rows, row)
        for c in range(1, inputs + h if world.mode == 2 else inputs):
            total = fma(load(signal, c), load(rows, row + c), total)
        if world.activation == 1:
            total = maximum(total, splat(0.0))
        elif world.activation == 2:
            total = fma(tanh16(total * splat(0.5)), splat(0.5), splat(0.5))
        else:
            total = tanh16(total)
        store(signal, inputs + h, total)
        row += inputs + hidden
    fresh = splat(1.0 if step == 0 else world.smoothing)
    kept = splat(0.0 if step == 0 else 1.0 - world.smoothing)
    effort = splat(0.0)
    for s in range(slots):
        total = load(rows, row)
        for c in range(1 if world.mode == 2 else inputs, inputs + hidden):
            total = fma(load(signal, c), load(rows, row + c), total)
        said = tanh16(total)
        said = select(absolute(said) < splat(world.dead_zone), splat(0.0), said)
        said = fma(fresh, said, kept * load(drive, s))
        store(drive, s, said)
        effort += absolute(said)
        row += inputs + hidden
    store(scratch.book, B.EFFORT, effort)


@inlined
def flex(b: int, step: int, blocks: Any, world: Any, scratch: Any) -> None:
    """Move rest lengths towards what the brains ask, no faster than muscles can."""
    length, drive, rows = scratch.length, scratch.drive, blocks.slot_rows
    row = SLOT_ROWS * blocks.slot_start[b]
    most, least = splat(world.length_step), splat(-world.length_step)
    extension, shortest = splat(world.max_extension), splat(1.0 / world.max_extension)
    t = splat(step * world.step_s)
    for s in range(blocks.slots[b]):
        rest, said, now = load(rows, row), load(drive, s), load(length, s)
        if world.mode == 1:
            wave = sin_turns16(fma(load(rows, row + 4), t, load(rows, row + 5)))
            wave = wave * load(rows, row + 3)
            said = wave * fma(said, splat(0.5), splat(1.0))
        goal = rest - rest * said
        now = now + minimum(maximum(goal - now, least), most)
        low = maximum(splat(0.01), shortest * rest)
        store(length, s, minimum(maximum(now, low), extension * rest))
        row += SLOT_ROWS
