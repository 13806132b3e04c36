"""Resolve: from a few given values to a whole configuration.

    1. every given value is checked: known name, settable, right type, in range
    2. each value is settled, after all that it depends on: see `homeostat.space.sheet`
    3. what conditions, rules and formulas changed is told, a sentence for each

A rule wins over a given value. Every value is settled once, after what it depends on, so neither
the order of parameters nor that of rules makes a difference.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Protocol

from homeostat.errors import SpaceError, UnknownNameError, did_you_mean
from homeostat.space import conditions, sheet
from homeostat.space.config import Config
from homeostat.space.parameters import AnyParameter, Derived, Fixed
from homeostat.space.rules import Rule
from homeostat.space.sheet import Sheet
from homeostat.space.values import same, show


class ResolvableSpace(sheet.Declared, Protocol):
    """What is read of a space here; `Space` has it."""

    rules: tuple[Rule, ...]

    def __getitem__(self, name: str, /) -> AnyParameter: ...

    def __contains__(self, name: object, /) -> bool: ...

    def __iter__(self) -> Iterator[str]: ...


def resolve(
    space: ResolvableSpace, overrides: Mapping[str, Any], source: str, inherited: Collection[str]
) -> Config:
    """Do what the module describes; see `Space.resolve`."""
    given = {name: check(space, name, value, source) for name, value in overrides.items()}
    last = Sheet(space, given)
    values = dict(last)
    # What there would be without rules, to tell what they changed.
    first = Sheet(space, given, rules=False) if last.enforced or last.amended else last
    adjustments = _changed_by_rules(space, values, first, last) + last.moved
    used = {}
    for name in given:
        if not last.active[name]:
            adjustments.append(_unused(space, name, given[name], first, last, inherited))
        elif name not in last.enforced:
            used[name] = values[name]
            if isinstance(space[name], Derived):
                adjustments.append(f"{name}: set to {show(values[name])} by hand, not derived.")
    return Config(
        values,
        given=used,
        active=frozenset(name for name, active in last.active.items() if active),
        enforced=frozenset(last.enforced),
        adjustments=tuple(adjustments),
        source=source,
    )


def _changed_by_rules(
    space: ResolvableSpace, values: Mapping[str, Any], first: Sheet, last: Sheet
) -> list[str]:
    """A sentence for each value that a rule changed, in the order of the rules."""
    changed_by = {**last.enforced, **last.amended}
    return [
        rule.tell(name, first[name])
        for rule in space.rules
        for name in rule.set
        if changed_by.get(name) is rule and not same(first[name], values[name])
    ]


def check(space: ResolvableSpace, name: str, value: Any, source: str) -> Any:
    """A given value in its parameter's own type.

    Raises:
        UnknownNameError: If there is no such parameter.
        SpaceError: If it cannot be set, or the value is of the wrong type or out of range.
    """
    if name not in space:
        where = f" in {source}" if source else ""
        raise UnknownNameError(f"No parameter {name!r}{where}.", hint=did_you_mean(name, space))
    parameter = space[name]
    if isinstance(parameter, Fixed):
        raise SpaceError(
            f"{name} is settled at {show(parameter.value)} and cannot be set: {parameter.why}."
        )
    if isinstance(parameter, Derived) and parameter.of is None:
        raise SpaceError(f"{name} is derived and cannot be set: {parameter.why}.")
    range_ = parameter.of if isinstance(parameter, Derived) else parameter
    assert range_ is not None
    return range_.check(value, name)


def _unused(
    space: ResolvableSpace,
    name: str,
    value: Any,
    first: Sheet,
    last: Sheet,
    inherited: Collection[str],
) -> str:
    """The sentence for a given value without effect.

    It is dropped if it was inherited, or if a rule took its condition away; setting it directly
    where it has no effect is a mistake.
    """
    when = space.conditions[name]
    first[name]  # computes whether it is active
    because = " and ".join(
        f"{parent} is {show(last[parent]) if last.active[parent] else 'inactive'}"
        for parent, values in when.items()
        if not last.holds({parent: values})
    )
    if name in inherited or first.active[name]:
        return f"{name}: {show(value)} is not used, because {because}."
    raise SpaceError(
        f"{name}: {show(value)} would not be used, because {because}.",
        hint=f"It is active when {conditions.sentence(when)}.",
    )
