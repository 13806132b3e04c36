"""Physics and bookkeeping of sixteen creatures at a time."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy.typing as npt

from homeostat.workloads.evolution import book as B
from homeostat.workloads.evolution.blocks import (
    COUNT_SHARE,
    FALL,
    KICK,
    MASS_SHARE,
    NODE_ROWS,
    RADIUS,
    REACH,
    SLIP,
    SLOT_ROWS,
)
from homeostat.workloads.evolution.compiled import inlined
from homeostat.workloads.evolution.simd import (
    WIDTH,
    bits,
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


class Scratch(NamedTuple):
    """One thread's working rows."""

    motion: Array  # position and velocity: 6 rows a node
    force: Array  # 3 rows a node
    length: Array  # rest length now, a row a slot
    drive: Array  # smoothed output, a row a slot
    signal: Array  # what neurons read: bias, inputs, hidden
    book: Array
    keys: Array  # (16,) uint64: the pellet layout of each lane


@inlined
def centre(book: Any, motion: Any, node_rows: Any, first: int, nodes: int) -> None:
    x, y, z = splat(0.0), splat(0.0), splat(0.0)
    for n in range(nodes):
        share = load(node_rows, first + NODE_ROWS * n + MASS_SHARE)
        x = fma(load(motion, 6 * n), share, x)
        y = fma(load(motion, 6 * n + 1), share, y)
        z = fma(load(motion, 6 * n + 2), share, z)
    store(book, B.X, x)
    store(book, B.Y, y)
    store(book, B.Z, z)


@inlined
def pull(b: int, blocks: Any, scratch: Any) -> None:
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
def move(b: int, blocks: Any, world: Any, scratch: Any) -> None:
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


@inlined
def observe(b: int, step: int, blocks: Any, world: Any, scratch: Any) -> None:
    """Keep the book: where the creature is, how it moves, whether it met its pellet or its end."""
    motion, book, rows = scratch.motion, scratch.book, blocks.node_rows
    zero = splat(0.0)
    px, py, pz = load(book, B.PELLET), load(book, B.PELLET + 1), load(book, B.PELLET + 2)
    x, y, z, contact = zero, zero, zero, zero
    far2, high = zero, zero
    nearest = splat(1e9)
    row = blocks.node_start[b]
    for n in range(blocks.nodes[b]):
        nx, ny, nz = load(motion, 6 * n), load(motion, 6 * n + 1), load(motion, 6 * n + 2)
        share = load(rows, row + MASS_SHARE)
        x, y, z = fma(nx, share, x), fma(ny, share, y), fma(nz, share, z)
        far2 = maximum(far2, fma(nx, nx, nz * nz))
        high = maximum(high, ny)
        dx, dy, dz = nx - px, ny - py, nz - pz
        away = sqrt(fma(dx, dx, fma(dy, dy, dz * dz)))
        nearest = minimum(nearest, away - load(rows, row + REACH))
        aloft = ny > load(rows, row + RADIUS)
        contact += select(aloft, zero, load(rows, row + COUNT_SHARE))
        row += NODE_ROWS
    dx, dy, dz = x - load(book, B.LAST_X), y - load(book, B.LAST_Y), z - load(book, B.LAST_Z)
    moved = sqrt(fma(dx, dx, dz * dz))
    store(book, B.PATH, load(book, B.PATH) + select(moved > splat(0.02), moved, zero))
    rising = select(dy > zero, splat(1.0), zero)
    store(book, B.BOUNCES, load(book, B.BOUNCES) + maximum(rising - load(book, B.RISING), zero))
    store(book, B.RISING, rising)
    store(book, B.WORK, load(book, B.WORK) + load(book, B.EFFORT))
    store(book, B.HEIGHT, load(book, B.HEIGHT) + y)
    store(book, B.HEIGHT2, fma(y, y, load(book, B.HEIGHT2)))
    store(book, B.CONTACT, load(book, B.CONTACT) + contact)
    store(book, B.CONTACT2, fma(contact, contact, load(book, B.CONTACT2)))
    for k in range(3):
        now = x if k == 0 else (y if k == 1 else z)
        store(book, B.X + k, now)
        store(book, B.LAST_X + k, now)
    dx, dz = px - x, pz - z
    gap = sqrt(fma(dx, dx, dz * dz)) - load(book, B.SIZE)
    gap = maximum(nearest if world.touch else gap, zero)
    known = zero < load(book, B.START_GAP)
    store(book, B.GAP, gap)
    store(book, B.BEST_GAP, minimum(select(known, load(book, B.BEST_GAP), gap), gap))
    store(book, B.START_GAP, select(known, load(book, B.START_GAP), maximum(gap, splat(0.01))))
    limit = world.max_distance * world.max_distance
    inside = (far2 < splat(limit)) & (high < splat(world.max_height))
    fine = bits(inside & ((x + y + z) * zero < splat(1.0)))
    if fine != (1 << WIDTH) - 1:
        B.disqualify(book, fine, far2, high, world)
    quarter = world.steps // 4
    if quarter and (step + 1) % quarter == 0 and (step + 1) // quarter <= 4:
        B.mark_track(book, (step + 1) // quarter - 1)
    hits = bits(nearest < zero)
    if hits:
        B.collect(hits, world, scratch)
