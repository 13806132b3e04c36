"""How far apart two creatures are, for species and for fitness sharing.

Evolved wiring is compared gene by gene (`neat.cross`). Fixed wiring is compared muscle by muscle,
matched by name: muscles only one of them has count as excess or disjoint genes, and the weights of
shared muscles, with the base of the brain, as matching ones.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from homeostat.workloads.evolution.body import place_of
from homeostat.workloads.evolution.compiled import compiled, compiled_part
from homeostat.workloads.evolution.neat import cross
from homeostat.workloads.evolution.population import Population, Rules

Array = npt.NDArray[Any]


@compiled_part
def _wired(
    weights: Any, bodies: Any, i: int, j: int, excess_c: float, disjoint_c: float, weight_c: float
) -> Any:
    """Compatibility distance of two creatures of fixed wiring.

    A muscle of the creature with more muscles is excess beyond the other's number, else disjoint.
    """
    shared = 0
    apart, count = 0.0, 0
    for m in range(bodies.muscles[i]):
        other = place_of(bodies.muscle_id[j], bodies.muscles[j], bodies.muscle_id[i, m])
        if other < 0:
            continue
        shared += 1
        for k in range(weights.out.shape[2]):
            apart += abs(weights.out[i, m, k] - weights.out[j, other, k])
        count += weights.out.shape[2]
    for h in range(weights.base.shape[1]):
        for k in range(weights.base.shape[2]):
            apart += abs(weights.base[i, h, k] - weights.base[j, h, k])
        count += weights.base.shape[2]
    a, b = bodies.muscles[i], bodies.muscles[j]
    excess = abs(a - b)
    disjoint = a + b - 2 * shared - excess
    genes = max(1, a, b)
    return (excess_c * excess + disjoint_c * disjoint) / genes + weight_c * apart / max(1, count)


@compiled
def _wired_first_fits(
    weights: Any,
    bodies: Any,
    representatives: Any,
    known: int,
    expected: Any,
    threshold: float,
    excess_c: float,
    disjoint_c: float,
    weight_c: float,
    member: Any,
) -> int:
    """See `neat.cross.first_fits`; the same for fixed wiring."""
    for i in range(len(member)):
        member[i] = -1
        for trial in range(-1, known):
            s = expected[i] if trial < 0 else trial
            if s < 0 or (trial >= 0 and s == expected[i]):
                continue
            j = representatives[s]
            apart = _wired(weights, bodies, i, j, excess_c, disjoint_c, weight_c)
            if i == j or apart < threshold:
                member[i] = s
                break
        if member[i] < 0:
            representatives[known] = i
            member[i] = known
            known += 1
    return known


def first_fits_of(population: Population, rules: Rules) -> Callable[..., int]:
    """The function that puts creatures of this population into species."""
    if rules.neat:
        return partial(cross.first_fits, population.brain)
    return partial(_wired_first_fits, population.weights, population.body)


@compiled_part
def _rms(weights: Any, bodies: Any, i: int, j: int) -> Any:
    """RMS difference of weights; a weight only one of them has counts as 2."""
    total, count = 0.0, 0
    width = weights.out.shape[2]
    shared = 0
    for m in range(bodies.muscles[i]):
        other = place_of(bodies.muscle_id[j], bodies.muscles[j], bodies.muscle_id[i, m])
        if other >= 0:
            shared += 1
            for k in range(width):
                total += (weights.out[i, m, k] - weights.out[j, other, k]) ** 2
    union = bodies.muscles[i] + bodies.muscles[j] - shared
    total += 4.0 * width * (union - shared)
    count += width * union
    for h in range(weights.base.shape[1]):
        for k in range(weights.base.shape[2]):
            total += (weights.base[i, h, k] - weights.base[j, h, k]) ** 2
        count += weights.base.shape[2]
    return math.sqrt(total / count)


@compiled
def _all_rms(weights: Any, bodies: Any, result: Any) -> None:
    for i in range(len(result)):
        for j in range(i):
            result[i, j] = result[j, i] = _rms(weights, bodies, i, j)


def between_all(population: Population, rules: Rules) -> Array:
    """(N, N) distances for fitness sharing, which only fixed wiring uses."""
    assert not rules.neat, "species share fitness already"
    size = len(population.name)
    result = np.zeros((size, size))
    _all_rms(population.weights, population.body, result)
    return result
