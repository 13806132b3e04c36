"""The same simulator in NumPy and float64, written to be read: the reference of the tests.

One creature, whole arrays of nodes and muscles at a time. Slow (a few evaluations a second).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from homeostat.workloads.evolution.capacity import (
    BIAS,
    COLUMNS,
    CONTACT,
    DIRECTION,
    DISTANCE,
    FIRST_HIDDEN,
    MOTION,
    STRAIN,
    VELOCITY,
)
from homeostat.workloads.evolution.chance import uniform_at
from homeostat.workloads.evolution.creatures import (
    AMPLITUDE,
    DAMPING,
    FREQUENCY,
    PHASE,
    REST,
    STIFFNESS,
    Creatures,
)
from homeostat.workloads.evolution.world import World

Array = npt.NDArray[Any]

# Nearer than the kernels' polynomial needs: they differ by 1e-4 at most.
_ACTIVATIONS = (np.tanh, lambda x: np.maximum(x, 0.0), lambda x: 1.0 / (1.0 + np.exp(-x)))


class Life:
    """One creature on one layout; `step()` until `over`."""

    def __init__(self, creatures: Creatures, i: int, key: Any, world: World) -> None:
        self.world, self.creatures, self.i = world, creatures, i
        self.key = np.uint64(key)  # a plain number would be taken for a signed one
        nodes, muscles = creatures.nodes[i], creatures.muscles[i]
        self.place = creatures.place[i, :nodes].astype(float)
        self.speed = np.zeros((nodes, 3))
        self.mass = creatures.mass[i, :nodes].astype(float)
        self.radius = creatures.radius[i, :nodes].astype(float)
        self.grip = creatures.grip[i, :nodes].astype(float)
        self.ends = creatures.ends[i, :muscles]
        self.spring = creatures.spring[i, :muscles].astype(float)
        self.length = self.spring[:, REST].copy()
        self.drive = np.zeros(muscles)
        self.now, self.pellets, self.path, self.work = 0, 0, 0.0, 0.0
        self.angle = 0.0
        reach = np.hypot(*(self.place - self.centre)[:, [0, 2]].T) + self.radius
        self.size = max(1.0, 1.3 * float(reach.max()))
        self.seen = self.centre
        self._put_pellet()

    @property
    def centre(self) -> Array:
        """The centre of mass."""
        return np.asarray(self.mass @ self.place / self.mass.sum())

    @property
    def nearest(self) -> float:
        """How far the node nearest to touching the pellet is from that; less than 0: it touches."""
        away = np.linalg.norm(self.place - self.pellet, axis=1)
        return float((away - self.radius).min()) - self.world.pellet_reach

    @property
    def gap(self) -> float:
        """The way to the pellet that progress counts."""
        if self.world.touch:
            return max(0.0, self.nearest)
        return max(0.0, float(np.hypot(*(self.pellet - self.centre)[[0, 2]])) - self.size)

    def _put_pellet(self) -> None:
        k = self.pellets
        turn, out, up = (float(uniform_at(self.key, np.uint64(3 * k + j))) for j in range(3))
        self.angle = 2 * math.pi * turn if k == 0 else self.angle + math.pi * (0.5 + turn)
        away = self.size + (7.0, 8.0, 8.0)[k] + out if k < 3 else self.size + 9.0 + out
        x, _, z = self.centre + away * np.array([math.cos(self.angle), 0, math.sin(self.angle)])
        if self.world.arena:
            x, z = np.clip([x, z], -self.world.arena, self.world.arena)
        self.pellet = np.array([x, 0.5 + 0.5 * up + 0.3 * k, z])
        self.start_gap = self.best_gap = 0.0 if self.world.touch else max(0.01, self.gap)

    def _senses(self) -> Array:
        world, signal = self.world, np.zeros(COLUMNS)
        away = self.pellet - self.centre
        distance = float(np.linalg.norm(away))
        signal[BIAS] = 1.0
        signal[DIRECTION : DIRECTION + 3] = away / distance
        signal[MOTION : MOTION + 3] = np.clip((self.centre - self.seen) / 0.1, -1, 1)
        signal[DISTANCE] = min(distance / 20.0, 1.0)
        t = self.now * world.step_s
        if world.time_sin:
            signal[world.time_sin] = -math.cos(math.pi * t)
        if world.time_cos:
            signal[world.time_cos] = math.sin(math.pi * t)
        if world.time_raw:
            signal[world.time_raw] = 2 * self.now / world.steps - 1
        if world.proprioception:
            rest = self.spring[:, REST]
            strain = np.linalg.norm(self._vectors(), axis=1) / rest - 1
            signal[STRAIN : STRAIN + len(rest)] = np.clip(strain, -1, 1)
            speeds = np.clip(self.speed / 10.0, -1, 1).ravel()
            signal[VELOCITY : VELOCITY + len(speeds)] = speeds
            down = self.place[:, 1] - self.radius <= 0.01
            signal[CONTACT : CONTACT + len(down)] = down
        return signal

    def _think(self) -> None:
        c, i, world, signal = self.creatures, self.i, self.world, self._senses()
        first, hidden = c.first_link[i], c.hidden[i]
        said = []
        for row in range(hidden + len(self.drive)):
            links = slice(first + c.row_link[i, row], first + c.row_link[i, row + 1])
            total = float(signal[c.link_from[links]] @ c.link_weight[links].astype(float))
            if row < hidden:
                signal[FIRST_HIDDEN + row] = _ACTIVATIONS[world.activation](total)
            else:
                u = math.tanh(total)
                said.append(0.0 if abs(u) < world.dead_zone else u)
        fresh = 1.0 if self.now == 0 else world.smoothing
        self.drive = fresh * np.array(said) + (1 - fresh) * self.drive
        self.seen = self.centre

    def _vectors(self) -> Array:
        return np.asarray(self.place[self.ends[:, 1]] - self.place[self.ends[:, 0]])

    def _flex(self) -> None:
        world, rest = self.world, self.spring[:, REST]
        u = self.drive
        if world.mode == 1:
            turns = self.spring[:, FREQUENCY] * self.now * world.step_s + self.spring[:, PHASE]
            u = np.sin(2 * math.pi * turns) * self.spring[:, AMPLITUDE] * (1 + u / 2)
        change = rest * (1 - u) - self.length
        self.length += np.clip(change, -world.length_step, world.length_step)
        shortest = np.maximum(0.01, rest / world.max_extension)
        self.length = np.clip(self.length, shortest, rest * world.max_extension)

    def _substep(self) -> None:
        world, dt = self.world, self.world.substep_s
        a, b = self.ends.T
        vectors = self._vectors()
        lengths = np.linalg.norm(vectors, axis=1)
        along = vectors / lengths[:, None]
        rate = ((self.speed[b] - self.speed[a]) * along).sum(axis=1)
        tension = self.spring[:, STIFFNESS] * (lengths - self.length)
        tension += self.spring[:, DAMPING] * rate
        force = np.zeros_like(self.place)
        np.add.at(force, a, tension[:, None] * along)
        np.add.at(force, b, -tension[:, None] * along)
        force[:, 1] += world.gravity * self.mass
        self.speed = (self.speed + force / self.mass[:, None] * dt) * world.drag
        self.place = self.place + self.speed * dt
        down = self.place[:, 1] < self.radius
        self.place[down, 1] = self.radius[down]
        sinking = down & (self.speed[:, 1] < 0)
        self.speed[sinking, 1] *= -0.2
        slide = np.hypot(self.speed[:, 0], self.speed[:, 2])
        loss = np.minimum(slide, self.grip * abs(world.gravity) * dt)
        keep = np.where(down & (slide > 0), 1 - loss / np.maximum(slide, 1e-30), 1.0)
        self.speed[:, [0, 2]] *= keep[:, None]

    def step(self) -> None:
        """One control step."""
        world, before = self.world, self.centre
        if self.now % world.think_every == 0:
            self._think()
        self._flex()
        for _ in range(world.substeps):
            self._substep()
        moved = float(np.hypot(*(self.centre - before)[[0, 2]]))
        self.path += moved if moved > 0.02 else 0.0
        self.work += float(np.abs(self.drive).sum())
        if not self.start_gap:  # touching is measured once the first step is over
            self.start_gap, self.best_gap = max(0.01, self.gap), self.gap
        self.best_gap = min(self.best_gap, self.gap)
        self.now += 1
        if self.nearest < 0:
            self.pellets += 1
            self._put_pellet()

    @property
    def fitness(self) -> float:
        """The fitness so far, as if it ended now."""
        world = self.world
        gained = min(max((self.start_gap - self.gap) / max(self.start_gap, 0.01), 0.0), 1.0)
        total = (world.pellet_points + world.progress_points) * self.pellets
        total += world.progress_points * gained
        total += min(world.travel_points, world.points_per_metre * self.path)
        if self.pellets:
            lost = (self.gap - self.best_gap) / (0.5 * max(self.start_gap, 0.01))
            total -= world.regression_points * min(max(lost, 0.0), 1.0)
        total -= world.efficiency_points * self.work / (self.now * max(1, len(self.drive)))
        return max(0.0, total)
