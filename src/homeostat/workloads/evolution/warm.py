"""Compile everything once, before workers start: each would else compile the same again.

What is compiled stands on disk for the next process, until a compiled file here changes.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from homeostat.workloads.evolution import express, kernel, population, scores
from homeostat.workloads.evolution.compiled import is_compiled
from homeostat.workloads.evolution.film import new_film
from homeostat.workloads.evolution.kernel_scalar import new_body, run_all
from homeostat.workloads.evolution.lab import Lab, evaluate_labs
from homeostat.workloads.evolution.space import SPACE

PARTS = ("physics and fixed brains", "evolved brains", "breeding")


def is_ready() -> bool:
    """Whether nothing that a run needs is left to compile: it is on disk, or in this process."""
    wired, evolved = population._breed_weights, population._breed_brains
    needed = (kernel.run_tasks, express._express_all_brains, wired, evolved)
    return all(map(is_compiled, needed))


def compile_all() -> Iterator[str]:
    """Compile what a run needs; yields the name of each part before it is compiled."""
    labs = []
    for mode, part in zip(("pure", "neat"), PARTS, strict=False):
        yield part
        given = {"neural_mode": mode, "population_size": 100, "simulation_duration": 1.0}
        labs.append(Lab(SPACE.resolve(given), 0))
        evaluate_labs(labs[-1:])
    yield PARTS[-1]
    for lab in labs:
        lab.breed()


def compile_film() -> None:
    """Compile the scalar kernel, which films creatures and is what the lanes are held to."""
    for mode in ("pure", "neat"):
        given = {"neural_mode": mode, "population_size": 100, "simulation_duration": 1.0}
        lab = Lab(SPACE.resolve(given), 0)
        result = np.zeros((1, 1, scores.COLUMNS), np.float32)
        creatures = lab.creatures(np.arange(1))
        run_all(creatures, lab.keys()[:1], 1, lab.world, new_body(), new_film(0), result)
