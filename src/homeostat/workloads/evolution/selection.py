"""Who survives, and who are the parents of each child.

Fitness may be shared (see `shared_fitness`); elites are always chosen by raw fitness. Parents come
from the survivors only, and every probability belongs to the creature it was computed for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from homeostat.workloads.evolution.species import Species

Array = npt.NDArray[Any]

METHODS = ("truncation", "tournament", "rank", "speciation")


@dataclass(frozen=True)
class Plan:
    """The next generation: survivors first, then children."""

    survivors: Array
    """Indices of creatures that live on, best first."""
    mothers: Array
    """For each child, the parent it takes its structure from: the fitter one."""
    fathers: Array
    """For each child, the other parent, or -1: the child is a mutated copy of its mother."""


@dataclass(frozen=True, kw_only=True)
class Pressure:
    """How hard selection is."""

    method: str
    cull: float
    """Share of the population that dies each generation."""
    elites: int
    """How many of the best by raw fitness always survive."""
    crossover: float
    """Chance a child has two parents."""
    tournament_size: int = 3
    min_species_size: int = 2
    """Survivors each species is granted."""


def shared_fitness(fitness: Array, distances: Array, radius: float) -> Array:
    """Fitness divided by how crowded a creature's surroundings are, itself included.

    Source: Goldberg & Richardson 1987.
    """
    crowd = np.maximum(0.0, 1.0 - distances / radius).sum(axis=1)
    return np.asarray(fitness / np.maximum(crowd, 1.0))


def by_rank(u: Array, count: Array) -> Array:
    """Places 0 .. count - 1 from uniform numbers, with chances count, count - 1, ..., 1.

    The first r places together have the chance r (2 count + 1 - r) / (count (count + 1)).
    """
    whole = 2 * count + 1
    places = (whole - np.sqrt(whole**2 - 4 * u * count * (count + 1))) / 2
    return np.asarray(np.minimum(places.astype(np.int64), count - 1))


def plan(
    fitness: Array,
    raw: Array,
    pressure: Pressure,
    rng: np.random.Generator,
    species: Species | None = None,
    may_breed: Array | None = None,
) -> Plan:
    """Choose survivors and parents.

    Args:
        fitness: What selection goes by, shared or not.
        raw: Fitness as scored.
        pressure: How to select.
        rng: The randomness to use.
        species: Needed for speciation.
        may_breed: For speciation, which species may (`Species.judge`).
    """
    size = len(fitness)
    elites = np.argsort(-raw, kind="stable")[: min(pressure.elites, size)]
    keep = min(size, max(1, len(elites), round(size * (1.0 - pressure.cull))))
    if pressure.method == "speciation":
        assert species is not None and may_breed is not None
        chosen = _survivors_by_species(fitness, keep, pressure, species, may_breed)
    elif pressure.method == "tournament":
        chosen = _win_tournaments(fitness, keep, pressure.tournament_size, rng)
    else:
        chosen = np.argsort(-fitness, kind="stable")[:keep]
    survivors = _with_elites(chosen, elites, fitness, keep)
    children = size - len(survivors)
    if pressure.method == "speciation":
        assert species is not None and may_breed is not None
        pools = _pools(survivors, children, fitness, species, may_breed)
    else:
        pools = [(survivors, children)]
    mothers, fathers = _couples(pools, pressure, rng)
    return Plan(survivors, mothers, fathers)


def _with_elites(chosen: Array, elites: Array, fitness: Array, keep: int) -> Array:
    """The chosen, best first, the last of them giving way to elites left out."""
    elite = np.zeros(len(fitness), np.bool_)
    elite[elites] = True
    ordinary = chosen[~elite[chosen]]
    ordinary = ordinary[np.argsort(-fitness[ordinary], kind="stable")]
    survivors = np.concatenate([elites, ordinary[: max(0, keep - len(elites))]])
    return np.asarray(survivors[np.argsort(-fitness[survivors], kind="stable")])


def _win_tournaments(fitness: Array, keep: int, size: int, rng: np.random.Generator) -> Array:
    """Winners of `keep` tournaments; whoever has won leaves."""
    left = list(range(len(fitness)))
    winners = []
    for _ in range(keep):
        entrants = rng.integers(len(left), size=size)
        place = max(entrants, key=lambda e: fitness[left[e]])
        winners.append(left[place])
        left[place] = left[-1]
        left.pop()
    return np.array(winners, np.int64)


def _survivors_by_species(
    fitness: Array, keep: int, pressure: Pressure, species: Species, may_breed: Array
) -> Array:
    """The best of each species: a few granted, the rest by the size of the species."""
    sizes = np.bincount(species.member, minlength=len(species)) * may_breed
    seats = np.minimum(pressure.min_species_size, sizes)
    champions = np.full(len(species), -np.inf)
    np.maximum.at(champions, species.member, fitness)
    for s in np.argsort(champions, kind="stable"):  # too many species: the weakest go
        if seats.sum() > keep:
            seats[s] = 0
    seats += np.minimum(_shares(sizes - seats, keep - seats.sum()), sizes - seats)
    order = np.lexsort((-fitness, species.member))  # species by species, the best first
    sizes_all = np.bincount(species.member, minlength=len(species))
    place = np.arange(len(order)) - np.repeat(np.cumsum(sizes_all) - sizes_all, sizes_all)
    return np.asarray(order[place < seats[species.member[order]]])


def _shares(weights: Array, total: int) -> Array:
    """Whole numbers in proportion to `weights` that add up to `total` (largest remainders)."""
    if total <= 0 or weights.sum() <= 0:
        return np.zeros(len(weights), np.int64)
    exact = weights / weights.sum() * total
    shares = np.floor(exact).astype(np.int64)
    order = np.argsort(-(exact - shares), kind="stable")
    shares[order[: total - shares.sum()]] += 1
    return np.asarray(shares)


def _pools(
    survivors: Array, children: int, fitness: Array, species: Species, may_breed: Array
) -> list[tuple[Array, int]]:
    """Each species' surviving parents, and how many children it is due.

    By explicit sharing: in proportion to the mean fitness of its members.
    """
    counts = np.bincount(species.member, minlength=len(species))
    above = fitness - min(0.0, fitness.min())
    sums = np.bincount(species.member, weights=above, minlength=len(species))
    alive = np.bincount(species.member[survivors], minlength=len(species)) > 0
    right = alive & may_breed
    right = right if right.any() else alive
    due = _shares((sums / np.maximum(counts, 1) + 1e-9) * right, children)
    mine = species.member[survivors]
    return [(survivors[mine == s], int(due[s])) for s in np.flatnonzero(due)]


def _couples(
    pools: list[tuple[Array, int]], pressure: Pressure, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Parents for the children of each pool. A pool is sorted best first."""
    everyone = np.concatenate([pool for pool, _ in pools])
    sizes = np.array([len(pool) for pool, _ in pools])
    counts = [count for _, count in pools]
    size = np.repeat(sizes, counts)
    start = np.repeat(np.cumsum(sizes) - sizes, counts)
    if pressure.method == "tournament":
        # The entrant that stands first in the pool wins.
        entrants = rng.random((2, len(size), pressure.tournament_size))
        places = (entrants.min(axis=2) * size).astype(np.int64)
    elif pressure.method == "truncation":
        places = (rng.random((2, len(size))) * size).astype(np.int64)
    else:
        places = by_rank(rng.random((2, len(size))), size)
    better, worse = places.min(axis=0), places.max(axis=0)
    crossed = (rng.random(len(size)) < pressure.crossover) & (better != worse)
    mothers = everyone[start + np.where(crossed, better, places[0])]
    fathers = np.where(crossed, everyone[start + worse], -1)
    return mothers, fathers
