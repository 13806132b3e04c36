"""What the evolution tests share: worlds, hand-made creatures, random populations."""

from __future__ import annotations

import numpy as np
import pytest

from homeostat.workloads.evolution.creatures import empty_creatures
from homeostat.workloads.evolution.lab import Lab
from homeostat.workloads.evolution.space import SPACE
from homeostat.workloads.evolution.warm import compile_all, compile_film
from homeostat.workloads.evolution.world import world_of


def _world(**changes):
    """A world of the default configuration, with fields of `World` or parameters changed."""
    parameters = {name: changes.pop(name) for name in list(changes) if name in SPACE}
    config = SPACE.resolve({"neural_mode": "pure", **parameters})
    return world_of(config)._replace(**changes)


def _springs(places, muscles=(), *, radius=0.2, mass=1.0, grip=0.5):
    """One creature without a brain: nodes at `places`, muscles (a, b, rest, k, c)."""
    creature = empty_creatures(1, 0)
    count = len(places)
    creature.nodes[0], creature.muscles[0] = count, len(muscles)
    creature.place[0, :count] = places
    creature.radius[0, :count], creature.mass[0, :count] = radius, mass
    creature.grip[0, :count] = grip
    for m, (a, b, *spring) in enumerate(muscles):
        creature.ends[0, m] = a, b
        creature.spring[0, m, :3] = spring
    return creature


def _population(number, *, seed=1, **parameters):
    """Random creatures of a configuration: (creatures, world, lab)."""
    settings = {"population_size": 100, **parameters}
    lab = Lab(SPACE.resolve(settings), seed)
    creatures = lab.creatures(np.arange(number))
    return creatures, lab.world, lab


@pytest.fixture(scope="session", autouse=True)
def compiled_once():
    """Compile first: a second test process waits, and then finds everything on disk."""
    compile_all()
    compile_film()


@pytest.fixture
def world():
    return _world


@pytest.fixture
def springs():
    return _springs


@pytest.fixture
def population():
    return _population
