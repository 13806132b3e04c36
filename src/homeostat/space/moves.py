"""Moves: changes that are made from the value that is set now.

"More dropout" is .2 where it is .1 now, and nothing where it is as high as it can be:

    changes(config, space, {"dropout": up(by=0.1), "mode": "gated"})

A move goes the way it says or is not made; a change that nothing follows is left out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from homeostat.errors import HomeostatError
from homeostat.space.config import Config
from homeostat.space.numeric import Float, Int
from homeostat.space.parameters import settable
from homeostat.space.space import Space
from homeostat.space.values import same

Bound = Callable[[Config, int], float]
"""A limit that depends on the configuration and on how many steps the run has."""


@dataclass(frozen=True)
class Move:
    """A number moved up (`sign` 1) or down (-1): times a factor, by an amount, as far as a value.

    Whichever of these goes furthest counts, and the range and `limit` end it.
    """

    sign: int
    times: float
    by: float
    far: float | None
    limit: Bound | None
    off: float | None = None
    """A value that stands for none at all, such as a limit of 0: from there it goes to `far`."""

    def made(self, now: Any, parameter: Float | Int, config: Config, steps: int) -> Any:
        """The value it leads to; none where it cannot go its way from `now`."""
        if isinstance(now, bool) or not isinstance(now, int | float):
            return None
        if self.off is not None and now == self.off:
            return None if self.far is None else _on_grid(self.far, parameter)
        further = max if self.sign > 0 else min
        wanted = now * self.times + self.sign * self.by
        if self.far is not None:
            wanted = further(wanted, self.far)
        nearer = min if self.sign > 0 else max
        if self.limit is not None:
            wanted = nearer(wanted, self.limit(config, steps))
        wanted = nearer(wanted, parameter.high if self.sign > 0 else parameter.low)
        value = _on_grid(wanted, parameter)
        return value if self.sign * (value - now) > 0 else None


def up(
    *,
    times: float = 1.0,
    by: float = 0.0,
    at_least: float | None = None,
    limit: Bound | None = None,
) -> Move:
    """A move to a larger value.

    >>> from homeostat.space import Int, Space
    >>> space = Space(layers=Int(1, 3))
    >>> changes(space.resolve({"layers": 2}), space, {"layers": up(times=2)})
    {'layers': 3}
    >>> changes(space.resolve({"layers": 3}), space, {"layers": up(times=2)})
    {}
    """
    return Move(1, times, by, at_least, limit)


def down(
    *,
    times: float = 1.0,
    by: float = 0.0,
    at_most: float | None = None,
    limit: Bound | None = None,
    off: float | None = None,
) -> Move:
    """A move to a smaller value; from `off`, which stands for no limit, to `at_most`.

    >>> from homeostat.space import Float, Space
    >>> space, clip = Space(clip=Float(0, 9)), {"clip": down(times=0.5, at_most=2, off=0)}
    >>> [changes(space.resolve({"clip": now}), space, clip)["clip"] for now in (0, 8, 2)]
    [2.0, 2.0, 1.0]
    """
    return Move(-1, times, by, at_most, limit, off)


def _on_grid(value: float, parameter: Float | Int) -> Any:
    """The value that the parameter has there, to three digits."""
    if isinstance(parameter, Int):
        near = min(max(round(value), parameter.low), parameter.high)
        step = getattr(parameter, "step", None)
        if step and not parameter.log:
            near = parameter.low + round((near - parameter.low) / step) * step
        return near if near <= parameter.high else near - (step or 1)
    short = float(f"{value:.3g}") if value else 0.0
    return min(max(short, parameter.low), parameter.high)


def changes(
    config: Config, space: Space, wanted: Mapping[str, Any], *, steps: int = 0
) -> dict[str, Any]:
    """Those of some changes that change something in a configuration.

    Args:
        wanted: Parameter -> a value, or a `Move` from the value that it has now.
        steps: Of the run, for moves that are limited by it.
    """
    values: dict[str, Any] = {}
    for name, to in wanted.items():
        parameter = settable(space[name]) if name in space else None
        value = to
        if isinstance(to, Move):
            if name not in config or not isinstance(parameter, Float | Int):
                continue
            value = to.made(config[name], parameter, config, steps)
        if parameter is None or (isinstance(to, Move) and value is None):
            continue
        if name not in config or not same(value, config[name]):
            values[name] = value
    return _that_act(config, space, values)


def made(
    config: Config, space: Space, wanted: Mapping[str, Any], *, steps: int = 0
) -> dict[str, Any]:
    """All of some changes, moves as the values they lead to; one that cannot go stays where it is.

    For trying them whatever comes of it; `changes` is for giving advice.
    """
    values = dict(wanted)
    for name, move in wanted.items():
        if isinstance(move, Move):
            parameter = settable(space[name])
            number = isinstance(parameter, Float | Int) and name in config
            to = move.made(config[name], parameter, config, steps) if number else None  # type: ignore[arg-type]  # a number, as just asked
            values[name] = config.get(name) if to is None else to
    return {name: value for name, value in values.items() if value is not None or name in config}


def _that_act(config: Config, space: Space, values: dict[str, Any]) -> dict[str, Any]:
    """Without those that the space does not take here, or that a rule or a condition undoes."""
    try:
        after = space.resolve(
            {**config.given, **values}, inherited=[n for n in config.given if n not in values]
        )
    except HomeostatError:
        try:
            after = space.resolve({**config.given, **values}, inherited={**config.given, **values})
        except HomeostatError:
            return {}
    return {
        name: value
        for name, value in values.items()
        if name in after and after.acts(name) and _equal(after[name], value)
    }


def _equal(one: Any, other: Any) -> bool:
    numbers = isinstance(one, int | float) and isinstance(other, int | float)
    return math.isclose(one, other) if numbers else same(one, other)
