"""Distributions of scikit-learn as a space: lists, what SciPy draws from, our own parameters."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields
from itertools import product
from typing import Any

import numpy as np

from homeostat.errors import SpaceError
from homeostat.space import Bool, Choice, Config, Float, Int, Parameter, Space

_TAIL = 1e-6
"""How much of a distribution without ends is left out on either side."""


class Distributions:
    """What RandomizedSearchCV takes, as a space and back.

    Distributions({"C": loguniform(1e-3, 1e3), "kernel": ["rbf", "linear"]}, SVC())
        .space             C=Float(0.001, 1000, log=True), kernel=Choice(["rbf", "linear"])
        .values(config)    {"C": 1.0, "kernel": "rbf"}, as set_params takes them

    Args:
        distributions: Parameter -> a list of values, a frozen distribution of SciPy, or one of
            `hs.Float`, `hs.Int`, `hs.Choice` and `hs.Bool`.
        estimator: Whose own values are the defaults, where they are among these.

    Raises:
        SpaceError: If one of them is none of these.
    """

    def __init__(self, distributions: Mapping[str, Any], estimator: Any) -> None:
        if not isinstance(distributions, Mapping):
            raise SpaceError(
                f"param_distributions must be a dictionary, got {type(distributions).__name__}.",
                hint="Several of them are several searches.",
            )
        own = estimator.get_params()
        self._of_label: dict[str, dict[str, Any]] = {}
        self._drawn: dict[str, Any] = {}
        """Distributions that are searched by their quantiles."""
        parameters: dict[str, Any] = {
            name: self._parameter(name, given, own.get(name))
            for name, given in distributions.items()
        }
        self.space = Space(**parameters)

    def values(self, config: Config) -> dict[str, Any]:
        """A configuration as the estimator takes it."""
        return {name: self._value(name, config[name]) for name in self.space}

    @property
    def grid(self) -> list[dict[str, Any]] | None:
        """Every configuration, where there are only choices; None otherwise."""
        options: list[list[Any]] = []
        for parameter in (self.space[name] for name in self.space):
            if isinstance(parameter, Bool):
                options.append([False, True])
            elif isinstance(parameter, Choice):
                options.append(list(parameter.options))
            else:
                return None
        return [dict(zip(self.space, row, strict=True)) for row in product(*options)]

    def _value(self, name: str, value: Any) -> Any:
        if name in self._of_label:
            return self._of_label[name][value]
        if name in self._drawn:
            drawn = self._drawn[name].ppf(value)
            return drawn.item() if isinstance(drawn, np.generic) else drawn
        return value

    def _parameter(self, name: str, given: Any, own: Any) -> Parameter:
        if isinstance(given, Parameter):
            return given
        if hasattr(given, "ppf"):
            return self._from_scipy(name, given, own)
        if isinstance(given, Sequence | np.ndarray) and not isinstance(given, str):
            return self._choice(name, list(given), own)
        raise SpaceError(
            f"{name}: {given!r} is no list of values and no distribution with quantiles (ppf).",
            hint="Give a list, a frozen distribution of scipy.stats, or hs.Float, Int, Choice.",
        )

    def _choice(self, name: str, options: list[Any], own: Any) -> Parameter:
        """The values themselves where a space can hold them, else a label for each."""
        options = [o.item() if isinstance(o, np.generic) else o for o in options]
        try:
            choice = Choice(options)
        except SpaceError:
            labels = [f"{i}: {str(option)[:60]}" for i, option in enumerate(options)]
            self._of_label[name] = dict(zip(labels, options, strict=True))
            at = next((i for i, option in enumerate(options) if option is own), 0)
            return Choice(labels, default=labels[at]) if labels else Choice([])
        return _with_default(choice, own)

    def _from_scipy(self, name: str, given: Any, own: Any) -> Parameter:
        kind = given.dist.name
        low, high = (float(end) for end in given.support())
        if kind == "randint":
            return _with_default(Int(int(low), int(high)), own)
        if kind in ("uniform", "loguniform", "reciprocal"):
            return _with_default(Float(low, high, log=kind != "uniform"), own)
        self._drawn[name] = given
        ends = (0.0 if math.isfinite(low) else _TAIL, 1.0 if math.isfinite(high) else 1 - _TAIL)
        return Float(*ends, default=0.5)


def _with_default(parameter: Parameter, own: Any) -> Parameter:
    """With the estimator's own value as the default, where it is possible."""
    try:
        return type(parameter)(**(_fields(parameter) | {"default": parameter.check(own)}))
    except (SpaceError, TypeError, ValueError):
        return parameter


def _fields(parameter: Parameter) -> dict[str, Any]:
    return {f.name: getattr(parameter, f.name) for f in fields(parameter) if f.init}
