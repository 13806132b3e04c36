"""Designs: which configurations to run, written down before any of them has run.

sweep({"lr": [1e-3, 1e-2]})                one parameter at a time, from the base
grid({"lr": [...], "width": [...]})        every combination
sample(space, 20)                          drawn at random
ablation(["age", "heat"], how="alone")     mechanisms on and off
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from homeostat.errors import SpaceError, UnknownNameError, did_you_mean
from homeostat.space import Bool, Choice, Space
from homeostat.space.order import SearchSpace
from homeostat.space.parameters import Range
from homeostat.space.values import show

BASE = "base"
POINTS = 5
"""How many values a parameter is swept over when none are given."""


@dataclass(frozen=True)
class DesignPoint:
    """One configuration of a design: its name and what it changes."""

    name: str
    changes: Mapping[str, Any] = field(default_factory=dict)


def named(changes: Mapping[str, Any]) -> DesignPoint:
    """A point called after its changes: "lr=0.01, width=32"."""
    return DesignPoint(_words(changes) or BASE, dict(changes))


def _words(changes: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{name}={value:.4g}" if isinstance(value, float) else f"{name}={show(value)}"
        for name, value in changes.items()
    )


def sweep(values: Mapping[str, Sequence[Any]]) -> list[DesignPoint]:
    """The base, then each parameter's values with all others at the base."""
    points = [named({name: value}) for name, chosen in values.items() for value in chosen]
    return [DesignPoint(BASE), *points]


def grid(values: Mapping[str, Sequence[Any]]) -> list[DesignPoint]:
    """Every combination, the last parameter varying fastest."""
    names = list(values)
    return [
        named(dict(zip(names, row, strict=True))) for row in itertools.product(*values.values())
    ]


def sample(
    space: Space,
    count: int,
    *,
    names: Collection[str] | None = None,
    held: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> list[DesignPoint]:
    """Configurations drawn at random, each parameter uniformly on its own scale.

    Args:
        space: Where to draw.
        count: How many.
        names: Which parameters; all that a search varies by default. Each is drawn where it acts.
        held: The values of others.
        seed: The same seed begins with the same configurations, whatever the count.
    """
    rng = np.random.default_rng(seed)
    searched = space.searched(names=names)
    search_space = SearchSpace(space, searched, held or {})
    points = []
    for number in range(count):
        # As many numbers for each, so that what acts in one has no part in the next.
        units = dict(zip(searched, rng.random(len(searched)).tolist(), strict=True))
        drawn = search_space.draw(partial(_at, searched, units))
        points.append(DesignPoint(f"draw {number}: {_words(drawn)}", drawn))
    return points


def _at(searched: Mapping[str, Range], units: Mapping[str, float], name: str) -> Any:
    return searched[name].from_unit(units[name])


def acting_points(
    points: Sequence[DesignPoint], space: Space, held: Mapping[str, Any]
) -> tuple[list[DesignPoint], list[str]]:
    """The points without what has no effect there, each configuration once; and what was left out.

    Raises:
        SpaceError: If a parameter has an effect at none of the points that change it.
    """
    found: dict[str, DesignPoint] = {}
    dead: dict[str, list[str]] = {}
    for point in points:
        values = {**held, **point.changes}
        config = space.resolve(values, source=point.name, inherited=values)
        acts = {name: config[name] for name in point.changes if config.acts(name)}
        for name in point.changes.keys() - acts.keys():
            told = [s for s in config.adjustments if s.startswith(f"{name}: ")]
            dead.setdefault(name, []).append(told[-1] if told else f"{name}: a rule sets it.")
        same = len(acts) == len(point.changes)
        found.setdefault(config.digest, point if same else named(acts))
    notes = []
    for name, sentences in dead.items():
        changing = sum(name in point.changes for point in points)
        if len(sentences) == changing:
            raise SpaceError(f"{name} has no effect here: {sentences[0]}")
        notes.append(
            f"{name} has no effect in {len(sentences)} of {changing} combinations: {sentences[0]}"
        )
    return list(found.values()), notes


def ablation(space: Space, mechanisms: Sequence[str], how: str) -> list[DesignPoint]:
    """Switch mechanisms on and off.

    Args:
        space: Where the mechanisms are parameters that can be true or false.
        mechanisms: Their names.
        how: `alone` (none, then each by itself, then all), `leave-one-out` (all, then all but
            each), or `factorial` (every combination: effects and interactions can be told apart).

    Raises:
        SpaceError: If a mechanism is not a switch, or there are too many for a factorial.
        UnknownNameError: If a mechanism or `how` does not exist.
    """
    for name in mechanisms:
        if name not in space:
            raise UnknownNameError(f"No parameter {name!r}.", hint=did_you_mean(name, space))
        if not isinstance(space[name], Bool):
            raise SpaceError(f"{name} is not a mechanism: it is not true or false.")
    if how not in ABLATIONS:
        raise UnknownNameError(f"No ablation {how!r}.", hint=did_you_mean(how, ABLATIONS))
    if how == "factorial":
        if len(mechanisms) > MOST_FACTORIAL:
            raise SpaceError(
                f"{len(mechanisms)} mechanisms make {2 ** len(mechanisms)} combinations; a "
                f"factorial takes at most {MOST_FACTORIAL}.",
                hint="Use leave-one-out.",
            )
        rows = itertools.product((False, True), repeat=len(mechanisms))
        switched = [dict(zip(mechanisms, row, strict=True)) for row in rows]
    else:
        none, everything = dict.fromkeys(mechanisms, False), dict.fromkeys(mechanisms, True)
        start, flip = (none, True) if how == "alone" else (everything, False)
        switched = [start, *({**start, name: flip} for name in mechanisms)]
        if how == "alone" and len(mechanisms) > 1:
            switched.append(everything)
    return [_switched(settings) for settings in switched]


ABLATIONS = ("alone", "leave-one-out", "factorial")
MOST_FACTORIAL = 8


def _switched(settings: Mapping[str, bool]) -> DesignPoint:
    on = [name for name, value in settings.items() if value]
    if len(on) == len(settings):
        return DesignPoint("all", dict(settings))
    return DesignPoint(" + ".join(on) or "none", dict(settings))


def spread(range_: Range, count: int = POINTS) -> list[Any]:
    """Values across a range on its own scale: both ends and what lies between; every option."""
    if isinstance(range_, Bool):
        return [False, True]
    if isinstance(range_, Choice):
        return list(range_.options)
    found = [range_.from_unit(float(place)) for place in np.linspace(0.0, 1.0, count)]
    # 0.01 rather than 0.010000000000000004, which is the same place.
    rounded = [range_.check(float(f"{value:.6g}")) for value in found[1:-1]]
    return list(dict.fromkeys([range_.low, *rounded, range_.high]))
