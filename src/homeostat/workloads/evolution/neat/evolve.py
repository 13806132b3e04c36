"""NEAT for a fitness function of yours.

    result = evolve(fitness, inputs=2, outputs=1, seed=42, settings=Settings(), solved=3.9)

`fitness(networks)` scores a whole population at once; see `tasks.py` for two examples.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from homeostat.workloads.evolution.chance import BIRTH, BREED, between, key_at, key_of
from homeostat.workloads.evolution.compiled import compiled
from homeostat.workloads.evolution.neat.cross import cross, first_fits
from homeostat.workloads.evolution.neat.genome import Genomes, connect, copy_genome, empty_genomes
from homeostat.workloads.evolution.neat.mutate import Rates, mutate
from homeostat.workloads.evolution.neat.network import wire
from homeostat.workloads.evolution.selection import Pressure, plan
from homeostat.workloads.evolution.species import Species

Array = npt.NDArray[Any]

_BIRTHS = 4  # numbers of new genes a birth may use


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How NEAT runs. The defaults solve XOR and double pole balancing."""

    population: int = 150
    generations: int = 100
    threshold: float = 0.6
    """Compatibility distance below which two genomes are one species."""
    excess: float = 1.0
    disjoint: float = 1.0
    weight: float = 0.2
    patience: int = 50
    """Generations a species may go without progress."""
    pressure: Pressure = field(
        default_factory=lambda: Pressure(
            method="speciation", cull=0.7, elites=1, crossover=0.5, min_species_size=1
        )
    )
    rates: Rates = field(
        default_factory=lambda: Rates(
            add_node=0.1,
            add_connection=0.8,
            enable=0.02,
            disable=0.01,
            weight=0.8,
            weight_size=0.6,
            reset=0.2,
            reset_range=3.0,
            bias=0.0,
            bias_size=0.0,
            max_hidden=16,
        )
    )
    connections: int = 128
    """Room for genes."""
    slope: float = 4.9
    """Of the sigmoid."""


class Networks(NamedTuple):
    """N networks ready to run. Column 0 of a signal reads 1, inputs follow, then hidden neurons."""

    row_link: Array
    link_from: Array
    link_weight: Array
    hidden: Array
    outputs: int
    first: int
    slope: float


@dataclass(frozen=True)
class Result:
    """How a run of NEAT went."""

    solved: bool
    generations: int
    evaluations: int
    best: float
    hidden: int
    """Hidden neurons of the champion that reach an output."""
    connections: int
    """Enabled connections of the champion."""


@compiled
def _found(genomes: Any, inputs: Any, outputs: int, spread: float, key: Any) -> None:
    """Every input connected to every output, weights at random."""
    stream = np.empty(1, np.uint64)
    for i in range(len(genomes.genes)):
        stream[0] = key_at(key, i)
        genomes.outputs[i] = outputs
        for o in range(outputs):
            genomes.output_id[i, o] = 1000 + o
            for source in inputs:
                connect(genomes, i, source, 1000 + o, between(stream, -spread, spread), 0)


@compiled
def _breed(
    old: Any,
    new: Any,
    survivors: Any,
    mothers: Any,
    fathers: Any,
    inputs: Any,
    rates: Any,
    key: Any,
    born: int,
) -> None:
    for k in range(len(survivors)):
        copy_genome(old, survivors[k], new, k)
    stream = np.empty(1, np.uint64)
    for c in range(len(mothers)):
        k = len(survivors) + c
        stream[0] = key_at(key, k)
        if fathers[c] >= 0:
            cross(old, mothers[c], old, fathers[c], new, k, stream)
        else:
            copy_genome(old, mothers[c], new, k)
        mutate(new, k, inputs, rates, stream, born + _BIRTHS * k)


@compiled
def _wire_all(
    genomes: Any,
    inputs: Any,
    first: int,
    row_link: Any,
    link_from: Any,
    link_weight: Any,
    hidden: Any,
) -> None:
    ranks = np.arange(genomes.output_id.shape[1])
    for i in range(len(genomes.genes)):
        links = (row_link[i], link_from[i], link_weight[i])
        hidden[i] = wire(genomes, i, inputs, inputs, first, ranks, False, *links)


def networks_of(genomes: Genomes, inputs: int, slope: float) -> Networks:
    """The networks of a population."""
    number, room = genomes.key.shape
    rows = genomes.hidden_id.shape[1] + genomes.output_id.shape[1] + 1
    networks = Networks(
        row_link=np.zeros((number, rows), np.int32),
        link_from=np.zeros((number, room), np.int32),
        link_weight=np.zeros((number, room), np.float32),
        hidden=np.zeros(number, np.int64),
        outputs=int(genomes.outputs[0]),
        first=inputs + 1,
        slope=slope,
    )
    names = np.arange(inputs + 1)
    _wire_all(genomes, names, inputs + 1, *networks[:4])
    return networks


def evolve(
    fitness: Callable[[Networks], Array],
    *,
    inputs: int,
    outputs: int,
    seed: int,
    settings: Settings,
    solved: float,
) -> Result:
    """Evolve networks until one scores `solved` or generations run out."""
    size, rates = settings.population, settings.rates
    room = (settings.connections, rates.max_hidden, outputs)
    now, next_ = empty_genomes(size, *room), empty_genomes(size, *room)
    names = np.arange(inputs + 1)  # 0 is the bias, an input that always reads 1
    _found(now, names, outputs, rates.reset_range, key_of(BIRTH, seed))
    species = Species()
    weights = (settings.excess, settings.disjoint, settings.weight)
    for generation in range(settings.generations):
        networks = networks_of(now, inputs, settings.slope)
        scores = fitness(networks)
        best = int(np.argmax(scores))
        if scores[best] >= solved or generation == settings.generations - 1:
            break
        species.sort(size, generation, partial(first_fits, now), settings.threshold, weights)
        rng = np.random.default_rng([seed, generation])
        may_breed = species.judge(scores, generation, settings.patience)
        chosen = plan(scores, scores, settings.pressure, rng, species, may_breed)
        species.follow(chosen.survivors, chosen.mothers)
        born = (generation + 1) * size * _BIRTHS
        key = key_of(BREED, seed, generation)
        lists = (chosen.survivors, chosen.mothers, chosen.fathers)
        _breed(now, next_, *lists, names, rates, key, born)
        now, next_ = next_, now
    return Result(
        solved=bool(scores[best] >= solved),
        generations=generation + 1,
        evaluations=size * (generation + 1),
        best=float(scores[best]),
        hidden=int(networks.hidden[best]),
        connections=int(now.enabled[best, : now.genes[best]].sum()),
    )
