"""Coordinates: configurations as rows of numbers, for whatever computes with many at once."""

# N rows, P parameters.

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from homeostat.space import Bool, Choice
from homeostat.space.order import SearchSpace
from homeostat.space.values import same

MOST_LEVELS = 2_000
"""A whole number with more values than this is as good as a real one."""


class Coordinates:
    """A row has a coordinate for each parameter that is varied, in the order of the space.

    A number's is its place on its own scale, in 0..1; an option's is its place in the list, from 0;
    nan where the parameter does not act. A row without nan is whole: it also has what would be
    drawn if other parameters made more of them act.
    """

    def __init__(self, search_space: SearchSpace) -> None:
        self._space = search_space
        self.names = search_space.names
        self._parameters = [search_space.searched[name] for name in self.names]
        self.options_P = np.array(
            [len(p.options) if isinstance(p, Choice | Bool) else 0 for p in self._parameters]
        )
        """How many options there are; 0 for a number."""
        self.numbers = np.flatnonzero(self.options_P == 0)
        self.choices = np.flatnonzero(self.options_P)
        self.levels: dict[int, np.ndarray] = {}
        """Where the values lie of a number that has only some."""
        for i in self.numbers:
            p = self._parameters[i]
            if not isinstance(p, Choice | Bool) and p.count <= MOST_LEVELS:
                values = map(p.nth, range(int(p.count)))
                self.levels[int(i)] = np.array([p.to_unit(value) for value in values])
        row_P = self.row(search_space.fixed)
        self._fixed = np.flatnonzero(~np.isnan(row_P))
        self._fixed_at = row_P[self._fixed]
        self._places = {name: i for i, name in enumerate(self.names)}
        self.deciders = [self._places[name] for name in search_space.deciders]
        """Of what it depends which parameters act."""
        self._acting: dict[bytes, np.ndarray] = {}

    def row(self, drawn: Mapping[str, Any]) -> np.ndarray:
        """The row of a trial's parameters."""
        row_P = np.full(len(self.names), np.nan)
        for i, (name, p) in enumerate(zip(self.names, self._parameters, strict=True)):
            if name in drawn:
                value = drawn[name]
                row_P[i] = (
                    next((k for k, o in enumerate(p.options) if same(o, value)), np.nan)
                    if isinstance(p, Choice | Bool)
                    else p.to_unit(value)
                )
        return row_P

    def value(self, name: str, row_P: np.ndarray) -> Any:
        """What a whole row has for a parameter."""
        i = self._places[name]
        p = self._parameters[i]
        if isinstance(p, Choice | Bool):
            return p.options[int(row_P[i])]
        return p.check(p.from_unit(float(row_P[i])))

    def drawn(self, draw: Callable[[str], Any]) -> dict[str, Any]:
        """The parameters of the trial that `draw` gives."""
        return self._space.draw(draw)

    def random(self, rng: np.random.Generator, n: int) -> np.ndarray:
        """Whole rows, uniform on each scale."""
        rows_NP = rng.random((n, len(self.names)))
        rows_NP[:, self.choices] = np.floor(rows_NP[:, self.choices] * self.options_P[self.choices])
        return self.snapped(rows_NP)

    def snapped(self, rows_NP: np.ndarray) -> np.ndarray:
        """Each number at the nearest place that it can have, and what is fixed at its value."""
        for i, levels in self.levels.items():
            middle = (levels[1:] + levels[:-1]) / 2
            rows_NP[:, i] = levels[np.searchsorted(middle, rows_NP[:, i])]
        rows_NP[:, self._fixed] = self._fixed_at
        return rows_NP

    def acting(self, rows_NP: np.ndarray) -> np.ndarray:
        """Whole rows with nan where a parameter does not act."""
        if not self.deciders:
            return rows_NP
        acting_NP = np.array([self._acts(row_P) for row_P in rows_NP])
        return np.where(acting_NP, rows_NP, np.nan)

    def _acts(self, row_P: np.ndarray) -> np.ndarray:
        """Which parameters act; the same for all rows that agree in what decides it."""
        key = row_P[self.deciders].tobytes()
        found = self._acting.get(key)
        if found is None:
            drawn = self._space.draw(lambda name: self.value(name, row_P))
            found = self._acting[key] = np.array([name in drawn for name in self.names])
        return found

    def changed(
        self, rows_NP: np.ndarray, rng: np.random.Generator, width: float, mean: float = 1.5
    ) -> np.ndarray:
        """Each whole row with a few parameters changed: a number moves, an option is another.

        Args:
            width: The s.d. of a move, a share of the scale; of a number with few values at least
                about one of them.
            mean: About how many parameters are changed.
        """
        n, p = rows_NP.shape
        chosen_NP = rng.random((n, p)) < min(1.0, mean / p)
        chosen_NP[np.arange(n), rng.integers(p, size=n)] = True
        moved_NP = rows_NP.copy()
        least_P = np.zeros(p)
        for i, levels in self.levels.items():
            least_P[i] = 1.0 / max(1, len(levels))
        scale_NP = np.maximum(width * 10 ** rng.uniform(-1, 0, (n, 1)), least_P)
        moved_NP[:, self.numbers] += (rng.normal(size=(n, p)) * scale_NP)[:, self.numbers]
        # A move beyond an end stops there: the best is often at one.
        moved_NP[:, self.numbers] = moved_NP[:, self.numbers].clip(0.0, 1.0)
        k_P = np.maximum(self.options_P[self.choices], 2)
        steps_NP = 1 + np.floor(rng.random((n, len(self.choices))) * (k_P - 1))
        moved_NP[:, self.choices] = (moved_NP[:, self.choices] + steps_NP) % np.maximum(
            self.options_P[self.choices], 1
        )
        return self.snapped(np.where(chosen_NP, moved_NP, rows_NP))
