"""The simulator: sixteen creatures at a time through physics, senses, brains and fitness.

Every quantity is a row of sixteen floats, one a creature. `tests` hold it to `kernel_scalar.py`
(one creature at a time, the same roundings) and to `reference.py` (NumPy, float64).
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from . import scores as S
from .blocks import (
    COUNT_SHARE,
    FALL,
    KICK,
    MASS_SHARE,
    NODE_ROWS,
    PLACE,
    RADIUS,
    REACH2,
    SLIP,
    SLOT_ROWS,
)
from .capacity import DIRECTION, DISTANCE, FIRST_HIDDEN, MAX_HIDDEN, MAX_NODES, MAX_PAIRS, MOTION
from .chance import key_at, uniform_at
from .compiled import compiled, compiled_fast, inlined
from .simd import (
    WIDTH,
    absolute,
    aligned_rows,
    bits,
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

Array = npt.NDArray[Any]
f32 = np.float32

# Rows of the book each block keeps.
X, Y, Z = 0, 1, 2  # centre of mass
SEEN = 3  # where it was at the last thought: 3 rows
LAST_X, LAST_Y, LAST_Z, RISING = 6, 7, 8, 9
START_X, START_Z, AHEAD_X, AHEAD_Z = 10, 11, 12, 13  # the frame of the track
SIZE = 14
PELLET = 15  # 3 rows
ANGLE, GAP, START_GAP, BEST_GAP, COLLECTED = 18, 19, 20, 21, 22
PATH, EFFORT, WORK = 23, 24, 25
HEIGHT, HEIGHT2, CONTACT, CONTACT2, BOUNCES = 26, 27, 28, 29, 30
DEAD, FAR2_NOW, HIGH_NOW = 31, 32, 33
TRACK = 34  # 8 rows
BOOK_ROWS = 42


class Scratch(NamedTuple):
    """One thread's working rows."""

    motion: Array  # position and velocity: 6 rows a node
    force: Array  # 3 rows a node
    length: Array  # rest length now, a row a slot
    drive: Array  # smoothed output, a row a slot
    signal: Array  # what neurons read: bias, inputs, hidden
    book: Array
    keys: Array  # (16,) uint64: the pellet layout of each lane


def new_scratch() -> Scratch:
    """Working rows for one thread."""
    signals = FIRST_HIDDEN + MAX_PAIRS + MAX_HIDDEN
    sizes = (6 * MAX_NODES, 3 * MAX_NODES, MAX_PAIRS, MAX_PAIRS, signals, BOOK_ROWS)
    return Scratch(*(aligned_rows(rows) for rows in sizes), keys=np.zeros(WIDTH, np.uint64))


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
    p = fma(z, fma(z, fma(z, splat(42.058693944897656), splat(-76.70585975306136)),
            splat(81.60524927607504)), splat(-41.341702240399755))
    return t * fma(z, p, splat(6.283185307179586))


@inlined
def clip16(x: Any) -> Any:
    """x, kept within -1 .. 1."""
    return minimum(maximum(x, splat(-1.0)), splat(1.0))


@inlined
def _centre(book: Any, motion: Any, node_rows: Any, first: int, nodes: int) -> None:
    x, y, z = splat(0.0), splat(0.0), splat(0.0)
    for n in range(nodes):
        share = load(node_rows, first + NODE_ROWS * n + MASS_SHARE)
        x = fma(load(motion, 6 * n), share, x)
        y = fma(load(motion, 6 * n + 1), share, y)
        z = fma(load(motion, 6 * n + 2), share, z)
    store(book, X, x)
    store(book, Y, y)
    store(book, Z, z)


@compiled
def place_pellet(book: Any, lane: int, key: Any, world: Any) -> None:
    """Put the next pellet around a creature: the ring, the half circle and the height it is due."""
    index = int(book[COLLECTED, lane])
    number = np.uint64(3 * index)
    turn = uniform_at(key, number)
    if index == 0:
        angle = turn * f32(2.0 * math.pi)
    else:
        angle = book[ANGLE, lane] + f32(math.pi) * (f32(0.5) + turn)
    ring = f32(7.0) if index == 0 else (f32(8.0) if index <= 2 else f32(9.0))
    away = book[SIZE, lane] + ring + uniform_at(key, number + np.uint64(1))
    x = book[X, lane] + math.cos(angle) * away
    z = book[Z, lane] + math.sin(angle) * away
    if world.arena > 0.0:
        edge = f32(world.arena)
        x, z = min(max(x, -edge), edge), min(max(z, -edge), edge)
    height = f32(0.5) + f32(0.5) * uniform_at(key, number + np.uint64(2)) + f32(0.3) * f32(index)
    book[PELLET, lane], book[PELLET + 1, lane], book[PELLET + 2, lane] = x, height, z
    book[ANGLE, lane] = angle
    dx, dz = x - book[X, lane], z - book[Z, lane]
    gap = max(f32(0.01), f32(math.sqrt(dx * dx + dz * dz)) - book[SIZE, lane])
    book[GAP, lane] = book[START_GAP, lane] = book[BEST_GAP, lane] = gap


@compiled
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
    _centre(book, motion, rows, first, nodes)
    size = splat(1.0)
    for n in range(nodes):
        row = first + NODE_ROWS * n
        dx = load(motion, 6 * n) - load(book, X)
        dz = load(motion, 6 * n + 2) - load(book, Z)
        edge = (sqrt(dx * dx + dz * dz) + load(rows, row + RADIUS)) * splat(1.3)
        # Nodes a lane lacks stand at the origin, which may be far from its centre.
        size = maximum(size, select(load(rows, row + RADIUS) > splat(0.0), edge, splat(0.0)))
    store(book, SIZE, size)
    for axis in range(3):
        store(book, SEEN + axis, load(book, X + axis))
        store(book, LAST_X + axis, load(book, X + axis))
    store(book, START_X, load(book, X))
    store(book, START_Z, load(book, Z))
    for lane in range(WIDTH):
        i = max(0, blocks.creature[b, lane])
        scratch.keys[lane] = key_at(keys[i], layout)
        place_pellet(book, lane, scratch.keys[lane], world)
        book[AHEAD_X, lane] = math.cos(book[ANGLE, lane])
        book[AHEAD_Z, lane] = math.sin(book[ANGLE, lane])
        if world.mode == 1:
            for s in range(blocks.slots[b]):
                if blocks.slot_rows[SLOT_ROWS * (slot_start + s) + 4, lane] > world.max_hz:
                    book[DEAD, lane] = f32(4.0)


@inlined
def _sense(b: int, step: int, blocks: Any, world: Any, scratch: Any) -> None:
    """Fill the inputs of the brains."""
    motion, book, signal = scratch.motion, scratch.book, scratch.signal
    x, y, z = load(book, X), load(book, Y), load(book, Z)
    ex, ey = load(book, PELLET) - x, load(book, PELLET + 1) - y
    ez = load(book, PELLET + 2) - z
    squared = fma(ex, ex, fma(ey, ey, fma(ez, ez, splat(1e-12))))
    inverse = rsqrt(squared)
    store(signal, DIRECTION, ex * inverse)
    store(signal, DIRECTION + 1, ey * inverse)
    store(signal, DIRECTION + 2, ez * inverse)
    for axis in range(3):
        now = load(book, X + axis)
        store(signal, MOTION + axis, clip16((now - load(book, SEEN + axis)) * splat(10.0)))
        store(book, SEEN + axis, now)
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
def _think(b: int, step: int, blocks: Any, world: Any, scratch: Any) -> None:
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
    store(scratch.book, EFFORT, effort)


@inlined
def _flex(b: int, step: int, blocks: Any, world: Any, scratch: Any) -> None:
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


@inlined
def _pull(b: int, blocks: Any, scratch: Any) -> None:
    """Add up the forces of all springs on all nodes."""
    motion, force, length, rows = scratch.motion, scratch.force, scratch.length, blocks.slot_rows
    first, slots = blocks.slot_start[b], blocks.slots[b]
    row, s = SLOT_ROWS * first, 0
    for high in range(blocks.nodes[b]):
        # The slots of one upper node follow each other: it stays in registers meanwhile.
        q = 6 * high
        qx, qy, qz = load(motion, q), load(motion, q + 1), load(motion, q + 2)
        qu, qv, qw = load(motion, q + 3), load(motion, q + 4), load(motion, q + 5)
        fx, fy, fz = splat(0.0), splat(0.0), splat(0.0)
        while s < slots and blocks.pairs[first + s, 1] == high:
            low = blocks.pairs[first + s, 0]
            p = 6 * low
            dx, dy, dz = qx - load(motion, p), qy - load(motion, p + 1), qz - load(motion, p + 2)
            squared = fma(dx, dx, fma(dy, dy, fma(dz, dz, splat(1e-12))))
            inverse = rsqrt(squared)
            rate = (qw - load(motion, p + 5)) * dz
            rate = fma(qu - load(motion, p + 3), dx, fma(qv - load(motion, p + 4), dy, rate))
            stretch = fma(squared, inverse, -load(length, s))
            damped = load(rows, row + 2) * (rate * inverse)
            pull = inverse * fma(load(rows, row + 1), stretch, damped)
            dx, dy, dz = dx * pull, dy * pull, dz * pull
            p = 3 * low
            store(force, p, load(force, p) + dx)
            store(force, p + 1, load(force, p + 1) + dy)
            store(force, p + 2, load(force, p + 2) + dz)
            fx, fy, fz = fx - dx, fy - dy, fz - dz
            row += SLOT_ROWS
            s += 1
        store(force, 3 * high, fx)
        store(force, 3 * high + 1, fy)
        store(force, 3 * high + 2, fz)


@inlined
def _move(b: int, blocks: Any, world: Any, scratch: Any) -> None:
    """Semi-implicit Euler, then the ground: it stops, bounces and rubs."""
    motion, force, rows = scratch.motion, scratch.force, blocks.node_rows
    drag, dt = splat(world.drag), splat(world.substep_s)
    zero, one = splat(0.0), splat(1.0)
    row = blocks.node_start[b]
    for n in range(blocks.nodes[b]):
        p, g = 6 * n, 3 * n
        kick, radius = load(rows, row + KICK), load(rows, row + RADIUS)
        vx = fma(load(force, g), kick, load(motion, p + 3)) * drag
        vy = (fma(load(force, g + 1), kick, load(motion, p + 4)) + load(rows, row + FALL)) * drag
        vz = fma(load(force, g + 2), kick, load(motion, p + 5)) * drag
        y = fma(vy, dt, load(motion, p + 1))
        store(motion, p, fma(vx, dt, load(motion, p)))
        store(motion, p + 2, fma(vz, dt, load(motion, p + 2)))
        down = y < radius
        slowed = load(rows, row + SLIP) * rsqrt(fma(vx, vx, fma(vz, vz, splat(1e-12))))
        keep = select(down, one - minimum(slowed, one), one)
        store(motion, p + 1, select(down, radius, y))
        store(motion, p + 3, vx * keep)
        store(motion, p + 4, select(down & (vy < zero), vy * splat(-0.2), vy))
        store(motion, p + 5, vz * keep)
        row += NODE_ROWS


@compiled
def _disqualify(book: Any, fine: int, far2: Any, high: Any, world: Any) -> None:
    """Note why a lane broke the rules, the first time it does."""
    store(book, FAR2_NOW, far2)
    store(book, HIGH_NOW, high)
    for lane in range(WIDTH):
        if (fine >> lane) & 1 or book[DEAD, lane] > 0.0:
            continue
        total = book[X, lane] + book[Y, lane] + book[Z, lane]
        if not math.isfinite(total):
            book[DEAD, lane] = f32(1.0)
        elif not book[FAR2_NOW, lane] < world.max_distance * world.max_distance:
            book[DEAD, lane] = f32(2.0)
        else:
            book[DEAD, lane] = f32(3.0)


@compiled
def _mark_track(book: Any, quarter: int) -> None:
    """Note where the creature is, seen along the line from its start to the first pellet."""
    dx, dz = load(book, X) - load(book, START_X), load(book, Z) - load(book, START_Z)
    ahead_x, ahead_z = load(book, AHEAD_X), load(book, AHEAD_Z)
    store(book, TRACK + 2 * quarter, fma(dx, ahead_x, dz * ahead_z))
    store(book, TRACK + 2 * quarter + 1, fma(dz, ahead_x, -(dx * ahead_z)))


@compiled
def _collect(hits: int, world: Any, scratch: Any) -> None:
    """Bank a pellet in every lane that touched one, and put out its next."""
    book = scratch.book
    for lane in range(WIDTH):
        if (hits >> lane) & 1:
            book[COLLECTED, lane] += f32(1.0)
            place_pellet(book, lane, scratch.keys[lane], world)


@inlined
def _observe(b: int, step: int, blocks: Any, world: Any, scratch: Any) -> None:
    """Keep the book: where the creature is, how it moves, whether it met its pellet or its end."""
    motion, book, rows = scratch.motion, scratch.book, blocks.node_rows
    zero = splat(0.0)
    px, py, pz = load(book, PELLET), load(book, PELLET + 1), load(book, PELLET + 2)
    x, y, z, contact = zero, zero, zero, zero
    far2, high = zero, zero
    hit = zero > zero
    row = blocks.node_start[b]
    for n in range(blocks.nodes[b]):
        nx, ny, nz = load(motion, 6 * n), load(motion, 6 * n + 1), load(motion, 6 * n + 2)
        share = load(rows, row + MASS_SHARE)
        x, y, z = fma(nx, share, x), fma(ny, share, y), fma(nz, share, z)
        far2 = maximum(far2, fma(nx, nx, nz * nz))
        high = maximum(high, ny)
        dx, dy, dz = nx - px, ny - py, nz - pz
        away2 = fma(dx, dx, fma(dy, dy, dz * dz))
        hit = hit | (away2 < load(rows, row + REACH2))
        aloft = ny > load(rows, row + RADIUS)
        contact += select(aloft, zero, load(rows, row + COUNT_SHARE))
        row += NODE_ROWS
    dx, dy, dz = x - load(book, LAST_X), y - load(book, LAST_Y), z - load(book, LAST_Z)
    moved = sqrt(fma(dx, dx, dz * dz))
    store(book, PATH, load(book, PATH) + select(moved > splat(0.02), moved, zero))
    rising = select(dy > zero, splat(1.0), zero)
    store(book, BOUNCES, load(book, BOUNCES) + maximum(rising - load(book, RISING), zero))
    store(book, RISING, rising)
    store(book, WORK, load(book, WORK) + load(book, EFFORT))
    store(book, HEIGHT, load(book, HEIGHT) + y)
    store(book, HEIGHT2, fma(y, y, load(book, HEIGHT2)))
    store(book, CONTACT, load(book, CONTACT) + contact)
    store(book, CONTACT2, fma(contact, contact, load(book, CONTACT2)))
    for k in range(3):
        now = x if k == 0 else (y if k == 1 else z)
        store(book, X + k, now)
        store(book, LAST_X + k, now)
    dx, dz = px - x, pz - z
    gap = maximum(sqrt(fma(dx, dx, dz * dz)) - load(book, SIZE), zero)
    store(book, GAP, gap)
    store(book, BEST_GAP, minimum(load(book, BEST_GAP), gap))
    limit = world.max_distance * world.max_distance
    inside = (far2 < splat(limit)) & (high < splat(world.max_height))
    fine = bits(inside & ((x + y + z) * zero < splat(1.0)))
    if fine != (1 << WIDTH) - 1:
        _disqualify(book, fine, far2, high, world)
    quarter = world.steps // 4
    if quarter and (step + 1) % quarter == 0 and (step + 1) // quarter <= 4:
        _mark_track(book, (step + 1) // quarter - 1)
    hits = bits(hit)
    if hits:
        _collect(hits, world, scratch)


@compiled
def fitness_of(
    collected: Any, gap: Any, start_gap: Any, best_gap: Any, path: Any, effort: Any, world: Any
) -> Any:
    """Fitness and its parts: (fitness, progress, travel, regression, efficiency)."""
    gained = min(max((start_gap - gap) / start_gap, f32(0.0)), f32(1.0))
    progress = f32(world.progress_points) * gained
    travel = min(f32(world.travel_points), f32(world.points_per_metre) * path)
    regression = f32(0.0)
    if collected > 0:
        lost = (gap - best_gap) / (f32(0.5) * start_gap)
        regression = f32(world.regression_points) * min(max(lost, f32(0.0)), f32(1.0))
    efficiency = f32(world.efficiency_points) * effort
    banked = f32(world.pellet_points + world.progress_points) * collected
    total = max(f32(0.0), banked + progress + travel - regression - efficiency)
    return total, progress, travel, regression, efficiency


@compiled
def spread(total: Any, squares: Any, count: int) -> Any:
    """Mean and standard deviation from a sum and a sum of squares."""
    mean = total / f32(count)
    return mean, f32(math.sqrt(max(f32(0.0), squares / f32(count) - mean * mean)))


@compiled
def score_lane(book: Any, lane: int, muscle_share: Any, world: Any, score: Any) -> None:
    """Write the scores of one lane; a disqualified creature scores nothing but its reason."""
    score[:] = f32(0.0)
    if book[DEAD, lane] > 0.0:
        score[S.REASON] = book[DEAD, lane]
        return
    steps = world.steps
    effort = book[WORK, lane] * muscle_share / f32(steps)
    total, progress, travel, regression, efficiency = fitness_of(
        book[COLLECTED, lane],
        book[GAP, lane],
        book[START_GAP, lane],
        book[BEST_GAP, lane],
        book[PATH, lane],
        effort,
        world,
    )
    score[S.FITNESS], score[S.PELLETS], score[S.PROGRESS] = total, book[COLLECTED, lane], progress
    score[S.TRAVEL], score[S.REGRESSION], score[S.EFFICIENCY] = travel, regression, efficiency
    dx = book[X, lane] - book[START_X, lane]
    dz = book[Z, lane] - book[START_Z, lane]
    score[S.PATH], score[S.NET] = book[PATH, lane], math.sqrt(dx * dx + dz * dz)
    score[S.HEIGHT], score[S.HEIGHT_SD] = spread(book[HEIGHT, lane], book[HEIGHT2, lane], steps)
    score[S.CONTACT], score[S.CONTACT_SD] = spread(
        book[CONTACT, lane], book[CONTACT2, lane], steps
    )
    score[S.BOUNCE] = book[BOUNCES, lane] / f32(steps * world.step_s)
    score[S.EFFORT] = effort
    for k in range(8):
        score[S.TRACK + k] = book[TRACK + k, lane]


@compiled
def _run_block(b: int, layout: int, blocks: Any, keys: Any, world: Any, scratch: Any) -> None:
    """One block on one layout, from start to end."""
    _spawn(b, layout, blocks, keys, world, scratch)
    for step in range(world.steps):
        if step % world.think_every == 0:
            _sense(b, step, blocks, world, scratch)
            _think(b, step, blocks, world, scratch)
        _flex(b, step, blocks, world, scratch)
        for _ in range(world.substeps):
            _pull(b, blocks, scratch)
            _move(b, blocks, world, scratch)
        _observe(b, step, blocks, world, scratch)


@compiled
def run_tasks(tasks: Any, layouts: int, blocks: Any, keys: Any, world: Any, scratch: Any,
              scores: Any) -> None:
    """Simulate tasks (block x layout); write scores (N, layouts, columns)."""
    for task in tasks:
        b, layout = task // layouts, task % layouts
        _run_block(b, layout, blocks, keys, world, scratch)
        for lane in range(WIDTH):
            i = blocks.creature[b, lane]
            if i >= 0:
                share = blocks.muscle_share[b, lane]
                score_lane(scratch.book, lane, share, world, scores[i, layout])
