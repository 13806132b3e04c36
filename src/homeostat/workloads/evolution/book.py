"""The book of a life: where a creature is, which pellets it met, and what that scores.

A book has a row for each quantity and a column for each creature. The lanes fill sixteen columns
at a time, the scalar kernel one; rare events (a pellet met, a rule broken) are booked one creature
at a time, by the same code for both.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from homeostat.workloads.evolution import scores as S
from homeostat.workloads.evolution.chance import uniform_at
from homeostat.workloads.evolution.compiled import compiled, compiled_part
from homeostat.workloads.evolution.simd import WIDTH, fma, load, store

f32 = np.float32

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
    if world.touch:  # measured once the step is over
        book[GAP, lane] = book[START_GAP, lane] = book[BEST_GAP, lane] = f32(0.0)
        return
    dx, dz = x - book[X, lane], z - book[Z, lane]
    gap = max(f32(0.01), f32(math.sqrt(dx * dx + dz * dz)) - book[SIZE, lane])
    book[GAP, lane] = book[START_GAP, lane] = book[BEST_GAP, lane] = gap


@compiled_part
def disqualify(book: Any, fine: int, far2: Any, high: Any, world: Any) -> None:
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


@compiled_part
def mark_track(book: Any, quarter: int) -> None:
    """Note where the creature is, seen along the line from its start to the first pellet."""
    dx, dz = load(book, X) - load(book, START_X), load(book, Z) - load(book, START_Z)
    ahead_x, ahead_z = load(book, AHEAD_X), load(book, AHEAD_Z)
    store(book, TRACK + 2 * quarter, fma(dx, ahead_x, dz * ahead_z))
    store(book, TRACK + 2 * quarter + 1, fma(dz, ahead_x, -(dx * ahead_z)))


@compiled_part
def collect(hits: int, world: Any, scratch: Any) -> None:
    """Bank a pellet in every lane that touched one, and put out its next."""
    book = scratch.book
    for lane in range(WIDTH):
        if (hits >> lane) & 1:
            book[COLLECTED, lane] += f32(1.0)
            place_pellet(book, lane, scratch.keys[lane], world)


@compiled_part
def fitness_of(
    collected: Any, gap: Any, start_gap: Any, best_gap: Any, path: Any, effort: Any, world: Any
) -> Any:
    """Fitness and its parts: (fitness, progress, travel, regression, efficiency)."""
    way = max(start_gap, f32(0.01))  # 0: the pellet before was met in the last step of the life
    gained = min(max((start_gap - gap) / way, f32(0.0)), f32(1.0))
    progress = f32(world.progress_points) * gained
    travel = min(f32(world.travel_points), f32(world.points_per_metre) * path)
    regression = f32(0.0)
    if collected > 0:
        lost = (gap - best_gap) / (f32(0.5) * way)
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
    score[S.CONTACT], score[S.CONTACT_SD] = spread(book[CONTACT, lane], book[CONTACT2, lane], steps)
    score[S.BOUNCE] = book[BOUNCES, lane] / f32(steps * world.step_s)
    score[S.EFFORT] = effort
    for k in range(8):
        score[S.TRACK + k] = book[TRACK + k, lane]
