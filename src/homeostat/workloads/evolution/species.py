"""Species: creatures alike compete with each other, so that a new idea has time to ripen.

Species live on from generation to generation. A species' representative is its best survivor of
the generation before; a creature joins the first species whose representative is near enough, or
founds one.

Source: Stanley & Miikkulainen 2002, section 3.3; a threshold that follows the number of species:
Stanley's NEAT FAQ ("dynamic compatibility threshold").
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

_FOLLOW, _MOST = 0.3, 1.25  # twice too many species: a threshold 1.23 times as wide
_NARROWEST, _WIDEST = 0.01, 20.0


@dataclass
class Species:
    """The species of a population, one entry each in arrays that run in parallel."""

    name: Array = field(default_factory=lambda: np.zeros(0, np.int64))
    """Numbered in the order they arose."""
    representative: Array = field(default_factory=lambda: np.zeros(0, np.int64))
    """Index of a creature in the current population."""
    best: Array = field(default_factory=lambda: np.zeros(0))
    """The best raw fitness ever."""
    improved: Array = field(default_factory=lambda: np.zeros(0, np.int64))
    """The generation of that."""
    founded: int = 0
    """How many species there have ever been."""
    member: Array = field(default_factory=lambda: np.zeros(0, np.int64))
    """For each creature, its species as an index into the arrays above."""

    threshold: float = 0.0
    """Nearer than this is the same species; 0 before the first generation was sorted."""

    expected: Array = field(default_factory=lambda: np.zeros(0, np.int64))
    """For each creature of the next population, the species of its mother; -1 if that is gone."""

    def __len__(self) -> int:
        return len(self.name)

    def sort(
        self,
        size: int,
        generation: int,
        first_fits: Callable[..., int],
        threshold: float,
        coefficients: tuple[float, float, float],
        target: int = 0,
    ) -> None:
        """Give every creature of a population a species.

        Args:
            size: How many creatures there are.
            generation: Which generation they are.
            first_fits: See `neat.cross.first_fits`, without its first argument.
            threshold: Nearer than this is the same species, at first or always.
            coefficients: Of excess genes, disjoint genes and weights in the distance.
            target: How many species there should be. The threshold follows: it grows while there
                are more and shrinks while there are fewer. 0: it stays.
        """
        self.threshold = self.threshold if target and self.threshold else threshold
        known, self.member = len(self), np.zeros(size, np.int64)
        representatives = np.zeros(known + size, np.int64)
        representatives[:known] = self.representative
        expected = self.expected if len(self.expected) else np.full(size, -1)
        numbers = (self.threshold, *coefficients)
        count = first_fits(representatives, known, expected, *numbers, self.member)
        new = count - known
        self.name = np.append(self.name, self.founded + np.arange(new))
        self.founded += new
        self.representative = representatives[:count]
        self.best = np.append(self.best, np.full(new, -np.inf))
        self.improved = np.append(self.improved, np.full(new, generation))
        self._keep(np.bincount(self.member, minlength=count) > 0)
        if target:
            follow = min(max((len(self) / target) ** _FOLLOW, 1 / _MOST), _MOST)
            self.threshold = min(max(self.threshold * follow, _NARROWEST), _WIDEST)

    def _keep(self, alive: Array) -> None:
        """Drop the species that are not `alive`."""
        place = np.where(alive, np.cumsum(alive) - 1, -1)
        self.member = place[self.member]
        self.name, self.representative = self.name[alive], self.representative[alive]
        self.best, self.improved = self.best[alive], self.improved[alive]

    def judge(self, fitness: Array, generation: int, patience: int) -> Array:
        """Which species may breed: all but those without progress for `patience` generations.

        The species of the best creature always may.
        """
        best = np.full(len(self), -np.inf)
        np.maximum.at(best, self.member, fitness)
        better = best > self.best
        self.best = np.maximum(best, self.best)
        self.improved = np.where(better, generation, self.improved)
        fresh = generation - self.improved < patience
        fresh[self.member[int(np.argmax(fitness))]] = True
        return fresh

    def follow(self, survivors: Array, mothers: Array) -> None:
        """Point into the next population, where survivors come first, best first, then children."""
        species, places = np.unique(self.member[survivors], return_index=True)
        parents = np.concatenate([survivors, mothers])
        alive = np.zeros(len(self), np.bool_)
        alive[species] = True
        self._keep(alive)
        self.representative = places
        self.expected = self.member[parents]

    def state_dict(self) -> dict[str, Any]:
        """Everything as plain values."""
        return {
            "name": self.name,
            "representative": self.representative,
            "best": self.best,
            "improved": self.improved,
            "founded": self.founded,
            "threshold": self.threshold,
            "member": self.member,
            "expected": self.expected,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        for name, value in state.items():
            number = {"founded": int, "threshold": float}.get(name, np.asarray)
            setattr(self, name, number(value))
