"""Find a configuration in which a parameter is active and no rule sets it."""

from __future__ import annotations

from typing import Any

from homeostat.errors import HomeostatError
from homeostat.space import Bool, Choice, Config, Rule, Space
from homeostat.space.values import among

MOST_TURNS = 8
"""A condition may have conditions, and each may be held by a rule."""


def where_free(space: Space, config: Config, name: str) -> Config | None:
    """The configuration itself, or one near it, in which `name` is active and may be any value.

    Returns:
        None if no such configuration was found.
    """
    given = config.given
    for _ in range(MOST_TURNS):
        wanted = dict(config.given)
        waiting, seen = [name], set()
        while waiting:
            one = waiting.pop()
            seen.add(one)
            wanted |= _released(space, config, one)
            for parent, values in space.conditions[one].items():
                if not among(config[parent], values):
                    wanted[parent] = values[0]
                if (parent not in config.active or parent in wanted) and parent not in seen:
                    waiting.append(parent)
        if name in config.active and not _holding(space, config, name):
            return config
        try:
            config = space.resolve(wanted, inherited=[n for n in wanted if n in given])
        except HomeostatError:
            return None
    return None


def _holding(space: Space, config: Config, name: str) -> list[Rule]:
    """The rules in force that set `name`."""
    return [
        rule
        for rule in space.rules
        if name in rule.set
        and all(n in config.active and among(config[n], values) for n, values in rule.when.items())
    ]


def _released(space: Space, config: Config, name: str) -> dict[str, Any]:
    """Changes that put the rules that hold `name` out of force."""
    changes = {}
    for rule in _holding(space, config, name):
        for parent, values in rule.when.items():
            others = [value for value in _options(space, parent) if not among(value, values)]
            if others:
                changes[parent] = others[0]
                break
    return changes


def _options(space: Space, name: str) -> tuple[Any, ...]:
    parameter = space[name]
    if isinstance(parameter, Choice):
        return tuple(parameter.options)
    return (False, True) if isinstance(parameter, Bool) else ()
