"""The archive: the fittest creature ever seen of each way to move, with its genes.

Ways to move are the cells of a map, ground contact x speed. What selection loses stays here.

Source: Mouret & Clune 2015, "Illuminating search spaces by mapping elites".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from homeostat.workloads.evolution import scores as S
from homeostat.workloads.evolution.diversity import SIDE, cells_of
from homeostat.workloads.evolution.lab import Lab, compact, fill, flatten, take
from homeostat.workloads.evolution.population import Population

Array = npt.NDArray[Any]

_STANDS, _CRAWLS, _HOPS = 1, 7, 3  # speed below 0.2 m/s; ground contact from 0.7, below 0.3


@dataclass(frozen=True)
class Elites:
    """The creatures of the cells that were reached."""

    cells: Array
    """(E, 2) tenths of ground contact, fifths of a metre a second."""
    fitness: Array
    """(E,) in-sample, when they were the best of their cell."""
    population: Population


def strategy(cell: Any) -> str:
    """What a creature of a cell does: stands, crawls, walks or hops.

    >>> strategy((9, 3))
    'crawls'
    """
    contact, speed = cell
    if speed < _STANDS:
        return "stands"
    if contact >= _CRAWLS:
        return "crawls"
    return "hops" if contact < _HOPS else "walks"


class Archive:
    """One lab's map of elites."""

    def __init__(self, lab: Lab) -> None:
        self._fitness = np.full(SIDE * SIDE, -1.0)
        self._population: Population = take(lab.population, np.zeros(SIDE * SIDE, np.int64))

    def add(self, lab: Lab) -> None:
        """Enter the generation that the lab judged last."""
        assert lab.last is not None
        scores = lab.last.scores
        order = np.argsort(scores[:, S.FITNESS], kind="stable")
        order = order[scores[order, S.REASON] == 0]
        contact, speed = cells_of(scores[order], lab.world.steps * lab.world.step_s)
        best = np.full(len(self._fitness), -1)
        best[contact * SIDE + speed] = order  # the last, fittest one of a cell stays
        cells = np.flatnonzero(best >= 0)
        cells = cells[scores[best[cells], S.FITNESS] > self._fitness[cells]]
        self._fitness[cells] = scores[best[cells], S.FITNESS]
        living = flatten(lab.population)
        for name, kept in flatten(self._population).items():
            kept[cells] = living[name][best[cells]]

    @property
    def elites(self) -> Elites:
        """Those found so far."""
        cells = np.flatnonzero(self._fitness >= 0)
        places = np.stack(np.divmod(cells, SIDE), axis=1)
        return Elites(places, self._fitness[cells], take(self._population, cells))

    def state_dict(self) -> dict[str, Any]:
        """The map."""
        return {"fitness": self._fitness, "population": compact(self._population)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take a map back."""
        self._fitness = np.array(state["fitness"])
        fill(self._population, state["population"])
