"""Encoding: our parameters as Optuna's distributions, and back.

Options are encoded by their place in the list: to Optuna, True, 1 and 1.0 would be one key.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from homeostat.space import Bool, Choice, Float, Range
from homeostat.space.values import same

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution


class Encoding:
    """What a study varies, in Optuna's terms."""

    def __init__(self, searched: Mapping[str, Range]) -> None:
        self._searched = searched
        self.distributions = {name: _distribution(p) for name, p in searched.items()}

    def encode(self, drawn: Mapping[str, Any]) -> dict[str, Any]:
        return {name: self._encoded(name, value) for name, value in drawn.items()}

    def decode(self, name: str, value: Any) -> Any:
        parameter = self._searched[name]
        if isinstance(parameter, Choice | Bool):
            return parameter.options[value]
        return parameter.check(value)

    def suggest(self, trial: optuna.Trial, name: str) -> Any:
        """Draw one parameter, decoded."""
        parameter = self._searched[name]
        if isinstance(parameter, Choice | Bool):
            places = list(range(len(parameter.options)))
            return parameter.options[trial.suggest_categorical(name, places)]
        suggest = trial.suggest_float if isinstance(parameter, Float) else trial.suggest_int
        value = suggest(name, parameter.low, parameter.high, step=parameter.step, log=parameter.log)  # type: ignore[arg-type]  # all are whole for Int
        return parameter.check(value)  # 0.3 for Optuna's 0.30000000000000004

    def _encoded(self, name: str, value: Any) -> Any:
        parameter = self._searched[name]
        if not isinstance(parameter, Choice | Bool):
            return value
        return next(i for i, option in enumerate(parameter.options) if same(option, value))


def _distribution(parameter: Range) -> BaseDistribution:
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    if isinstance(parameter, Choice | Bool):
        return CategoricalDistribution(list(range(len(parameter.options))))
    if isinstance(parameter, Float):
        return FloatDistribution(
            parameter.low, parameter.high, log=parameter.log, step=parameter.step
        )
    return IntDistribution(parameter.low, parameter.high, log=parameter.log, step=parameter.step)
