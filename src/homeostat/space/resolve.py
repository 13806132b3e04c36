"""Resolve: from a few given values to a whole configuration.

    1. every given value is checked: known name, settable, right type, in range
    2. the rest take their defaults
    3. rules set what they enforce; a rule wins over a given value
    4. conditions decide which parameters are active; an inactive one goes back to its default
    5. derived values are computed, unless given
    6. 3 to 5 are repeated until nothing changes: a rule may read what another rule set, what a
       formula computed, or whether a parameter is active

Within a pass conditions and formulas are worked out in the order in which they depend on each
other. Each pass starts again from the given values, so the order in which rules are declared makes
no difference, and a rule whose condition another rule has removed leaves no trace.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from homeostat.errors import SpaceError, UnknownNameError, did_you_mean
from homeostat.space import conditions
from homeostat.space.config import Config
from homeostat.space.parameters import AnyParameter, Derived, Fixed
from homeostat.space.rules import Rule
from homeostat.space.sheet import Sheet
from homeostat.space.values import same, show


class Declared(Protocol):
    """What is read of a space here; `Space` has it."""

    rules: tuple[Rule, ...]
    defaults: dict[str, Any]
    formulas: dict[str, Derived]
    conditions: dict[str, conditions.When]

    def __getitem__(self, name: str, /) -> AnyParameter: ...

    def __contains__(self, name: object, /) -> bool: ...

    def __iter__(self) -> Iterator[str]: ...


@dataclass
class _Pass:
    """One pass over rules, conditions and formulas."""

    sheet: Sheet
    values: dict[str, Any]
    forced: Mapping[str, Rule]
    """Which rule set a value."""


def resolve(
    space: Declared, overrides: Mapping[str, Any], source: str, inherited: Collection[str]
) -> Config:
    """Do what the module describes; see `Space.resolve`."""
    given = {name: check(space, name, value, source) for name, value in overrides.items()}
    first = _run(space, given, {})
    last = _settle(space, given, first)
    adjustments = [
        rule.tell(name, first.values[name])
        for name, rule in last.forced.items()
        if not same(first.values[name], last.values[name])
    ]
    adjustments += last.sheet.moved
    used = {}
    for name, value in given.items():
        if last.sheet.active[name]:
            used[name] = value
            if isinstance(space[name], Derived):
                adjustments.append(f"{name}: set to {show(value)} by hand, not derived.")
        else:
            adjustments.append(_unused(space, name, value, first.sheet, last.sheet, inherited))
    return Config(
        last.values,
        given=used,
        active=frozenset(name for name, active in last.sheet.active.items() if active),
        adjustments=tuple(adjustments),
        source=source,
    )


def check(space: Declared, name: str, value: Any, source: str) -> Any:
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


def _run(space: Declared, given: Mapping[str, Any], forced: Mapping[str, Rule]) -> _Pass:
    """Steps 2 to 5, with what the rules set already known."""
    chosen = {**given, **{name: rule.set[name] for name, rule in forced.items()}}
    sheet = Sheet(space.defaults, chosen, space.conditions, space.formulas)
    return _Pass(sheet, dict(sheet), forced)


def _settle(space: Declared, given: Mapping[str, Any], now: _Pass) -> _Pass:
    """Step 6: passes until the rules in force no longer change."""
    seen: list[list[Rule]] = [[]]
    while True:
        in_force = [rule for rule in space.rules if now.sheet.holds(rule.when)]
        # Rules in force together agree (the space was checked), so any of them may set a name.
        forced = {n: rule for rule in in_force for n in rule.set if now.sheet.active[n]}
        if in_force == seen[-1] and forced == now.forced:
            return now
        if in_force in seen[:-1]:
            labels = " and ".join(rule.label for rule in in_force)
            raise SpaceError(
                f"The rules never settle: each pass undoes the one before it ({labels}).",
                hint="Give one of them a narrower when=.",
            )
        seen.append(in_force)
        now = _run(space, given, forced)


def _unused(
    space: Declared, name: str, value: Any, first: Sheet, last: Sheet, inherited: Collection[str]
) -> str:
    """The sentence for a given value without effect.

    It is dropped if it was inherited, or if a rule took its condition away; setting it directly
    where it has no effect is a mistake.
    """
    when = space.conditions[name]
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
