"""The best creatures of a run on disk: genomes, paths, and how to film them again."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy.typing as npt

from homeostat.errors import RecordError
from homeostat.record.snapshot import read_snapshot, write_snapshot
from homeostat.space import Config
from homeostat.workloads.evolution.archive import Elites
from homeostat.workloads.evolution.lab import Lab, compact, fill, take
from homeostat.workloads.evolution.population import Population, empty_population

Array = npt.NDArray[Any]

FILE = "winners.npz"
_KEPT = 25


@dataclass(frozen=True)
class Winners:
    """The best creatures of a run, best first."""

    config: Config
    seed: int
    generation: int
    population: Population
    ancestors: list[int]
    """The line of mothers of the best, itself first."""
    elites: Elites | None
    """None in files of older versions."""


def save_winners(lab: Lab, elites: Elites, folder: Path) -> Path:
    """Write the genomes of the best 25 of the generation judged last, and those of the archive."""
    assert lab.last is not None
    top = lab.top(_KEPT)
    path = folder / FILE
    write_snapshot(
        path,
        {
            "config": json.dumps(dict(lab.config)),
            "seed": lab.seed,
            "generation": lab.number,
            "fitness": lab.last.fitness[top],
            "ancestors": lab.ancestors(int(lab.population.name[top[0]])),
            "population": compact(take(lab.population, top)),
            "elites": {
                "cells": elites.cells,
                "fitness": elites.fitness,
                "population": compact(elites.population),
            },
        },
    )
    return path


def load_winners(path: Path, space: Any) -> Winners:
    """What `save_winners` wrote.

    Raises:
        RecordError: If the file is missing, damaged, or of other software.
    """
    state = read_snapshot(path)
    try:
        given = json.loads(state["config"])
        config = space.resolve(_settable(given, space))
        population, elites = _population(state["population"]), None
        if "elites" in state:
            kept = state["elites"]
            elites = Elites(kept["cells"], kept["fitness"], _population(kept["population"]))
    except (KeyError, TypeError, ValueError) as error:
        raise RecordError(f"{path} does not hold creatures: {error}.") from error
    seed, generation = int(state["seed"]), int(state["generation"])
    return Winners(config, seed, generation, population, list(state["ancestors"]), elites)


def _population(arrays: dict[str, Array]) -> Population:
    hidden, most = arrays["weights.base"].shape[1], arrays["brain.hidden_id"].shape[1]
    population = empty_population(len(arrays["name"]), hidden=hidden, max_hidden=most)
    fill(population, arrays)
    return population


def _settable(given: dict[str, Any], space: Any) -> dict[str, Any]:
    """The values of a whole configuration that differ from the defaults: they had to be set."""
    defaults = space.resolve()
    return {name: value for name, value in given.items() if defaults[name] != value}
