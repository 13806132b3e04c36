"""One creature at a time: the oracle of the lanes, and the recorder of replays.

It walks a creature's own muscles and links, without packing or lanes, and rounds exactly as
`kernel.py` does: a replay shows, to the bit, what was scored.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from homeostat.workloads.evolution import book as B
from homeostat.workloads.evolution.capacity import (
    BIAS,
    COLUMNS,
    CONTACT,
    DIRECTION,
    DISTANCE,
    FIRST_HIDDEN,
    MAX_MUSCLES,
    MAX_NODES,
    MOTION,
    STRAIN,
    VELOCITY,
)
from homeostat.workloads.evolution.chance import key_at
from homeostat.workloads.evolution.compiled import compiled, compiled_part, inlined
from homeostat.workloads.evolution.creatures import (
    AMPLITUDE,
    DAMPING,
    FREQUENCY,
    PHASE,
    REST,
    STIFFNESS,
)
from homeostat.workloads.evolution.film import shoot
from homeostat.workloads.evolution.simd import floor, fma, rsqrt, sqrt

Array = npt.NDArray[Any]
f32 = np.float32


class Body(NamedTuple):
    """One creature's state while it is simulated."""

    place: Array  # (MAX_NODES, 3)
    speed: Array  # (MAX_NODES, 3)
    force: Array  # (MAX_NODES, 3)
    share: Array  # (MAX_NODES,) of the mass
    length: Array  # (MAX_MUSCLES,)
    drive: Array  # (MAX_MUSCLES,)
    signal: Array  # (COLUMNS,)
    book: Array  # (BOOK_ROWS, 1), as the lanes keep it


@compiled_part
def tanh1(x: Any) -> Any:
    """See `kernel.tanh16`."""
    x = min(max(x, f32(-4.9)), f32(4.9))
    z = x * x
    top = fma(z, fma(z, z + f32(378.0), f32(17325.0)), f32(135135.0))
    low = fma(z, fma(z, fma(z, f32(28.0), f32(3150.0)), f32(62370.0)), f32(135135.0))
    return x * top / low


@compiled_part
def sin_turns1(turns: Any) -> Any:
    """See `kernel.sin_turns16`."""
    t = turns - floor(turns + f32(0.5))
    if abs(t) > f32(0.25):
        t = (f32(0.5) if t > 0 else f32(-0.5)) - t
    z = t * t
    p = fma(z, f32(42.058693944897656), f32(-76.70585975306136))
    p = fma(z, fma(z, p, f32(81.60524927607504)), f32(-41.341702240399755))
    return t * fma(z, p, f32(6.283185307179586))


@compiled_part
def clip1(x: Any) -> Any:
    """x, kept within -1 .. 1."""
    return min(max(x, f32(-1.0)), f32(1.0))


@inlined
def _centre_of(body: Any, nodes: int, axis: int) -> Any:
    total = f32(0.0)
    for n in range(nodes):
        total = fma(body.place[n, axis], body.share[n], total)
    return total


@compiled
def spawn(i: int, creatures: Any, key: Any, world: Any, body: Any) -> None:
    """Put creature i at its start: at rest, one pellet out."""
    nodes, book = creatures.nodes[i], body.book
    book[:] = f32(0.0)
    whole = f32(0.0)
    for n in range(nodes):
        whole += creatures.mass[i, n]
    for n in range(nodes):
        body.place[n] = creatures.place[i, n]
        body.speed[n] = f32(0.0)
        body.share[n] = creatures.mass[i, n] / whole
    body.drive[:] = f32(0.0)
    body.signal[:] = f32(0.0)
    body.signal[BIAS] = f32(1.0)
    for m in range(creatures.muscles[i]):
        body.length[m] = creatures.spring[i, m, REST]
    for axis in range(3):
        centre = _centre_of(body, nodes, axis)
        book[B.X + axis, 0] = book[B.SEEN + axis, 0] = book[B.LAST_X + axis, 0] = centre
    book[B.START_X, 0], book[B.START_Z, 0] = book[B.X, 0], book[B.Z, 0]
    size = f32(1.0)
    for n in range(nodes):
        dx, dz = body.place[n, 0] - book[B.X, 0], body.place[n, 2] - book[B.Z, 0]
        size = max(size, (sqrt(dx * dx + dz * dz) + creatures.radius[i, n]) * f32(1.3))
    book[B.SIZE, 0] = size
    B.place_pellet(book, 0, key, world)
    book[B.AHEAD_X, 0] = math.cos(book[B.ANGLE, 0])
    book[B.AHEAD_Z, 0] = math.sin(book[B.ANGLE, 0])


@compiled_part
def _sense(i: int, step: int, creatures: Any, world: Any, body: Any) -> None:
    book, signal = body.book, body.signal
    ex = book[B.PELLET, 0] - book[B.X, 0]
    ey = book[B.PELLET + 1, 0] - book[B.Y, 0]
    ez = book[B.PELLET + 2, 0] - book[B.Z, 0]
    squared = fma(ex, ex, fma(ey, ey, fma(ez, ez, f32(1e-12))))
    inverse = rsqrt(squared)
    signal[DIRECTION], signal[DIRECTION + 1] = ex * inverse, ey * inverse
    signal[DIRECTION + 2] = ez * inverse
    for axis in range(3):
        now = book[B.X + axis, 0]
        signal[MOTION + axis] = clip1((now - book[B.SEEN + axis, 0]) * f32(10.0))
        book[B.SEEN + axis, 0] = now
    signal[DISTANCE] = min(squared * inverse * f32(0.05), f32(1.0))
    t = step * world.step_s
    if world.time_sin:
        signal[world.time_sin] = -math.cos(math.pi * t)
    if world.time_cos:
        signal[world.time_cos] = math.sin(math.pi * t)
    if world.time_raw:
        signal[world.time_raw] = 2.0 * step / world.steps - 1.0
    if not world.proprioception:
        return
    for m in range(creatures.muscles[i]):
        a, c = creatures.ends[i, m, 0], creatures.ends[i, m, 1]
        dx = body.place[c, 0] - body.place[a, 0]
        dy = body.place[c, 1] - body.place[a, 1]
        dz = body.place[c, 2] - body.place[a, 2]
        rest = creatures.spring[i, m, REST]
        length = sqrt(fma(dx, dx, fma(dy, dy, dz * dz)))
        signal[STRAIN + m] = clip1((length - rest) / rest)
    for n in range(creatures.nodes[i]):
        for axis in range(3):
            signal[VELOCITY + 3 * n + axis] = clip1(body.speed[n, axis] * f32(0.1))
        lift = body.place[n, 1] - creatures.radius[i, n]
        signal[CONTACT + n] = f32(0.0) if lift > f32(0.01) else f32(1.0)


@inlined
def _neuron(row: int, links: int, i: int, creatures: Any, signal: Any) -> Any:
    total = f32(0.0)
    for k in range(creatures.row_link[i, row], creatures.row_link[i, row + 1]):
        weight = creatures.link_weight[links + k]
        total = fma(signal[creatures.link_from[links + k]], weight, total)
    return total


@compiled
def _think(i: int, step: int, creatures: Any, world: Any, body: Any) -> None:
    links, hidden = creatures.first_link[i], creatures.hidden[i]
    for h in range(hidden):
        total = _neuron(h, links, i, creatures, body.signal)
        if world.activation == 1:
            total = max(total, f32(0.0))
        elif world.activation == 2:
            total = fma(tanh1(total * f32(0.5)), f32(0.5), f32(0.5))
        else:
            total = tanh1(total)
        body.signal[FIRST_HIDDEN + h] = total
    fresh = f32(1.0 if step == 0 else world.smoothing)
    kept = f32(0.0 if step == 0 else 1.0 - world.smoothing)
    effort = f32(0.0)
    for m in range(creatures.muscles[i]):
        said = tanh1(_neuron(hidden + m, links, i, creatures, body.signal))
        if abs(said) < f32(world.dead_zone):
            said = f32(0.0)
        body.drive[m] = fma(fresh, said, kept * body.drive[m])
        effort += abs(body.drive[m])
    body.book[B.EFFORT, 0] = effort


@inlined
def _flex(i: int, step: int, creatures: Any, world: Any, body: Any) -> None:
    most = f32(world.length_step)
    extension, shortest = f32(world.max_extension), f32(1.0 / world.max_extension)
    for m in range(creatures.muscles[i]):
        rest, said, now = creatures.spring[i, m, REST], body.drive[m], body.length[m]
        if world.mode == 1:
            spring = creatures.spring[i, m]
            wave = sin_turns1(fma(spring[FREQUENCY], f32(step * world.step_s), spring[PHASE]))
            said = wave * spring[AMPLITUDE] * fma(said, f32(0.5), f32(1.0))
        goal = rest - rest * said
        now = now + min(max(goal - now, -most), most)
        body.length[m] = min(max(now, f32(0.01), shortest * rest), extension * rest)


@inlined
def _pull(i: int, creatures: Any, body: Any) -> None:
    place, speed, force = body.place, body.speed, body.force
    force[:] = f32(0.0)
    for m in range(creatures.muscles[i]):
        a, c = creatures.ends[i, m, 0], creatures.ends[i, m, 1]
        dx, dy = place[c, 0] - place[a, 0], place[c, 1] - place[a, 1]
        dz = place[c, 2] - place[a, 2]
        squared = fma(dx, dx, fma(dy, dy, fma(dz, dz, f32(1e-12))))
        inverse = rsqrt(squared)
        rate = (speed[c, 2] - speed[a, 2]) * dz
        rate = fma(speed[c, 1] - speed[a, 1], dy, rate)
        rate = fma(speed[c, 0] - speed[a, 0], dx, rate)
        stretch = fma(squared, inverse, -body.length[m])
        damped = creatures.spring[i, m, DAMPING] * (rate * inverse)
        pull = inverse * fma(creatures.spring[i, m, STIFFNESS], stretch, damped)
        dx, dy, dz = dx * pull, dy * pull, dz * pull
        force[a, 0] += dx
        force[a, 1] += dy
        force[a, 2] += dz
        force[c, 0] -= dx
        force[c, 1] -= dy
        force[c, 2] -= dz


@inlined
def _move(i: int, creatures: Any, world: Any, body: Any) -> None:
    place, speed, force = body.place, body.speed, body.force
    drag, dt = f32(world.drag), f32(world.substep_s)
    fall = f32(world.gravity * world.substep_s)
    weight = f32(abs(world.gravity) * world.substep_s)
    for n in range(creatures.nodes[i]):
        kick = dt / creatures.mass[i, n]
        vx = fma(force[n, 0], kick, speed[n, 0]) * drag
        vy = (fma(force[n, 1], kick, speed[n, 1]) + fall) * drag
        vz = fma(force[n, 2], kick, speed[n, 2]) * drag
        place[n, 0] = fma(vx, dt, place[n, 0])
        place[n, 1] = fma(vy, dt, place[n, 1])
        place[n, 2] = fma(vz, dt, place[n, 2])
        if place[n, 1] < creatures.radius[i, n]:
            place[n, 1] = creatures.radius[i, n]
            slip = creatures.grip[i, n] * weight
            slowed = slip * rsqrt(fma(vx, vx, fma(vz, vz, f32(1e-12))))
            keep = f32(1.0) - min(slowed, f32(1.0))
            vx, vz = vx * keep, vz * keep
            if vy < 0:
                vy = vy * f32(-0.2)
        speed[n, 0], speed[n, 1], speed[n, 2] = vx, vy, vz


@inlined
def _travel(body: Any, step: int, world: Any, nearest: Any) -> None:
    """Book what the centre of mass did in a step."""
    book = body.book
    dx, dz = book[B.X, 0] - book[B.LAST_X, 0], book[B.Z, 0] - book[B.LAST_Z, 0]
    moved = sqrt(fma(dx, dx, dz * dz))
    if moved > f32(0.02):
        book[B.PATH, 0] += moved
    rising = f32(1.0) if book[B.Y, 0] - book[B.LAST_Y, 0] > 0 else f32(0.0)
    book[B.BOUNCES, 0] += max(rising - book[B.RISING, 0], f32(0.0))
    book[B.RISING, 0] = rising
    book[B.WORK, 0] += book[B.EFFORT, 0]
    y = book[B.Y, 0]
    book[B.HEIGHT, 0] += y
    book[B.HEIGHT2, 0] = fma(y, y, book[B.HEIGHT2, 0])
    for axis in range(3):
        book[B.LAST_X + axis, 0] = book[B.X + axis, 0]
    dx, dz = book[B.PELLET, 0] - book[B.X, 0], book[B.PELLET + 2, 0] - book[B.Z, 0]
    gap = nearest if world.touch else sqrt(fma(dx, dx, dz * dz)) - book[B.SIZE, 0]
    gap = max(gap, f32(0.0))
    if not f32(0.0) < book[B.START_GAP, 0]:
        book[B.START_GAP, 0], book[B.BEST_GAP, 0] = max(gap, f32(0.01)), gap
    book[B.GAP, 0] = gap
    book[B.BEST_GAP, 0] = min(book[B.BEST_GAP, 0], gap)
    quarter = world.steps // 4
    if quarter and (step + 1) % quarter == 0 and (step + 1) // quarter <= 4:
        row = B.TRACK + 2 * ((step + 1) // quarter - 1)
        dx, dz = book[B.X, 0] - book[B.START_X, 0], book[B.Z, 0] - book[B.START_Z, 0]
        book[row, 0] = fma(dx, book[B.AHEAD_X, 0], dz * book[B.AHEAD_Z, 0])
        book[row + 1, 0] = fma(dz, book[B.AHEAD_X, 0], -(dx * book[B.AHEAD_Z, 0]))


@inlined
def _observe(i: int, step: int, creatures: Any, key: Any, world: Any, body: Any) -> None:
    book, place, nodes = body.book, body.place, creatures.nodes[i]
    nearest = f32(1e9)
    far2, high, contact = f32(0.0), f32(0.0), f32(0.0)
    for n in range(nodes):
        x, y, z = place[n, 0], place[n, 1], place[n, 2]
        far2, high = max(far2, fma(x, x, z * z)), max(high, y)
        dx, dy = x - book[B.PELLET, 0], y - book[B.PELLET + 1, 0]
        dz = z - book[B.PELLET + 2, 0]
        reach = creatures.radius[i, n] + f32(world.pellet_reach)
        nearest = min(nearest, sqrt(fma(dx, dx, fma(dy, dy, dz * dz))) - reach)
        if not y > creatures.radius[i, n]:
            contact += f32(1.0) / f32(nodes)
    for axis in range(3):
        book[B.X + axis, 0] = _centre_of(body, nodes, axis)
    book[B.CONTACT, 0] += contact
    book[B.CONTACT2, 0] = fma(contact, contact, book[B.CONTACT2, 0])
    _travel(body, step, world, nearest)
    if book[B.DEAD, 0] == 0:
        if not math.isfinite(book[B.X, 0] + book[B.Y, 0] + book[B.Z, 0]):
            book[B.DEAD, 0] = f32(1.0)
        elif not far2 < world.max_distance * world.max_distance:
            book[B.DEAD, 0] = f32(2.0)
        elif not high < world.max_height:
            book[B.DEAD, 0] = f32(3.0)
    if nearest < f32(0.0):
        book[B.COLLECTED, 0] += f32(1.0)
        B.place_pellet(book, 0, key, world)


@compiled
def live(i: int, creatures: Any, key: Any, world: Any, body: Any, film: Any, every: int) -> None:
    """All the steps of a life; a frame every `every` steps while the film lasts."""
    for step in range(world.steps):
        if step % every == 0 and step // every < len(film.collected):
            shoot(step // every, body, film)
        if step % world.think_every == 0:
            _sense(i, step, creatures, world, body)
            _think(i, step, creatures, world, body)
        _flex(i, step, creatures, world, body)
        for _ in range(world.substeps):
            _pull(i, creatures, body)
            _move(i, creatures, world, body)
        _observe(i, step, creatures, key, world, body)


@compiled
def run_creature(
    i: int, creatures: Any, key: Any, world: Any, body: Any, film: Any, every: int, score: Any
) -> None:
    """One creature on the layout of `key`, from start to score."""
    spawn(i, creatures, key, world, body)
    if world.mode == 1:
        for m in range(creatures.muscles[i]):
            if creatures.spring[i, m, FREQUENCY] > world.max_hz:
                body.book[B.DEAD, 0] = f32(4.0)
    live(i, creatures, key, world, body, film, every)
    share = f32(1.0) / f32(max(1, creatures.muscles[i]))
    B.score_lane(body.book, 0, share, world, score)


def new_body() -> Body:
    """Working memory for one creature."""
    return Body(
        np.zeros((MAX_NODES, 3), np.float32),
        np.zeros((MAX_NODES, 3), np.float32),
        np.zeros((MAX_NODES, 3), np.float32),
        np.zeros(MAX_NODES, np.float32),
        np.zeros(MAX_MUSCLES, np.float32),
        np.zeros(MAX_MUSCLES, np.float32),
        np.zeros(COLUMNS, np.float32),
        np.zeros((B.BOOK_ROWS, 1), np.float32),
    )


@compiled
def run_all(
    creatures: Any, keys: Any, layouts: int, world: Any, body: Any, film: Any, scores: Any
) -> None:
    """Every creature on every layout: scores (N, layouts, columns)."""
    for i in range(len(creatures.nodes)):
        for layout in range(layouts):
            key = key_at(keys[i], layout)
            run_creature(i, creatures, key, world, body, film, 1, scores[i, layout])
