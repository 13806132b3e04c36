"""Random and Sobol: points that depend on the trial's number alone, and on nothing learned."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from homeostat.record import seeds
from homeostat.space import Range


class RandomSampler:
    """Independent, uniform on each parameter's own scale."""

    def __init__(self, searched: Mapping[str, Range], seed: int) -> None:
        self._searched = searched
        self._seed = seed

    def start(self, number: int) -> Callable[[str], Any]:
        units = seeds.generator(self._seed, f"random trial {number}").random(len(self._searched))
        unit = dict(zip(self._searched, units.tolist(), strict=True))
        return lambda name: self._searched[name].from_unit(unit[name])

    def carry(self, drawn: Mapping[str, Any], values: tuple[float, ...] | None) -> None:
        """Nothing depends on earlier studies."""

    def amend(self, number: int, drawn: Mapping[str, Any]) -> None:
        """Nothing depends on earlier draws."""

    def replay(self, number: int, drawn: Mapping[str, Any]) -> None:
        """Nothing depends on earlier draws."""

    def forget(self, number: int) -> None:
        """Nothing depends on earlier draws."""

    def learn(
        self, number: int, values: tuple[float, ...] | None, excess: tuple[float, ...] = ()
    ) -> None:
        """Nothing depends on results."""


class Sobol(RandomSampler):
    """Scrambled Sobol points: they fill the space evenly, so that few of them already cover it.

    Each parameter has its own dimension, whether it is active or not.
    """

    def start(self, number: int) -> Callable[[str], Any]:
        from scipy.stats import qmc

        rng = seeds.generator(self._seed, "sobol")
        points = qmc.Sobol(len(self._searched), rng=rng)
        if number:
            points.fast_forward(number)
        unit = dict(zip(self._searched, points.random()[0].tolist(), strict=True))
        return lambda name: self._searched[name].from_unit(unit[name])
